//go:build !lwandebug

package lwan

const debugBuild = false
