//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// errorOf translates what a connection says.
func (h *h1) errorOf(err error) error {
	switch {
	case err == nil:
		return nil
	case err == transport.ErrOver, lost(err):
		return ErrGone
	}
	return err
}

// lost reports whether err is what the kernel says of a connection whose other end cannot be reached any more.
func lost(err error) bool {
	e, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch e {
	case syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ENOTCONN, syscall.ETIMEDOUT,
		syscall.EHOSTUNREACH, syscall.EHOSTDOWN, syscall.ENETUNREACH, syscall.ENETDOWN:
		return true
	}
	return false
}

// lighten gives back what the handler of a stream does not need while it waits, which may be for hours.
func (h *h1) lighten() {
	if h.resp.state.headOut() {
		h.giveBack()
	}
}

// waits is called before a worker waits for the client: how long the client takes to send or to read is its own choice, and a worker that waits
// for it keeps as little as one can.
func (h *h1) waits() { h.giveBack() }

// giveBack gives back large write buffers, and all of the read buffer but the request's head and what came behind it that
// nobody has taken yet.
func (h *h1) giveBack() {
	if cap(h.out) > keptWhileParked && len(h.out) == 0 {
		h.out = nil
	}
	if cap(h.resp.body) > keptWhileParked && len(h.resp.body) == 0 {
		h.resp.body = nil // and not lent to others: what was in it may be on its way
	}
	head := []byte(nil)
	needed := h.req.buf != nil && h.head < h.base // not by a request that is over, or has moved
	if needed {
		head = h.in[h.head:h.base]
	}
	pending := h.in[h.pos:h.end]
	if len(h.in) < readBuffer || len(head)+len(pending) > readBuffer/2 {
		return
	}
	if h.head == 0 && h.base == len(h.in) { // it has been done
		return
	}
	old := h.in
	h.in = slices.Concat(head, pending)
	h.head, h.base, h.pos, h.end = 0, len(head), len(head), len(h.in)
	if needed {
		h.req.move(h.in)
	}
	if !h.req.aliased {
		h.eng.giveBuffer(old)
	}
}

// rests is called when the worker has nothing to do. No request is under way: what the worker has of the last one is garbage.
func (h *h1) rests() {
	h.eng.giveBuffer(h.in)
	h.in = nil
	if cap(h.out) > keptAtRest {
		h.out = nil
	}
	if r := h.resp; r != nil && cap(r.body) > keptAtRest {
		r.body = nil
	}
	if r := h.req; r != nil && cap(r.body.whole) > keptAtRest {
		r.body.whole = nil
	}
}

// keptAtRest is how large the write buffers of a resting worker may be, and that of a body.
const keptAtRest = 4 << 10

// keptWhileParked is how large the write buffers of a waiting worker may be.
const keptWhileParked = 1 << 10

// here implements home.
func (h *h1) here() bool { return h.w.Mine() }

// sleep implements carrier.
func (h *h1) sleep(d time.Duration) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	if err := h.flush(); err != nil {
		return err
	}
	h.lighten()
	return h.errorOf(h.w.Sleep(d))
}

// wait implements carrier.
func (h *h1) wait(arm func(wake func()), limit time.Duration) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	if err := h.flush(); err != nil {
		return err
	}
	h.lighten()
	return h.errorOf(h.w.Wait(arm, limit, transport.Cancelled))
}

// offload implements carrier.
func (h *h1) offload(fn func()) error {
	if !h.here() {
		return ErrForeign
	}
	defer h.w.EnterUser(h.w.LeaveUser())
	if h.req.state.Load() != stateUnwinding {
		if err := h.flush(); err != nil {
			return err
		}
	}
	return h.errorOf(h.w.Offload(h.core.goroutine.run, fn))
}

// outlast implements carrier.
func (h *h1) outlast(arm func(wake func())) {
	defer h.w.EnterUser(h.w.LeaveUser())
	// It starts whatever it is given, and waits on the handler's own coroutine.
	_ = h.w.Offload(func(run func()) bool { arm(run); return true }, func() {})
}

// readAside implements carrier.
func (h *h1) readAside(fn func(body io.Reader)) error {
	defer h.w.EnterUser(h.w.LeaveUser())
	a := h.newAside()
	a.chain = func() {
		defer a.term.end()
		fn(a.req.Body())
	}
	if err := h.attend(a); err != nil {
		return err
	}
	h.req.body = a.req.body
	h.req.dead.Store(a.req.dead.Load())
	switch {
	case a.panicked != nil:
		panic(a.panicked)
	case a.exited:
		runtime.Goexit()
	}
	return nil
}

// entered implements carrier.
func (h *h1) entered(rt *route) {
	switch {
	case h.eng.dog == nil:
	case rt == nil:
		h.w.EnterUser(0)
	default:
		h.w.EnterUser(rt.number)
	}
}

// returned implements carrier.
func (h *h1) returned() { h.w.LeaveUser() }

// onLoop implements carrier.
func (h *h1) onLoop() bool { return true }

// canceller implements carrier.
func (h *h1) canceller() func(cause error) {
	return h.w.Canceller()
}

// parent implements carrier.
func (h *h1) parent() context.Context { return context.Background() }

// elapsed implements carrier.
func (h *h1) elapsed() time.Duration { return time.Duration(h.c.Loop().Clock() - h.start) }

// unwind implements carrier.
func (h *h1) unwind() {
	h.req.state.Store(stateUnwinding)
	runtime.Goexit()
}

// drained implements carrier: the loop calls Draining.
func (h *h1) drained() <-chan struct{} {
	if h.c.Loop().Draining() {
		return h.core.draining
	}
	return nil
}

// peer implements carrier. It asks the kernel, so the loop must be the handler's: a connection is closed, and its
// descriptor another one's, while its handler cannot go on.
func (h *h1) peer() netip.AddrPort {
	defer h.w.EnterUser(h.w.LeaveUser())
	return h.c.Peer()
}

// trusted implements carrier.
func (h *h1) trusted() bool { return h.eng.trusted[h.lane] }

// local implements carrier.
func (h *h1) local() netip.AddrPort { return h.c.Local() }

// secure implements carrier.
func (h *h1) secure() bool { return false }
