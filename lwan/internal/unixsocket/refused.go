//go:build !windows

package unixsocket

import "syscall"

// errRefused says that nobody listens.
const errRefused = syscall.ECONNREFUSED
