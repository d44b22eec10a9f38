//go:build !linux || golwan_nethttp

package ecosystem

const onLoops = false
