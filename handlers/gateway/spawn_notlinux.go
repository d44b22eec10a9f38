//go:build unix && !linux

package gateway

import "syscall"

// dieWithParent does nothing: only Linux tells a process of its parent's death.
func dieWithParent(*syscall.SysProcAttr) {}
