//go:build linux && !golwan_nethttp

package h2

import (
	"io"
	"net"
	"os"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Raw implements transport.Stream. There is no 101 response (RFC 9113 section 8.6): only the
// CONNECT of a WebSocket makes a stream the handler's (RFC 8441).
func (r *runner) Raw(on transport.Task, _ string, a *transport.Answer) (net.Conn, []byte, error) {
	switch {
	case r.phase != held:
		return nil, nil, transport.ErrOver
	case !r.head.WebSocket:
		return r.Hijack()
	}
	if err := r.switchTo(a); err != nil {
		return nil, nil, err
	}
	r.phase = raw
	if r.s.kick(); !on.Inline() {
		return nil, nil, nil
	}
	return &rawConn{
		r: r, local: net.TCPAddrFromAddrPort(r.Local()), remote: net.TCPAddrFromAddrPort(r.Addr()),
	}, nil, nil
}

// switchTo begins an answer behind which somebody else goes on: that of a WebSocket has the status
// 200 in place of 101.
func (r *runner) switchTo(a *transport.Answer) error {
	if !r.head.WebSocket || a.Status != 101 {
		return r.Head(a)
	}
	if err := r.awaitSpace(); err != nil {
		r.phase = givenUp
		return err
	}
	r.phase, r.dated, r.left = streaming, false, -1
	r.appendHead(a, 200, 0, transport.Unsaid)
	return nil
}

// rawConn is a stream as a handler on a loop reads and writes it: its calls park the worker.
// Whoever has it calls it in the worker only, and not after the request's end.
type rawConn struct {
	r             *runner
	readBy        time.Time
	local, remote net.Addr
}

var _ net.Conn = (*rawConn)(nil)

// Read implements net.Conn.
func (c *rawConn) Read(p []byte) (int, error) {
	r := c.r
	var waited error
	for {
		if r.st == nil {
			return 0, transport.ErrOver
		}
		n, err := r.st.readSome(p)
		switch {
		case err != transport.ErrAgain:
			return n, err
		case waited != nil:
			return 0, c.errorOf(waited)
		}
		r.s.kick()
		limit := time.Duration(0)
		if !c.readBy.IsZero() {
			limit = max(time.Until(c.readBy), 1)
		}
		waited = r.t.Await(transport.Cancelled, limit, &r.st.in)
	}
}

// Write implements net.Conn. A client that takes nothing for Limits.Write ends it, unless there is
// a deadline.
func (c *rawConn) Write(p []byte) (int, error) {
	r := c.r
	switch {
	case r.phase == givenUp:
		return 0, transport.ErrGone
	case r.phase != raw:
		return 0, transport.ErrOver
	}
	n, err := r.send(p)
	if r.st != nil {
		r.s.kick()
	}
	return n, c.errorOf(err)
}

// errorOf makes deadlines look as net's do; other ends are those of the request.
func (c *rawConn) errorOf(err error) error {
	if err == transport.ErrTimeout && c.r.t.Cause() == nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

// Close ends writing; the stream ends when the handler returns.
func (c *rawConn) Close() error {
	if err := c.r.Close(nil); err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	return nil
}

// LocalAddr implements net.Conn. Both addresses are those of the time of the upgrade.
func (c *rawConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *rawConn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *rawConn) SetDeadline(t time.Time) error {
	c.readBy, c.r.writeBy = t, t
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *rawConn) SetReadDeadline(t time.Time) error {
	c.readBy = t
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *rawConn) SetWriteDeadline(t time.Time) error {
	c.r.writeBy = t
	return nil
}
