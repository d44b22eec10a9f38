//go:build unix && !linux

package conf

// monotonic is nothing: only systemd wants to know it.
func monotonic() string { return "" }
