package lwan

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
)

// hijack implements carrier. The engine's own connection is one that it counts; nobody waits for it from here on, as
// http.Server.Shutdown does not.
func (c *httpCall) hijack() (net.Conn, []byte, error) {
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
		return nil, nil, err
	}
	c.hijacked = true
	c.resp.take(answerTaken, switching)
	rest, err := rw.Reader.Peek(rw.Reader.Buffered())
	return conn, bytes.Clone(rest), err
}

// interim implements carrier.
func (c *httpCall) interim(st Status, fields []field) error {
	if c.resp.state.headOut() {
		return ErrHeadSent
	}
	if c.req.head.Minor == 0 { // RFC 9110 section 15.2
		return nil
	}
	fields = informational(fields)
	h := c.w.Header()
	before := maps.Clone(h)
	for _, f := range fields {
		h.Del(f.name)
	}
	for _, f := range fields {
		h.Add(f.name, f.value)
	}
	c.w.WriteHeader(int(st))
	for _, f := range fields {
		h.Del(f.name)
	}
	maps.Copy(h, before)
	return nil
}

// upgrade implements carrier.
func (c *httpCall) upgrade(resp *Response, proto string) (net.Conn, error) {
	conn, rest, err := c.take()
	if err != nil {
		return nil, err
	}
	head := http1.AppendStatusLine(nil, http.StatusSwitchingProtocols)
	resp.withDefaults(func(name, value string) { head = http1.AppendField(head, name, value) })
	head = http1.AppendField(head, "Connection", "Upgrade")
	head = append(http1.AppendField(head, "Upgrade", proto), "\r\n"...)
	if _, err := conn.Write(head); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	stop := context.AfterFunc(c.req.table.core.stopping, func() {
		c.end(ErrStopping)
		_ = conn.SetDeadline(time.Unix(1, 0)) // wakes who reads or writes; that it is closed already is the handler's wish
	})
	c.req.Defer(func() {
		stop()
		_ = conn.Close() // it lives as long as the handler; a second Close says nothing new
	})
	return &upgradedConn{conn, c, io.MultiReader(bytes.NewReader(rest), conn)}, nil
}

// upgradedConn reads first what was read of the connection too much, and ends when draining starts.
type upgradedConn struct {
	net.Conn
	call *httpCall
	r    io.Reader
}

func (u *upgradedConn) Read(p []byte) (int, error)  { return u.alive(u.r.Read, p) }
func (u *upgradedConn) Write(p []byte) (int, error) { return u.alive(u.Conn.Write, p) }

// alive does it unless the request is over, and says why it is if that has ended it.
func (u *upgradedConn) alive(do func([]byte) (int, error), p []byte) (int, error) {
	if cause := u.call.req.lost.Load(); cause != nil {
		return 0, *cause
	}
	n, err := do(p)
	if cause := u.call.req.lost.Load(); cause != nil && err != nil {
		err = *cause
	}
	return n, err
}
