//go:build linux

package conn

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Inherit makes a lane of a listening socket that another process hands over. addr is what Listen
// would be told, and the same options are set. Until Own the socket is the other's as well, who may
// go on with it if this process fails: closing the lane leaves no trace. file is the lane's from
// then on.
func Inherit(file *os.File, addr string, cfg ListenConfig) (*Lane, error) {
	lane, err := laneOf(file)
	if err != nil {
		return nil, err
	}
	lane.owner = ownedBySuccessor
	switch path, isUnix := strings.CutPrefix(addr, "unix:"); {
	case strings.HasPrefix(addr, "systemd:"):
		lane.owner = ownedByManager
	case isUnix:
		lane.path = path
		if cfg.Mode != 0 && !strings.HasPrefix(path, "@") {
			err = os.Chmod(path, cfg.Mode)
		}
	default:
		err = cfg.set(lane.fd)
	}
	if err != nil {
		lane.Close()
		return nil, err
	}
	return lane, nil
}

// Duplicate is another descriptor of the lane's socket, the caller's to close.
func (l *Lane) Duplicate() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(l.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), l.addr.String()), nil
}

// Share leaves the socket to another process that listens on it too: what becomes of it is its
// business. It must not be called once draining has begun.
func (l *Lane) Share() {
	l.owner = ownedBySuccessor
}

// Own says that nobody else listens on a socket of Inherit any more.
func (l *Lane) Own() {
	if l.owner == ownedBySuccessor {
		l.owner = ownedHere
	}
}
