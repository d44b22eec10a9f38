package lwan

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// asideConn is the connection of an upgraded request in a Blocking handler: one of package net,
// over a duplicate of the descriptor, so that goroutines may use it as any other. It is closed when
// the handler returns. The loop keeps the descriptor, and tells of a client that leaves through the
// request's context.
type asideConn struct {
	net.Conn
	a    *aside
	rest []byte // what was read of the connection too much; the reader's

	// guarded by the aside's mutex
	limited bool // the handler has not set a deadline of its own for writing
	parting bool // the last words are said: the end of the request does not end that
}

// over is why the connection is of no use any more; nil as long as it is.
func (c *asideConn) over() error {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	return c.refusal()
}

// refusal is over; the aside's mutex is held.
func (c *asideConn) refusal() error {
	switch {
	case c.a.over:
		return net.ErrClosed
	case c.a.cause != ErrGone: // who has left may have left something to read
		return c.a.cause
	}
	return nil
}

// Read reads what was read with the head first.
func (c *asideConn) Read(p []byte) (int, error) {
	if err := c.over(); err != nil {
		return 0, err
	}
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	return n, c.explain(err)
}

// explain says why the request has ended, if that has ended a call.
func (c *asideConn) explain(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if over := c.over(); over != nil {
		return over
	}
	return err
}

// Close tells the client, too: the loop's descriptor keeps the connection open.
func (c *asideConn) Close() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite() // it fails where there is nobody to be told any more
	}
	return c.Conn.Close()
}

// Write writes all of p; a client that takes none of it for Limits.Write ends it, unless the
// handler has set a deadline.
func (c *asideConn) Write(p []byte) (done int, err error) {
	for {
		if err := c.beginPiece(); err != nil {
			return done, err
		}
		piece := p[done:min(len(p), done+streamPiece)]
		n, err := c.Conn.Write(piece)
		if done += n; err != nil {
			return done, c.explain(err)
		}
		if done == len(p) {
			return done, nil
		}
	}
}

// beginPiece gives the client its time for what is written next, unless the handler has set a
// deadline, or the request is over: whoever sets a deadline meanwhile comes before or after it.
func (c *asideConn) beginPiece() error {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	if err := c.refusal(); err != nil {
		return err
	}
	if limit := c.a.req.limits.Write; c.limited && limit > 0 {
		// it fails if the connection is closed: Write says so
		_ = c.Conn.SetWriteDeadline(time.Now().Add(limit))
	}
	return nil
}

// SetDeadline is as of a net.Conn.
func (c *asideConn) SetDeadline(t time.Time) error {
	return c.alive(func() error {
		c.limited = t.IsZero()
		return c.Conn.SetDeadline(t)
	})
}

// SetReadDeadline is as of a net.Conn.
func (c *asideConn) SetReadDeadline(t time.Time) error {
	return c.alive(func() error { return c.Conn.SetReadDeadline(t) })
}

// SetWriteDeadline is as of a net.Conn.
func (c *asideConn) SetWriteDeadline(t time.Time) error {
	return c.alive(func() error {
		c.limited = t.IsZero()
		return c.Conn.SetWriteDeadline(t)
	})
}

// CloseWrite sends the end of the stream.
func (c *asideConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// alive does what would take back that the request is over, unless it is.
func (c *asideConn) alive(do func() error) error {
	c.a.mu.Lock()
	defer c.a.mu.Unlock()
	switch {
	case c.a.over:
		return net.ErrClosed
	case c.a.cause != nil && c.a.cause != ErrGone:
		return os.ErrDeadlineExceeded
	}
	return do()
}

// expire ends what is being read or written; the aside's mutex is held.
func (c *asideConn) expire() {
	past := time.Unix(1, 0)
	_ = c.Conn.SetReadDeadline(past) // it fails if the handler has closed it
	if !c.parting {
		_ = c.Conn.SetWriteDeadline(past) // likewise
	}
}

// keepConn makes conn the handler's until it returns. It is called by the worker; false: the
// handler has returned.
func (a *aside) keepConn(conn *asideConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	a.conn = conn
	return true
}
