//go:build linux && !golwan_nethttp

package lwan

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/http1"
)

// hijack implements carrier: the loop forgets the connection, and package net gets a duplicate of its descriptor. The
// original is closed when the handler returns.
func (h *h1) hijack() (net.Conn, []byte, error) {
	defer h.w.EnterUser(h.w.LeaveUser())
	if err := h.flush(); err != nil {
		return nil, nil, err
	}
	if err := h.c.Detach(); err != nil {
		return nil, nil, err
	}
	h.keep, h.cutoff, h.away = false, true, true
	h.resp.take(answerTaken, switching)
	conn, err := h.duplicate()
	if err != nil {
		return nil, nil, err
	}
	return conn, h.takeRest(), nil
}

// duplicate makes a connection of package net over a duplicate of the descriptor.
func (h *h1) duplicate() (net.Conn, error) {
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
func (h *h1) takeRest() []byte {
	rest := slices.Concat(h.ahead, h.in[h.pos:h.end])
	h.pos, h.ahead = h.end, nil
	return rest
}

// upgrade implements carrier.
func (h *h1) upgrade(resp *Response, proto string) (net.Conn, error) {
	defer h.w.EnterUser(h.w.LeaveUser())
	if err := h.switchTo(resp, proto); err != nil {
		return nil, err
	}
	return &parkedConn{
		h: h, seq: h.seq, local: net.TCPAddrFromAddrPort(h.c.Local()), remote: net.TCPAddrFromAddrPort(h.c.Peer()),
	}, nil
}

// switchTo sends a 101 response.
func (h *h1) switchTo(resp *Response, proto string) error {
	h.appendHead(resp, 101)
	h.out = http1.AppendField(h.out, "Connection", "Upgrade")
	h.out = append(http1.AppendField(h.out, "Upgrade", proto), "\r\n"...)
	h.resp.take(answerTaken, switching) // also if only a part of it leaves
	h.keep = false
	return h.flush()
}

// parkedConn is the connection of an upgraded request, as the handler sees it.
type parkedConn struct {
	h               *h1
	readBy, writeBy time.Time
	closed          bool
	seq             uint64 // of the request that it belongs to
	local, remote   net.Addr
}

// over is why nothing can be done with the connection: it is another goroutine's, was closed, or its handler has returned
// and h serves another one. Only in this order: what is looked at after the first is the loop's.
func (p *parkedConn) over() error {
	switch {
	case !p.h.w.Mine():
		return ErrForeign
	case p.closed || p.h.seq != p.seq || !p.h.active:
		return net.ErrClosed
	}
	return nil
}

var _ net.Conn = (*parkedConn)(nil)

// Read reads what was read with the head first.
func (p *parkedConn) Read(b []byte) (int, error) {
	h := p.h
	if err := p.over(); err != nil {
		return 0, err
	}
	if h.pos < h.end {
		n := copy(b, h.in[h.pos:h.end])
		h.pos += n
		return n, nil
	}
	if err := h.req.beginWait(); err != nil {
		return 0, err
	}
	defer h.w.EnterUser(h.w.LeaveUser())
	n, err := h.c.Read(&h.w.Task, b, pause(0, p.readBy))
	if err == nil && n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, p.errorOf(err)
}

func (p *parkedConn) Write(b []byte) (int, error) {
	if err := p.over(); err != nil {
		return 0, err
	}
	if err := p.h.req.beginWait(); err != nil {
		return 0, err
	}
	defer p.h.w.EnterUser(p.h.w.LeaveUser())
	n, err := p.h.c.Write(&p.h.w.Task, b, pause(p.h.req.limits.Write, p.writeBy))
	return n, p.errorOf(err)
}

// errorOf makes deadlines look as net's do; other ends are those of the request.
func (p *parkedConn) errorOf(err error) error {
	if err = p.h.errorOf(err); err == ErrTimeout && p.h.req.cancelled() == nil {
		return os.ErrDeadlineExceeded
	}
	return p.h.req.endWait(err)
}

// Close ends reading and writing; the connection is closed when the handler returns.
func (p *parkedConn) Close() error {
	if err := p.over(); err != nil {
		return err
	}
	p.closed = true
	defer p.h.w.EnterUser(p.h.w.LeaveUser())
	return p.h.c.CloseWrite()
}

// LocalAddr and RemoteAddr are those of the time of the upgrade.
func (p *parkedConn) LocalAddr() net.Addr  { return p.local }
func (p *parkedConn) RemoteAddr() net.Addr { return p.remote }

func (p *parkedConn) SetDeadline(t time.Time) error {
	if err := p.over(); err != nil {
		return err
	}
	p.readBy, p.writeBy = t, t
	return nil
}

func (p *parkedConn) SetReadDeadline(t time.Time) error {
	if err := p.over(); err != nil {
		return err
	}
	p.readBy = t
	return nil
}

func (p *parkedConn) SetWriteDeadline(t time.Time) error {
	if err := p.over(); err != nil {
		return err
	}
	p.writeBy = t
	return nil
}
