//go:build linux && !golwan_nethttp

package lwan

// onLoops: the tests run with event loops.
const onLoops = true
