package nethttp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Hijack implements transport.Stream. The engine's own connection is one that it counts; nobody
// waits for it from here on, as http.Server.Shutdown does not.
func (c *Call) Hijack() (net.Conn, []byte, error) {
	conn, rest, err := c.take()
	below := conn
	if t, ok := conn.(*tls.Conn); ok {
		below = t.NetConn()
	}
	if counted, ok := below.(interface{ Release() net.Conn }); ok {
		if its := counted.Release(); below == conn {
			conn = its
		}
	}
	if err == nil {
		c.leave()
	}
	return conn, rest, err
}

// take takes the connection from net/http.
func (c *Call) take() (net.Conn, []byte, error) {
	conn, rw, err := c.ctl.Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", transport.ErrNotHere, err)
	}
	c.phase = taken
	rest, err := rw.Reader.Peek(rw.Reader.Buffered())
	return conn, bytes.Clone(rest), err
}

// Raw implements transport.Stream.
func (c *Call) Raw(_ transport.Task, proto string, a *transport.Answer) (net.Conn, []byte, error) {
	conn, rest, err := c.take()
	if err != nil {
		return nil, nil, err
	}
	head := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n", a.Status, message.StatusText(a.Status))
	a.Fields(func(name, value string) bool {
		head = fmt.Appendf(head, "%s: %s\r\n", name, value)
		return true
	})
	head = fmt.Appendf(head, "Connection: Upgrade\r\nUpgrade: %s\r\n\r\n", proto)
	if _, err := conn.Write(head); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	c.rawMu.Lock()
	c.raw = conn
	killed := c.killed
	c.rawMu.Unlock()
	if killed {
		return nil, nil, errors.Join(c.ends(), conn.Close())
	}
	c.wakeRaw()
	return &rawConn{conn, c, io.MultiReader(bytes.NewReader(rest), conn)}, nil, nil
}

// closeRaw closes the connection of an upgraded request, which lives as long as the handler.
func (c *Call) closeRaw() {
	if c.raw != nil {
		_ = c.raw.Close() // a second Close says nothing new
	}
}

// Kill is End for an upgraded request, too: its connection is closed, whatever is to be said on it.
// Any goroutine may call it.
func (c *Call) Kill(cause error) {
	c.End(cause)
	c.rawMu.Lock()
	defer c.rawMu.Unlock()
	c.killed = true
	if c.raw != nil {
		_ = c.raw.Close() // that it is closed already is the handler's wish
	}
}

// wakeRaw wakes who reads or writes it when the server stops.
func (c *Call) wakeRaw() {
	c.rawMu.Lock()
	defer c.rawMu.Unlock()
	if c.raw != nil && c.ends() == transport.ErrStopping {
		_ = c.raw.SetDeadline(time.Unix(1, 0)) // that it is closed already is the handler's wish
	}
}

// rawConn reads first what was read of the connection too much, and ends when draining starts.
type rawConn struct {
	net.Conn
	call *Call
	r    io.Reader
}

func (u *rawConn) Read(p []byte) (int, error)  { return u.alive(u.r.Read, p) }
func (u *rawConn) Write(p []byte) (int, error) { return u.alive(u.Conn.Write, p) }

// CloseWrite sends the end of the stream.
func (u *rawConn) CloseWrite() error {
	half, ok := u.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// alive does it unless the request is over, and says why it is if that has ended it.
func (u *rawConn) alive(do func([]byte) (int, error), p []byte) (int, error) {
	if cause := u.call.ends(); cause != nil {
		return 0, cause
	}
	n, err := do(p)
	if cause := u.call.ends(); cause != nil && err != nil {
		err = cause
	}
	return n, err
}
