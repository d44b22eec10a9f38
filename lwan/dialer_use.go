package lwan

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// How a Conn passes from one user to the next.
//
//	opened ──bind──▶ had ──unbind, settle──▶ resting ──take, bind──▶ had
//	had ──Close, the handler's end──▶ closed
//	resting ──an event, its time, a drain──▶ closed
//
// Who unbinds it says what becomes of it; that is one of the handler, its end, and a letter of
// another goroutine's Close, whoever comes first.

// usedConns is the connections that a request's handler has. The mutex is for goroutines of
// Blocking handlers.
type usedConns struct {
	mu  sync.Mutex
	all []*Conn
}

func (u *usedConns) add(c *Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(u.all, c)
}

func (u *usedConns) remove(c *Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, o := range u.all {
		if o == c {
			last := len(u.all) - 1
			u.all[i], u.all[last] = u.all[last], nil
			u.all = u.all[:last]
			return
		}
	}
}

func (u *usedConns) last() *Conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := len(u.all); n > 0 {
		return u.all[n-1]
	}
	return nil
}

// closeConns closes what the handler has neither kept nor closed. It is called outside of the
// program's code.
func (r *Request) closeConns() {
	for c := r.used.last(); c != nil; c = r.used.last() {
		if c.unbind(r) {
			c.finish()
		} else {
			r.used.remove(c) // whoever was quicker does it as well
		}
	}
}

// bind gives c to req's handler.
func (c *Conn) bind(req *Request) {
	c.uses++
	c.SendTimeout = 0
	c.begins()
	if c.pool != nil {
		c.pool.counts().inUse.Add(1)
	}
	req.used.add(c)
	c.up.bind(req)
	c.bound.Add(1)
	c.user.Store(req)
}

// begins forgets what was asked and answered: nothing is under way on c.
func (c *Conn) begins() {
	c.within = false
	c.asked.Store(false)
}

// unbind takes c from req's handler. It reports false if somebody else has.
func (c *Conn) unbind(req *Request) bool {
	if !c.user.CompareAndSwap(req, nil) {
		return false
	}
	c.bound.Add(1)
	req.used.remove(c)
	if c.pool != nil {
		c.pool.counts().inUse.Add(-1)
	}
	if !c.up.bind(nil) {
		c.broken = true
	}
	return true
}

// Keep gives c back to its Dialer, for other handlers. It must not be used any more. It is closed if
// the Dialer does not want it, and where the next user could read what was meant for this one: if
// something is there to read, if nothing was read since the last write, or if a Reply was begun and
// its Body not read to its end, or is not Reusable.
func (c *Conn) Keep() { c.KeepFor(0) }

// KeepFor is Keep for at most d, as a Keep-Alive field asks; 0: as long as Dialer.Idle says.
func (c *Conn) KeepFor(d time.Duration) {
	req := c.user.Load()
	switch {
	case req == nil:
		return
	case req.home != nil && !req.home.here(), req.term.bars():
		_ = c.Close() // it says who may
		return
	}
	clean := !c.within && !c.asked.Load() && len(c.rest.b) == 0 && (c.tls == nil || c.tlsEmpty())
	_ = req.outside(func() error {
		switch {
		case !c.unbind(req):
		case clean:
			c.settle(d)
		default:
			c.finish()
		}
		return nil
	})
}

// settle puts c, which nobody has, into its pool, or gives it to who waits for one, or closes it.
func (c *Conn) settle(limit time.Duration) {
	d := c.from
	if d == nil || c.broken || !d.wants(c) {
		c.finish()
		return
	}
	if idle := d.at.idle; idle > 0 && (limit <= 0 || idle < limit) {
		limit = idle
	}
	if !c.up.rest(limit) {
		c.pool.ends()
		c.finish()
		return
	}
	if c.placed {
		c.up.hold()
		passed, wanted := d.places.pass(c, c.pool)
		if passed {
			return
		}
		if wanted || !c.up.rest(limit) {
			c.finish()
			return
		}
	}
	c.pool.keep(c)
}

// wants reports whether the Dialer keeps c.
func (d *Dialer) wants(c *Conn) bool {
	switch t := &d.at; {
	case d.over.Load(), t.maxIdle == 0, t.maxUses > 0 && c.uses >= t.maxUses:
		return false
	case t.maxAge > 0 && time.Since(c.opened) >= t.maxAge:
		return false
	}
	return true
}

// finish closes c, which nobody has, and no pool.
func (c *Conn) finish() {
	c.up.close()
	c.release()
}

// release gives back what c, which is closed, has counted for.
func (c *Conn) release() {
	if c.placed {
		c.placed = false
		c.from.places.leave()
	}
}

// Close closes c at once.
func (c *Conn) Close() error {
	return c.end(func(req *Request) {
		if c.unbind(req) {
			c.finish()
		}
	})
}

// Reset closes c so that the peer sees a reset and not an end.
func (c *Conn) Reset() {
	_ = c.end(func(req *Request) { // only that it is closed already
		if c.unbind(req) {
			c.up.reset()
			c.release()
		}
	})
}

// end runs fn, which closes c: on the way of the caller, if that is the handler, else as a letter.
func (c *Conn) end(fn func(req *Request)) error {
	bound := c.bound.Load()
	req := c.user.Load()
	switch {
	case req == nil:
		return net.ErrClosed
	case req.home != nil && !req.home.here():
		c.up.letter(func() {
			if c.bound.Load() == bound {
				fn(req)
			}
		})
		return nil
	}
	if c.tls != nil && req.begun() == nil {
		c.farewell()
	}
	return req.outside(func() error { fn(req); return nil })
}

// SetDeadline implements net.Conn; anybody may call it, and who waits is told.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, true, true) }

// SetReadDeadline implements net.Conn, as SetDeadline.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, true, false) }

// SetWriteDeadline implements net.Conn, as SetDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, false, true) }

func (c *Conn) setDeadline(t time.Time, read, write bool) error {
	bound := c.bound.Load()
	req := c.user.Load()
	switch {
	case req == nil:
		return net.ErrClosed
	case req.home != nil && !req.home.here():
		c.up.letter(func() {
			if c.bound.Load() == bound {
				c.up.deadline(t, read, write)
			}
		})
		return nil
	}
	return req.outside(func() error { c.up.deadline(t, read, write); return nil })
}

// failed makes the error of a call what its caller is to see, and remembers what the request does
// not survive.
func (c *Conn) failed(op string, req *Request, err error) error {
	switch {
	case err == nil, err == io.EOF, err == ErrForeign:
		return err
	case err == errDraining && !c.served.told:
		c.served.told = true
		return ErrStopping
	case err == errDraining: // who reads again has not listened
		return req.endWait(ErrStopping)
	case err == ErrGone, err == ErrTimeout, err == ErrStopping, err == ErrBodyNotAllowed:
		return req.endWait(err)
	case err == transport.ErrOver, errors.Is(err, net.ErrClosed):
		return net.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = os.ErrDeadlineExceeded
	}
	network := "tcp"
	if c.where != nil {
		network = c.where.Network()
	}
	if c.served != nil {
		return clientFailure(op, network, c.where, err)
	}
	return backendFailure(op, network, c.where, err)
}
