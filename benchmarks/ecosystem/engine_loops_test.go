//go:build linux && !golwan_nethttp

package ecosystem

const onLoops = true // handlers park, and Stats says how many
