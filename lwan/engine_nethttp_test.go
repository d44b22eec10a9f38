//go:build linux && golwan_nethttp

package lwan

// onLoops: the tests run with net/http. What they leave out then is told at httpEngine.
const onLoops = false
