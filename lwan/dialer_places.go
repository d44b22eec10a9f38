package lwan

import (
	"net"
	"slices"
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// dialPlaces counts the open connections of a Dialer that has a bound, and has the handlers that
// wait until there is room for another one. A place is a connection's from the beginning of its
// opening until it is closed; then it passes to who has waited longest.
type dialPlaces struct {
	mu    sync.Mutex
	open  int
	queue []*placeWaiter
	over  bool // the Dialer is closed
}

// placeWaiter is a handler that waits.
type placeWaiter struct {
	pool idlePool
	wake func()
	// mu guards them
	given bool
	conn  *Conn // a connection of pool in place of a bare place; nil: none
}

// take waits for a place, or for a connection of pool that somebody keeps. It returns a nil Conn
// with a place.
func (l *dialPlaces) take(req *Request, d *Dialer, pool idlePool, reuse bool) (*Conn, error) {
	if d.at.maxOpen == 0 {
		return nil, nil
	}
	w, err := l.line(d, pool, reuse)
	if w == nil {
		return nil, err
	}
	taken := false
	defer func() { // also if the handler is unwound meanwhile
		if !taken {
			l.abandon(w, req)
		}
	}()
	d.makeRoom(pool)
	err = req.await(func(wake func()) { l.arm(w, wake) }, d.at.queue, transport.Cancelled)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && !w.given:
		return nil, net.ErrClosed
	case err == transport.ErrPause:
		return nil, ErrBusy
	case err != nil:
		return nil, err
	}
	taken = true
	return w.conn, nil
}

// line takes a place, or makes who waits for one; both are nil if there is a place.
func (l *dialPlaces) line(d *Dialer, pool idlePool, reuse bool) (*placeWaiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over:
		return nil, net.ErrClosed
	case l.open < d.at.maxOpen && len(l.queue) == 0:
		l.open++
		return nil, nil
	case len(l.queue) >= d.at.maxWait:
		return nil, ErrBusy
	}
	w := &placeWaiter{}
	if reuse {
		w.pool = pool
	}
	l.queue = append(l.queue, w)
	return w, nil
}

// arm sets what wakes w, and wakes it if its turn has come before.
func (l *dialPlaces) arm(w *placeWaiter, wake func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.wake = wake; w.given || l.over {
		wake()
	}
}

// abandon gives back what w was given, or takes it out of the queue.
func (l *dialPlaces) abandon(w *placeWaiter, req *Request) {
	l.mu.Lock()
	given, c := w.given, w.conn
	if i := slices.Index(l.queue, w); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	l.mu.Unlock()
	switch {
	case c != nil:
		_ = req.outside(func() error { c.settle(0); return nil })
	case given:
		l.leave()
	}
}

// leave gives a place back.
func (l *dialPlaces) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || l.over {
		l.open--
		return
	}
	l.give(0, nil)
}

// give lets the waiter at i go on, with c or a place.
func (l *dialPlaces) give(i int, c *Conn) {
	w := l.queue[i]
	l.queue = slices.Delete(l.queue, i, i+1)
	w.given, w.conn = true, c
	if w.wake != nil {
		w.wake()
	}
}

// pass gives c, which is kept for pool, to who waits there. It reports false if it is not for it
// that somebody has waited longest; wanted, if somebody waits elsewhere.
func (l *dialPlaces) pass(c *Conn, pool idlePool) (passed, wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || l.over {
		return false, false
	}
	if l.queue[0].pool != pool {
		return false, true
	}
	l.give(0, c)
	return true, false
}

func (l *dialPlaces) waiting() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.queue))
}

// close lets everybody go on who waits.
func (l *dialPlaces) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for _, w := range l.queue {
		if w.wake != nil {
			w.wake()
		}
	}
	l.queue = nil
}

// makeRoom lets each other pool let one idle connection go, for who waits on this one. One that
// rests on this loop as well is let go if it may not be used again.
func (d *Dialer) makeRoom(here idlePool) {
	d.spare.dropOldest()
	for _, p := range d.loopPools() {
		p.loop.Post(p.dropOldest)
	}
}
