//go:build !linux || golwan_nethttp

package gateway

// onLoops: net/http parses requests otherwise, where there are no loops.
const onLoops = false
