//go:build linux

package evloop

import (
	"sync/atomic"
	"time"
)

// offload is how a connection waits while a goroutine drives it. The goroutine makes its own non-blocking calls; the
// loop turns each edge into a token, at most one a direction. A token that came before the kernel said EAGAIN costs one
// more try; none can be lost, because the goroutine asks the kernel before it waits.
type offload struct {
	input, space      chan struct{} // tokens: there may be something to read, room to write
	cancelled, killed chan struct{} // closed by Cancel and Kill
	cause, dead       atomic.Pointer[error]
}

func newOffload() *offload {
	return &offload{
		input: make(chan struct{}, 1), space: make(chan struct{}, 1),
		cancelled: make(chan struct{}), killed: make(chan struct{}),
	}
}

// wait blocks the goroutine until a token comes, stop is closed, or limit has passed (0: never).
func (o *offload) wait(token, stop chan struct{}, limit time.Duration) error {
	var late <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-token:
		return nil
	case <-stop:
		if stop == o.killed {
			return *o.dead.Load()
		}
		return *o.cause.Load()
	case <-late:
		return ErrTimeout
	}
}

// end closes stop, once; why is what waits and will wait on it.
func (o *offload) end(stop chan struct{}, why *atomic.Pointer[error], err error) {
	if why.CompareAndSwap(nil, &err) {
		close(stop)
	}
}

// edge passes latched readiness on to the goroutine.
func (o *offload) edge(latch uint8) {
	if latch&(latchIn|latchRdHup|latchHup) != 0 {
		token(o.input)
	}
	if latch&(latchOut|latchHup) != 0 {
		token(o.space)
	}
}

func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// errorIn is the error that p holds, or nil.
func errorIn(p *atomic.Pointer[error]) error {
	if err := p.Load(); err != nil {
		return *err
	}
	return nil
}

// used reports whether o was cancelled, so that it cannot serve again.
func (o *offload) used() bool { return o.cause.Load() != nil || o.dead.Load() != nil }

// beginOffload hands the connection to a goroutine.
func (c *Conn) beginOffload() {
	if !c.open() {
		return
	}
	o := c.w.spare
	if o == nil || o.used() {
		o = newOffload()
	}
	drain(o.input)
	drain(o.space)
	c.w.spare, c.off = o, o
	if c.dead != nil {
		o.end(o.killed, &o.dead, c.dead)
	}
	c.noticeHangup()
	if c.cause != nil {
		o.end(o.cancelled, &o.cause, c.cause)
	}
}

// endOffload takes it back. What the goroutine has seen of the socket is not known: look again before waiting.
func (c *Conn) endOffload() {
	c.off = nil
	if c.open() {
		c.slot.latch |= latchIn | latchOut
	}
}

func drain(ch chan struct{}) {
	select {
	case <-ch:
	default:
	}
}

// Cancelled is closed when the connection is cancelled, for an offloaded function to wait on. Nil on the loop.
func (c *Conn) Cancelled() <-chan struct{} {
	if c.off == nil {
		return nil
	}
	return c.off.cancelled
}
