//go:build unix

package lwan

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peerSpoke reports whether the peer of a connection that rests has closed it, or has sent
// something. Of one without a descriptor nothing is known.
func peerSpoke(nc net.Conn) (spoke bool) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, e := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK)
		spoke = e != unix.EAGAIN
		return true
	})
	return spoke || err != nil
}

// awaitPeer waits until there is something to read, the end included, and takes nothing of it. It
// reports false if that is not possible with such a connection.
func awaitPeer(nc net.Conn) (err error, ok bool) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err, true
	}
	return raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, e := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK)
		return e != unix.EAGAIN
	}), true
}
