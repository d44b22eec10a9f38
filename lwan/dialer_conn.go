package lwan

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/relay"
)

// Conn is a connection that parks: an outgoing one of a Dialer, or one that an Endpoint's Conn
// function serves, for which "handler" is that function here. It is a net.Conn, so clients that
// take one, or a dial function, run on it: redigo, crypto/tls, net/textproto.
//
// It belongs to the handler that has it from Get to Keep, Close, or the handler's end, when one
// that was neither kept nor closed is closed; then its methods return net.ErrClosed. On a loop it
// is for the handler's own code: another goroutine gets ErrForeign, also in Await. In a Blocking
// handler, and on net/http, one goroutine may read while another one writes. SetDeadline and its
// like, and Close, may be called by anybody, and end what waits; who has kept a Conn beyond its
// handler's end reaches the next handler's by them, as with every pool.
//
// While its handler waits here the end of the request ends the wait: ErrGone, ErrTimeout,
// ErrStopping. What goes wrong between the server and its backend is a *net.OpError or
// os.ErrDeadlineExceeded, wrapped so that Fail answers it with 502 or 504, and an io.EOF at the end
// of reading.
type Conn struct {
	_ noCopy

	// Client is the user's: what lives as long as the connection, as a protocol's client with its
	// buffers. nil at first.
	Client any

	// SendTimeout is how long a write of SendBody may wait for the other side; 0: as long as the
	// write deadline says. It is the user's, and 0 for the next one.
	SendTimeout time.Duration

	// constant
	from   *Dialer  // nil: of none
	pool   idlePool // nil as well
	core   *process
	served *served // an Endpoint's function serves it; nil: it was dialled
	up     upstream
	tls    *tls.Conn // over rawConn; nil: it is not encrypted
	opened time.Time
	where  net.Addr

	// who has it; nil: nobody. bound is changed with it, and tells one having from the next
	user  atomic.Pointer[Request]
	bound atomic.Uint64

	// the user's: on a loop, of who has left the program's code
	rest   surplus
	uses   int
	broken bool        // nobody may have it after this user
	placed bool        // it has a place of dialPlaces
	probe  bool        // TLS reads what is there, and does not wait
	within bool        // a Reply was begun, and not read to its end
	asked  atomic.Bool // something was written, and nothing was read since

	// the pool's
	newer, older *Conn
	kept         int64 // when it came into it, in nanoseconds of the pool's clock
}

var _ net.Conn = (*Conn)(nil)

// upstream is what moves the bytes of a Conn: a connection of a loop, or one of package net. All of
// it, but letter, is called outside of the program's code by who has the Conn, or by its pool.
type upstream interface {
	// read, write, writev and wait are called by the user's handler, and park, or wait on the
	// goroutine. What read returns as 0 and nil is the end.
	read(req *Request, p []byte) (int, error)
	write(req *Request, p []byte) (int, error)
	writev(req *Request, a, b []byte) (int, error)
	wait(req *Request, limit time.Duration) error
	// writeSome is write that ends when something is there to be read: answered.
	writeSome(req *Request, p []byte) (int, error)
	answered() bool
	// alarm lets that end whatever req's handler waits for; nil: it does not any more. Only a loop
	// can do that.
	alarm(req *Request)
	// tryRead reads what is there; os.ErrDeadlineExceeded, if nothing is.
	tryRead(p []byte) (int, error)
	// deadline sets those of reading, of writing, or both, and lets who waits see them.
	deadline(t time.Time, read, write bool)
	// bind says who has it from now on, without deadlines; nil: nobody. It reports false if it is
	// of no use any more.
	bind(req *Request) bool
	// rest leaves it to its pool for as long, and hold takes it back. They report false if it is of
	// no use any more.
	rest(limit time.Duration) bool
	hold() bool
	// silent asks the kernel whether nothing has come, not even the end, since it was kept.
	silent() bool
	closeWrite() error
	// joins reports whether it can be an end of a tunnel of a loop, and join makes it one.
	joins() bool
	join() relay.Pipe
	close()
	reset()
	local() net.Addr
	// letter runs fn where the Conn may be touched; from anywhere.
	letter(fn func())
}

// waiter implements Waiter.
func (c *Conn) waiter() *Request { return c.user.Load() }

