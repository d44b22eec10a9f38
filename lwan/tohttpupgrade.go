package lwan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Hijack implements transport.Stream. The engine's own connection is one that it counts; nobody waits for it from here on, as
// http.Server.Shutdown does not.
func (c *httpCall) Hijack() (net.Conn, []byte, error) {
	conn, rest, err := c.take()
	if counted, ok := conn.(interface{ release() net.Conn }); ok {
		conn = counted.release()
	}
	if err == nil {
		c.leave()
	}
	return conn, rest, err
}

// take takes the connection from net/http.
func (c *httpCall) take() (net.Conn, []byte, error) {
	conn, rw, err := c.ctl.Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", transport.ErrNotHere, err)
	}
	c.phase = callTaken
	rest, err := rw.Reader.Peek(rw.Reader.Buffered())
	return conn, bytes.Clone(rest), err
}

// Interim implements transport.Stream.
func (c *httpCall) Interim(a *transport.Answer) error {
	if c.head.Minor == 0 { // RFC 9110 section 15.2
		return nil
	}
	h := c.w.Header()
	before := maps.Clone(h)
	a.Fields(func(name, _ string) bool {
		h.Del(name)
		return true
	})
	a.Fields(func(name, value string) bool {
		h.Add(name, value)
		return true
	})
	c.w.WriteHeader(a.Status)
	a.Fields(func(name, _ string) bool {
		h.Del(name)
		return true
	})
	maps.Copy(h, before)
	return nil
}

// Raw implements transport.Stream.
func (c *httpCall) Raw(_ transport.Task, proto string, a *transport.Answer) (net.Conn, []byte, error) {
	conn, rest, err := c.take()
	if err != nil {
		return nil, nil, err
	}
	head := http1.AppendStatusLine(nil, a.Status)
	a.Fields(func(name, value string) bool {
		head = http1.AppendField(head, name, value)
		return true
	})
	head = http1.AppendField(head, "Connection", "Upgrade")
	head = append(http1.AppendField(head, "Upgrade", proto), "\r\n"...)
	if _, err := conn.Write(head); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	c.rawMu.Lock()
	c.raw = conn
	c.rawMu.Unlock()
	c.wakeRaw()
	return &upgradedHTTPConn{conn, c, io.MultiReader(bytes.NewReader(rest), conn)}, nil, nil
}

// closeRaw closes the connection of an upgraded request, which lives as long as the handler.
func (c *httpCall) closeRaw() {
	if c.raw != nil {
		_ = c.raw.Close() // a second Close says nothing new
	}
}

// wakeRaw wakes who reads or writes it when the server stops.
func (c *httpCall) wakeRaw() {
	c.rawMu.Lock()
	defer c.rawMu.Unlock()
	if c.raw != nil && c.ends() == ErrStopping {
		_ = c.raw.SetDeadline(time.Unix(1, 0)) // that it is closed already is the handler's wish
	}
}

// upgradedHTTPConn reads first what was read of the connection too much, and ends when draining starts.
type upgradedHTTPConn struct {
	net.Conn
	call *httpCall
	r    io.Reader
}

func (u *upgradedHTTPConn) Read(p []byte) (int, error)  { return u.alive(u.r.Read, p) }
func (u *upgradedHTTPConn) Write(p []byte) (int, error) { return u.alive(u.Conn.Write, p) }

// alive does it unless the request is over, and says why it is if that has ended it.
func (u *upgradedHTTPConn) alive(do func([]byte) (int, error), p []byte) (int, error) {
	if cause := u.call.ends(); cause != nil {
		return 0, cause
	}
	n, err := do(p)
	if cause := u.call.ends(); cause != nil && err != nil {
		err = cause
	}
	return n, err
}
