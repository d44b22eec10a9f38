package main

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// backlog is the queue of connections that are not accepted yet; the kernel cuts it to
// net.core.somaxconn.
const backlog = 4096

// listen opens a non-blocking listening socket. SO_REUSEPORT lets several loops listen on the same
// port.
func listen(at netip.AddrPort) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := bind(fd, at); err != nil {
		unix.Close(fd) // the error that counts is the one before
		return -1, fmt.Errorf("listen on %s: %w", at, err)
	}
	return fd, nil
}

func bind(fd int, at netip.AddrPort) error {
	for _, option := range []int{unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1); err != nil {
			return err
		}
	}
	// Accepted sockets inherit it.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if !at.Addr().Is4() {
		return unix.EAFNOSUPPORT
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{
		Addr: at.Addr().As4(), Port: int(at.Port()),
	}); err != nil {
		return err
	}
	return unix.Listen(fd, backlog)
}