// Context is that of the request that uses c; one that has ended if nobody does. That of a
// connection that an Endpoint's function serves ends when draining begins, with the cause
// ErrStopping.
func (c *Conn) Context() context.Context {
	if req := c.user.Load(); req != nil {
		if c.served != nil {
			return c.served.ctx
		}
		return req.Context()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// enter finds out who has c, and whether the caller may wait for it.
func (c *Conn) enter() (*Request, error) {
	req := c.user.Load()
	switch {
	case req == nil:
		return nil, net.ErrClosed
	case req.home != nil && !req.home.here():
		return nil, ErrForeign
	case req.term.bars():
		return nil, net.ErrClosed
	}
	return req, req.begun()
}

// Read reads at least one byte, or says why not; io.EOF at the end.
func (c *Conn) Read(p []byte) (n int, err error) {
	req, err := c.enter()
	switch {
	case err != nil:
		return 0, err
	case c.tls != nil:
		n, err = c.readTLS(p)
	default:
		n, err = c.readRaw(req, p)
	}
	if n > 0 {
		c.asked.Store(false)
	}
	return n, err
}

func (c *Conn) readTLS(p []byte) (int, error) {
	if n := c.rest.take(p); n > 0 { // a byte that tlsEmpty has found, mostly
		return n + c.tlsPeek(p[n:]), nil
	}
	n, err := c.tls.Read(p)
	return n, c.tlsError("read", err)
}

func (c *Conn) readRaw(req *Request, p []byte) (n int, err error) {
	if len(c.rest.b) > 0 && c.tls == nil {
		return c.rest.take(p), nil
	}
	if len(p) == 0 {
		return 0, nil
	}
	err = req.outside(func() (err error) {
		n, err = c.up.read(req, p)
		return err
	})
	if err == nil && n == 0 {
		return 0, io.EOF
	}
	return n, c.failed("read", req, err)
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	req, err := c.enter()
	if err != nil {
		return 0, err
	}
	c.asked.Store(true)
	if c.tls != nil {
		n, err := c.tls.Write(p)
		return n, c.tlsError("write", err)
	}
	return c.writeRaw(req, p)
}

func (c *Conn) writeRaw(req *Request, p []byte) (n int, err error) {
	err = req.outside(func() (err error) {
		n, err = c.up.write(req, p)
		return err
	})
	return n, c.failed("write", req, err)
}

// Writev writes a and then b, in one call to the system when both fit.
func (c *Conn) Writev(a, b []byte) (n int, err error) {
	req, err := c.enter()
	if err != nil {
		return 0, err
	}
	if c.tls != nil {
		if n, err = c.Write(a); err == nil {
			var m int
			m, err = c.Write(b)
			n += m
		}
		return n, err
	}
	c.asked.Store(true)
	err = req.outside(func() (err error) {
		n, err = c.up.writev(req, a, b)
		return err
	})
	return n, c.failed("write", req, err)
}

// Wait parks until there is something to read, the end included, so that no buffer is held
// meanwhile. 0: no limit; else os.ErrDeadlineExceeded.
func (c *Conn) Wait(limit time.Duration) error {
	req, err := c.enter()
	if err != nil || len(c.rest.b) > 0 {
		return err
	}
	if c.tls != nil && !c.tlsEmpty() {
		return nil
	}
	err = req.outside(func() error { return c.up.wait(req, limit) })
	return c.failed("read", req, err)
}

// CloseWrite sends a FIN, or TLS's close_notify.
func (c *Conn) CloseWrite() error {
	req, err := c.enter()
	switch {
	case err != nil:
		return err
	case c.tls != nil:
		return c.tlsError("close", c.tls.CloseWrite())
	}
	return c.failed("close", req, req.outside(c.up.closeWrite))
}

// Reused reports whether c has served a handler before: a failure before the first byte of an
// answer may then be the end of an idle connection, which met the request on its way.
func (c *Conn) Reused() bool { return c.uses > 1 }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.where }

// LocalAddr implements net.Conn. On a loop it asks the kernel; it is nil where the connection is
// closed, or somebody else's.
func (c *Conn) LocalAddr() (a net.Addr) {
	req := c.user.Load()
	if req == nil || req.home != nil && !req.home.here() {
		return nil
	}
	_ = req.outside(func() error { a = c.up.local(); return nil })
	return a
}

// ConnectionState is that of TLS; nil without.
func (c *Conn) ConnectionState() *tls.ConnectionState {
	if c.tls == nil && c.served == nil {
		return nil
	}
	req, err := c.enter()
	switch {
	case err != nil:
		return nil
	case c.served != nil:
		return req.TLS()
	}
	s := c.tls.ConnectionState()
	return &s
}
