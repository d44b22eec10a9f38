// Package unixsocket binds unix sockets for both engines.
//
// It is for goroutines that may wait: it dials the socket that it finds. Nothing here is kept.
package unixsocket

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Listen binds a unix socket at path, with mode as its permissions; 0 leaves them to the umask. A
// socket file that nobody listens on any more is replaced. If somebody does, or the file is no
// socket, the error is EADDRINUSE. The file is removed when the listener is closed, unless
// SetUnlinkOnClose says otherwise.
func Listen(path string, mode fs.FileMode) (*net.UnixListener, error) {
	addr := &net.UnixAddr{Name: path, Net: "unix"}
	if st, err := os.Lstat(path); err == nil && st.Mode()&fs.ModeSocket != 0 {
		if inUse(addr) {
			return nil, &net.OpError{Op: "listen", Net: "unix", Addr: addr, Err: syscall.EADDRINUSE}
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	ln, err := net.ListenUnix("unix", addr)
	if err != nil || mode == 0 {
		return ln, err
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}

// inUse reports whether somebody listens. Only a refusal tells that nobody does: a queue that is
// full, as of a server that is busy, is an error too.
func inUse(addr *net.UnixAddr) bool {
	c, err := net.DialUnix("unix", nil, addr)
	if err == nil {
		_ = c.Close() // which says nothing to us
	}
	return !errors.Is(err, errRefused)
}
