package unixsocket

import "golang.org/x/sys/windows"

// errRefused says that nobody listens. The system's own number is not the one of package syscall.
const errRefused = windows.WSAECONNREFUSED
