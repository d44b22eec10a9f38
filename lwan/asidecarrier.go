//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"time"
)

// What a Blocking handler asks for: aside as a carrier. All of it runs on goroutines of the program's.

// readBody implements carrier.
func (a *aside) readBody(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.readBy = a.req.readBy
	for {
		switch {
		case a.over:
			return 0, ErrOver
		case a.inPos < len(a.in):
			n := copy(p, a.in[a.inPos:])
			if a.inPos += n; a.inPos == len(a.in) {
				a.in, a.inPos = a.in[:0], 0
				a.ringReader()
			}
			return n, nil
		case a.inErr != nil:
			if a.inErr == io.EOF {
				a.req.trailers = a.trailers
			}
			return 0, a.inErr
		case a.deserted:
			return 0, a.failed
		}
		if !a.wanted {
			a.wanted = true
			a.limits = a.req.limits
			a.ring()
		}
		if !a.awaitBody() {
			return 0, ErrTimeout
		}
	}
}

// awaitBody waits until something has changed. It reports false when the handler's own deadline has passed; mu is held.
func (a *aside) awaitBody() bool {
	if a.readBy.IsZero() {
		a.news.Wait()
		return true
	}
	left := time.Until(a.readBy)
	if left <= 0 {
		return false
	}
	t := time.AfterFunc(left, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.news.Broadcast()
	})
	defer t.Stop()
	a.news.Wait()
	return true
}

// ringReader wakes the second worker; mu is held.
func (a *aside) ringReader() {
	if a.inRests {
		a.inRests = false
		a.inBell.Ring()
	}
}

// startStream implements carrier.
func (a *aside) startStream(resp *Response, st Status) error {
	head := &response{
		status: st, ctype: resp.ctype, fields: slices.Clone(resp.fields), length: resp.length, hangup: resp.hangup,
		trailers: slices.Clone(resp.trailers),
	}
	return a.tell(func() { a.head = head })
}

// noBody reports whether the answer has no content.
func (a *aside) noBody(st Status) bool { return a.method == "HEAD" || st.bodyless() }

// stream implements carrier.
func (a *aside) stream(p []byte) error {
	if a.noBody(a.resp.status) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if err := a.refusal(); err != nil {
			return err
		}
		n := min(asideBuffer-len(a.out), len(p))
		if len(a.out)+n > cap(a.out) && len(a.out)+n > heldSmall/4 {
			a.out = a.core.large.grow(a.out, asideBuffer)
		}
		a.out = append(a.out, p[:n]...)
		if p = p[n:]; len(a.out) >= streamPiece {
			a.limits, a.writeBy = a.req.limits, a.req.writeBy
			a.ring()
		}
		if len(p) == 0 {
			return nil
		}
		a.news.Wait()
	}
}

// streamFile implements carrier: the goroutine reads the file, so that a slow disk holds no loop.
func (a *aside) streamFile(f *os.File, off, n int64) error {
	if a.noBody(a.resp.status) {
		return nil
	}
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		m, err := f.ReadAt(buf[:min(n, int64(len(buf)))], off)
		if m > 0 {
			if err := a.stream(buf[:m]); err != nil {
				return err
			}
			off, n = off+int64(m), n-int64(m)
			continue
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// flush implements carrier. It does not wait until everything has gone: what goes wrong is told by what comes next.
func (a *aside) flush() error { return a.tell(func() { a.flushing = true }) }

// flushHeld lets what was written go before the handler waits.
func (a *aside) flushHeld() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.out) > 0 {
		a.flushing = true
		a.ring()
	}
}

// endStream implements carrier.
func (a *aside) endStream(resp *Response) error {
	tail := slices.Clone(resp.trailers)
	return a.tell(func() { a.ending, a.tail = true, tail })
}

// cut implements carrier.
func (a *aside) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cutting = true
}

// finish implements carrier: the answer is complete, and sent once the goroutine has ended.
func (a *aside) finish(_ *Response, st Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.whole = st
}

// interim implements carrier.
func (a *aside) interim(st Status, fields []field) error {
	if a.minor == 0 { // RFC 9110 section 15.2
		return nil
	}
	return a.tell(func() { a.interims = append(a.interims, interim{st, fields}) })
}

// sleep implements carrier.
func (a *aside) sleep(d time.Duration) error {
	a.flushHeld()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-a.ends():
		return a.why()
	}
}

// wait implements carrier.
func (a *aside) wait(arm func(wake func()), limit time.Duration) error {
	a.flushHeld()
	return waitOn(arm, limit, a.ends(), a.why)
}

// outlast implements carrier.
func (a *aside) outlast(arm func(wake func())) { _ = waitOn(arm, 0, nil, nil) } // nothing else can end it

// offload implements carrier.
func (a *aside) offload(fn func()) error {
	fn()
	return nil
}

// blocking implements carrier.
func (a *aside) blocking(next Handler, req *Request, resp *Response) Status { return next(req, resp) }

// readAside implements carrier.
func (a *aside) readAside(fn func(body io.Reader)) error {
	fn(a.req.Body())
	return nil
}

// entered, returned and onLoop implement carrier.
func (a *aside) entered(*route) {}
func (a *aside) returned()      {}
func (a *aside) onLoop() bool   { return false }

// canceller implements carrier. The outer middleware of a handler that is Blocking itself may still wait on the loop when
// the handler has returned.
func (a *aside) canceller() func(cause error) {
	return func(cause error) {
		a.cancel(cause)
		a.onLoopDo(func(h *h1) {
			h.w.Cancel(h.w.Seq(), cause)
		})
	}
}

// abandoner implements carrier.
func (a *aside) abandoner() func() {
	return func() {
		a.onLoopDo(func(h *h1) {
			h.w.Kill(ErrGone)
		})
	}
}

// onLoopDo lets the loop do something for the request, if it is still under way then.
func (a *aside) onLoopDo(fn func(h *h1)) {
	a.loop.Post(func() {
		if h := a.host; h.seq == a.seq && h.active {
			fn(h)
		}
	})
}

// subscribe implements loopSubscriber: the subscription holds no goroutine.
func (a *aside) subscribe(resp *Response, sub *subscriber, first []byte) {
	first = slices.Clone(first)
	a.then = func() { a.host.subscribe(resp, sub, first) }
}

// parent implements carrier.
func (a *aside) parent() context.Context { return context.Background() }

// elapsed implements carrier.
func (a *aside) elapsed() time.Duration { return time.Duration(a.loop.Clock() - a.start) }

// unwind implements carrier. A goroutine that only reads or writes for the handler, as those of net/http's Transport, is
// left alone: it gets an error.
func (a *aside) unwind() {
	if onStackOf("lwan.(*aside).run") {
		a.req.state.Store(stateUnwinding)
		runtime.Goexit()
	}
}

// drained implements carrier: the loop calls Draining.
func (a *aside) drained() <-chan struct{} {
	if a.loop.Draining() {
		return a.core.draining
	}
	return nil
}

// secure and trusted implement carrier.
func (a *aside) secure() bool  { return false }
func (a *aside) trusted() bool { return a.proxied }

// peer implements carrier.
func (a *aside) peer() netip.AddrPort { return a.addr }

// local implements carrier.
func (a *aside) local() netip.AddrPort {
	if a.here.IsValid() {
		return a.here
	}
	here := netip.AddrPort{}
	_ = a.call(func() error { here = a.host.local(); return nil }) // a connection that is gone has no address
	return here
}
