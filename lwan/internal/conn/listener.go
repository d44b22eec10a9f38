//go:build linux

package conn

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/unixsocket"
)

// Lane is a listening socket. Its index in Start's slice is what Conn.Lane tells.
type Lane struct {
	fd    int
	addr  net.Addr
	path  string // of a unix socket
	owner laneOwner

	boundEach bool // accepted sockets do not inherit maxUnsent

	security  Security                   // nil: the first byte is of the engine's Protocol
	announced func(peer netip.Addr) bool // see Announced; nil: nobody
	handshake uint32                     // seconds for both; 0: no limit
	perAddr   int                        // open connections of an address; 0: Config.PerAddr
	bare      bool                       // see Bare
}

// LimitPerAddr bounds the open connections of one remote address over this lane, which are counted
// by themselves then. 0: Config.PerAddr counts. Before Start.
func (l *Lane) LimitPerAddr(most int) { l.perAddr = most }

// laneOwner says who decides about the end of a listening socket. The file of a unix socket is
// removed with a socket of ours only, and only such a one may be shut to newcomers: another process
// has the same socket, not a copy.
//
//	Listen ──▶ here ──Share──▶ successor
//	Inherit ──▶ successor ──Own──▶ here
//	systemd ──▶ manager ──Share──▶ successor
type laneOwner uint8

const (
	ownedByCaller    laneOwner = iota // it came from FromListener
	ownedHere                         // Listen made it
	ownedBySuccessor                  // another process accepts from it too, and goes on with it
	// systemd has it, and gives it to the next process: who waits in its queue may go on waiting
	ownedByManager
)

// ListenConfig says how a socket is to listen.
type ListenConfig struct {
	FastOpen int // length of the queue of TCP Fast Open; 0: off
	// accept a connection only when it has sent something, or after this long; 0: off
	DeferAccept time.Duration
	Congestion  string      // control of it, as "cubic"; "": the system's
	Mode        fs.FileMode // of a unix socket; 0: as the umask gives it
}

// Listen makes a listening socket for "host:port" (an empty host: all addresses, v4 and v6),
// "unix:/path" or "systemd:name" (a socket that systemd handed over, named by FileDescriptorName,
// or its number).
func Listen(addr string, cfg ListenConfig) (*Lane, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return listenUnix(path, cfg)
	}
	if name, ok := strings.CutPrefix(addr, "systemd:"); ok {
		return inherited(name)
	}
	lc := net.ListenConfig{
		Control: func(_, _ string, raw syscall.RawConn) error { return cfg.control(raw) },
	}
	// an MPTCP socket is slower and none of the options below are sure to work on it
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	lane, err := FromListener(ln)
	if err == nil {
		lane.owner = ownedHere
	}
	return lane, err
}

// control sets the options of a TCP socket before it is bound. Accepted sockets inherit NODELAY.
// REUSEADDR and a backlog of net.core.somaxconn are package net's defaults.
func (cfg ListenConfig) control(raw syscall.RawConn) error {
	var err error
	fail := raw.Control(func(fd uintptr) { err = cfg.set(int(fd)) })
	return errors.Join(fail, err)
}

func (cfg ListenConfig) set(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	if cfg.FastOpen > 0 {
		err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, cfg.FastOpen)
		if err != nil {
			return fmt.Errorf("TCP_FASTOPEN: %w", err)
		}
	}
	if s := Seconds(cfg.DeferAccept); s > 0 {
		err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, int(s))
		if err != nil {
			return fmt.Errorf("TCP_DEFER_ACCEPT: %w", err)
		}
	}
	if name := cfg.Congestion; name != "" {
		err := unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, name)
		if err != nil {
			return fmt.Errorf("TCP_CONGESTION %q: %w", name, err)
		}
	}
	return nil
}

// listenUnix binds a unix socket.
func listenUnix(path string, cfg ListenConfig) (*Lane, error) {
	ln, err := unixsocket.Listen(path, cfg.Mode)
	if err != nil {
		return nil, err
	}
	ln.SetUnlinkOnClose(false)
	defer ln.Close()
	lane, err := FromListener(ln)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	lane.path, lane.owner = path, ownedHere
	return lane, nil
}

// FromListener takes a duplicate of ln's descriptor. ln stays the caller's to close.
func FromListener(ln net.Listener) (*Lane, error) {
	f, ok := ln.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("conn: a %T has no descriptor to listen on", ln)
	}
	file, err := f.File()
	if err != nil {
		return nil, err
	}
	return newLane(file, ln.Addr())
}

// newLane makes a lane of file, which it closes. The runtime watches a non-blocking file with its
// own epoll instance, and would wake one of its threads for each connection that comes: the lane
// has a descriptor that the runtime does not know.
func newLane(file *os.File, addr net.Addr) (*Lane, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("conn: listener: %w", err)
	}
	lane := &Lane{fd: fd, addr: addr}
	if err := lane.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("conn: listener: %w", err), lane.Close())
	}
	return lane, nil
}

// prepare sets what a socket needs that we did not make.
func (l *Lane) prepare() error {
	if err := unix.SetNonblock(l.fd, true); err != nil {
		return err
	}
	if l.addr.Network() != "tcp" {
		return nil
	}
	if err := unix.SetsockoptInt(l.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	l.boundEach = !boundUnsent(l.fd)
	return nil
}

// Addr is where the socket listens.
func (l *Lane) Addr() net.Addr { return l.addr }

// Close closes the socket and removes the file of a unix socket that is ours.
func (l *Lane) Close() error {
	// first: once the socket is closed another process may put its own in this place
	err := l.removeFile()
	return errors.Join(err, os.NewSyscallError("close", unix.Close(l.fd)))
}

// removeFile removes the file of a unix socket that is ours, once.
func (l *Lane) removeFile() error {
	if l.owner != ownedHere || l.path == "" || l.path[0] == '@' {
		return nil
	}
	if err := os.Remove(l.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.path = ""
	return nil
}
