package lwan

import (
	"net"
	"time"
)

// upgradedConn is the connection of an upgraded request as a handler on a loop sees it: its calls
// park the handler. Those of goroutines have one of package net.
type upgradedConn struct {
	net.Conn
	req    *Request
	serial uint64 // of the request that it belongs to
	rest   []byte // what was read with the head
	closed bool
}

// over is why nothing can be done with the connection: it is another goroutine's, was closed, or
// its handler has returned and the Request serves another one. Only in this order: what is looked
// at after the first is the loop's.
func (c *upgradedConn) over() error {
	switch {
	case !c.req.home.here():
		return ErrForeign
	case c.closed || c.req.serial != c.serial || c.req.state.Load() == stateOver:
		return net.ErrClosed
	}
	return nil
}

// do runs op, which waits.
func (c *upgradedConn) do(op func([]byte) (int, error), p []byte) (n int, err error) {
	if err := c.over(); err != nil {
		return 0, err
	}
	if err := c.req.beginWait(); err != nil {
		return 0, err
	}
	err = c.req.outside(func() (err error) {
		n, err = op(p)
		return err
	})
	return n, c.req.endWait(err)
}

// Read reads what was read with the head first.
func (c *upgradedConn) Read(p []byte) (int, error) {
	if err := c.over(); err != nil {
		return 0, err
	}
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	return c.do(c.Conn.Read, p)
}

func (c *upgradedConn) Write(p []byte) (int, error) { return c.do(c.Conn.Write, p) }

// Close ends reading and writing; the connection is closed when the handler returns.
func (c *upgradedConn) Close() error {
	if err := c.over(); err != nil {
		return err
	}
	c.closed = true
	return c.req.outside(c.Conn.Close)
}

func (c *upgradedConn) SetDeadline(t time.Time) error {
	return c.alive(c.Conn.SetDeadline, t)
}

func (c *upgradedConn) SetReadDeadline(t time.Time) error {
	return c.alive(c.Conn.SetReadDeadline, t)
}

func (c *upgradedConn) SetWriteDeadline(t time.Time) error {
	return c.alive(c.Conn.SetWriteDeadline, t)
}

func (c *upgradedConn) alive(set func(time.Time) error, t time.Time) error {
	if err := c.over(); err != nil {
		return err
	}
	return set(t)
}
