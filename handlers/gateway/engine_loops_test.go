//go:build linux && !golwan_nethttp

package gateway

const onLoops = true
