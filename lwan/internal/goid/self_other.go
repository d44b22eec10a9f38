//go:build !linux || !(amd64 || arm64)

package goid

// Self tells the calling goroutine from all others that are alive.
func Self() uintptr { return uintptr(Current()) }
