//go:build linux && !golwan_nethttp

package h1

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/transport"
)

var (
	_ transport.Stream = (*server)(nil)
	_ transport.Peer   = (*server)(nil)
)

// Peer implements transport.Stream.
func (h *server) Peer() transport.Peer { return h }

// Addr implements transport.Peer.
func (h *server) Addr() netip.AddrPort { return h.c.Peer() }

// Local implements transport.Peer.
func (h *server) Local() netip.AddrPort { return h.c.Local() }

// TLS implements transport.Peer.
func (h *server) TLS() *tls.ConnectionState { return h.c.TLS() }

// Endpoint implements transport.Peer.
func (h *server) Endpoint() int { return h.c.Lane() }

// Hijack implements transport.Stream: the loop forgets the connection, and package net gets a
// duplicate of its descriptor. The original is closed when the handler returns.
func (h *server) Hijack() (net.Conn, []byte, error) {
	if h.phase != held && h.phase != streaming {
		return nil, nil, transport.ErrOver
	}
	if err := h.Flush(); err != nil {
		return nil, nil, err
	}
	conn, err := h.duplicate()
	if err != nil {
		return nil, nil, notHere(err)
	}
	if err := h.c.Detach(); err != nil {
		return nil, nil, errors.Join(notHere(errorOf(err)), conn.Close())
	}
	h.keep, h.phase = false, away
	return h.c.Release(conn), h.takeRest(), nil
}

// notHere says that the connection cannot be taken because of err.
func notHere(err error) error { return fmt.Errorf("%w: %w", transport.ErrNotHere, err) }

// duplicate makes a connection of package net over a duplicate of the descriptor.
func (h *server) duplicate() (net.Conn, error) {
	dup, err := unix.FcntlInt(uintptr(h.c.Fd()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(dup), "hijacked")
	conn, err := net.FileConn(f) // duplicates once more, into the poller of package net
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return conn, nil
}

// takeRest takes what was read behind the request.
func (h *server) takeRest() []byte {
	rest := append([]byte(nil), h.in[h.pos:h.end]...)
	h.pos = h.end
	return rest
}

// Raw implements transport.Stream. For a goroutine the loop keeps its descriptor beside the one of
// package net: it watches for the client's leaving, and lingers behind the last bytes.
func (h *server) Raw(on transport.Task, proto string, a *transport.Answer) (
	net.Conn, []byte, error,
) {
	if h.phase != held {
		return nil, nil, transport.ErrOver
	}
	if on.Inline() {
		if err := h.switchTo(proto, a); err != nil {
			return nil, nil, err
		}
		return newRawConn(h), h.takeRest(), nil
	}
	conn, err := h.duplicate() // first: behind a 101 response no other one can follow
	if err != nil {
		return nil, nil, notHere(err)
	}
	if err := h.switchTo(proto, a); err != nil {
		_ = conn.Close() // nobody has it
		return nil, nil, err
	}
	return h.c.Release(conn), h.takeRest(), nil
}

// switchTo sends a 101 response.
func (h *server) switchTo(proto string, a *transport.Answer) error {
	h.appendHead(a)
	h.out = http1.AppendField(h.out, "Connection", "Upgrade")
	h.out = append(http1.AppendField(h.out, "Upgrade", proto), "\r\n"...)
	h.keep, h.phase = false, raw // also if only a part of it leaves
	return h.Flush()
}

// Take implements transport.Stream.
func (h *server) Take(a *transport.Answer, first []byte) (
	p transport.Pipe, f transport.Form, rest []byte, err error,
) {
	if h.phase == bare {
		return h.takeBare()
	}
	if a.Close = true; a.Status == 101 { // it says itself what becomes of the connection
		h.appendHead(a)
		h.out = append(h.out, "\r\n"...)
	} else if err = h.Head(a); err == nil {
		err = h.Write(first)
	}
	if err == nil {
		err = h.Flush()
	}
	if err != nil {
		h.Cut()
		return nil, 0, nil, err
	}
	if h.frame == chunked {
		f = transport.Chunk
	}
	h.keep, h.phase = false, handed
	h.c.Expire(0)
	return h.c.Pipe(), f, h.takeRest(), nil
}
