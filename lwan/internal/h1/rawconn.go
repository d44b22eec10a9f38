//go:build linux && !golwan_nethttp

package h1

import (
	"io"
	"net"
	"os"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// rawConn is the connection of an upgraded request: its calls park the worker. Whoever has it calls
// it in the worker only, and not after the request's end.
type rawConn struct {
	h               *server
	readBy, writeBy time.Time
	local, remote   net.Addr
}

var _ net.Conn = (*rawConn)(nil)

func newRawConn(h *server) *rawConn {
	return &rawConn{
		h:      h,
		local:  net.TCPAddrFromAddrPort(h.c.Local()),
		remote: net.TCPAddrFromAddrPort(h.c.Peer()),
	}
}

// until is how long a call may wait: until by, if that is set, else limit.
func until(by time.Time, limit time.Duration) time.Duration {
	if by.IsZero() {
		return limit
	}
	return max(time.Until(by), 1)
}

// Read implements net.Conn.
func (r *rawConn) Read(p []byte) (int, error) {
	n, err := r.h.c.Read(r.h.t, p, until(r.readBy, 0))
	if err == nil && n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, r.errorOf(err)
}

// Write implements net.Conn. A client that takes nothing for Limits.Write ends it, unless there is
// a deadline.
func (r *rawConn) Write(p []byte) (int, error) {
	_, pause := r.h.x.Pauses()
	n, err := r.h.c.Write(r.h.t, p, until(r.writeBy, pause))
	return n, r.errorOf(err)
}

// errorOf makes deadlines look as net's do; other ends are those of the request.
func (r *rawConn) errorOf(err error) error {
	if err = errorOf(err); err == transport.ErrTimeout && r.h.t.Cause() == nil {
		return os.ErrDeadlineExceeded
	}
	return err
}

// Close ends reading and writing; the connection is closed when the handler returns.
func (r *rawConn) Close() error { return r.h.c.CloseWrite() }

// LocalAddr implements net.Conn. Both addresses are those of the time of the upgrade.
func (r *rawConn) LocalAddr() net.Addr { return r.local }

// RemoteAddr implements net.Conn.
func (r *rawConn) RemoteAddr() net.Addr { return r.remote }

// SetDeadline implements net.Conn.
func (r *rawConn) SetDeadline(t time.Time) error {
	r.readBy, r.writeBy = t, t
	return nil
}

// SetReadDeadline implements net.Conn.
func (r *rawConn) SetReadDeadline(t time.Time) error {
	r.readBy = t
	return nil
}

// SetWriteDeadline implements net.Conn.
func (r *rawConn) SetWriteDeadline(t time.Time) error {
	r.writeBy = t
	return nil
}
