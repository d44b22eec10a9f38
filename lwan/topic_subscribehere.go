package lwan

import (
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// hereHost serves a subscriber where its handler has run: on a coroutine behind a Filter, on a
// goroutine under net/http.
//
//	publisher, Drop ──notify, drop──▶ hereHost ◀──next, wait── pump ──▶ client
//
// While the pump writes, the publishers see to it that the subscriber does not owe too much.
type hereHost struct {
	abandon func() // ends a write, for good; it is called as long as the pump runs

	mu    sync.Mutex // guards the subscriber, too
	sub   *subscriber
	out   []byte    // what the pump writes
	since time.Time // and since when; zero: it does not write
	cause error     // why the subscription is over
	news  bool      // something has happened since the pump has looked
	wake  func()    // ends the pump's wait; nil: it has not waited yet
	done  bool      // the pump has ended
}

const (
	herePiece = 16 << 10 // what is written at once, unless an event is larger

	// hereSlow is how long a write takes whose client does not read. On a loop the kernel says so
	// at once.
	hereSlow = 100 * time.Millisecond
)

// notify implements audience.
func (h *hereHost) notify() {
	h.mu.Lock()
	stop := h.hold()
	h.rouse(stop)
}

// hold holds a client that does not read to what it may owe, and reports whether that ends the
// subscription. mu is held.
func (h *hereHost) hold() (stop bool) {
	if h.cause != nil || h.since.IsZero() || !h.sub.slow() || time.Since(h.since) < hereSlow {
		return false
	}
	if h.sub.topic.Slow == Disconnect {
		h.cause = ErrSlow
		return true
	}
	h.sub.skip()
	return false
}

// drop implements host. A write that is under way is given time to end: most clients read, and are
// told what to do.
func (h *hereHost) drop() {
	h.mu.Lock()
	if h.cause == nil {
		h.cause = ErrDropped
	}
	if since := h.since; !since.IsZero() {
		time.AfterFunc(hereSlow, func() {
			h.mu.Lock()
			h.rouse(h.since.Equal(since))
		})
	}
	h.rouse(false)
}

// rouse lets the pump look, also if it writes and that has to stop, and gives mu back.
func (h *hereHost) rouse(stop bool) {
	h.news = true
	wake := h.wake
	if stop && !h.done && !h.since.IsZero() {
		h.abandon()
	}
	h.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// arm lets wake be called when there is something new: at once if there is already.
func (h *hereHost) arm(wake func()) {
	h.mu.Lock()
	h.wake = wake
	news := h.news
	h.mu.Unlock()
	if news {
		wake()
	}
}

// subscribeHere lets the subscription begin now, and be served once the handler and its middleware
// have returned: as on a loop, but for the worker or goroutine that it holds.
func subscribeHere(resp *Response, sub *subscriber, first []byte) Status {
	h := &hereHost{sub: sub, out: first, abandon: resp.req.on.Killer()}
	t := sub.topic
	t.mu.Lock()
	t.audiences[h] = h
	t.mu.Unlock()
	if !sub.servedBy(h) {
		h.drop()
	}
	begun := false
	defer func() {
		if !begun { // a hook has died, which Events has called
			h.end(ErrDropped)
		}
	}()
	ev := resp.Events()
	begun = true
	ev.heartbeat = t.Heartbeat
	resp.after = func(_ *Response, alive bool) { h.serve(ev, alive) } // ev is that one's
	return StatusOK
}

// serve sends events until the subscription ends: at once if the handler has died after Subscribe.
func (h *hereHost) serve(ev *Events, alive bool) {
	cause := ErrDropped
	defer func() { h.end(cause) }() // also when the wait is unwound
	if !alive {
		return
	}
	cause = ErrGone // should the wait be unwound
	cause = h.pump(ev)
	switch cut := ev.resp.sticky != nil; {
	case cause == ErrSlow, cause == ErrGone, cause == ErrDropped && cut:
		// whatever the write has said when it was ended
		ev.resp.sticky = cause
	case cause == ErrStopping, cause == ErrDropped:
		ev.resp.lastWords(h.sub.topic.farewell())
		ev.resp.events = nil // nothing more is to be said on it
	}
}

func (h *hereHost) end(cause error) {
	h.mu.Lock()
	h.done = true
	h.mu.Unlock()
	t := h.sub.topic
	t.mu.Lock()
	delete(t.audiences, h)
	t.mu.Unlock()
	h.sub.end(cause)
}

// pump sends events as they come. It returns why it ended.
func (h *hereHost) pump(ev *Events) error {
	for {
		out, cause := h.next()
		switch {
		case cause != nil:
			return cause
		case len(out) > 0:
			if err := h.written(ev.write(out)); err != nil {
				return err
			}
		default:
			if err := ev.resp.req.waitFor(h.arm); err != nil {
				return err
			}
		}
	}
}

// next is what is to be written now: nothing if there is nothing. The error is why it is over.
func (h *hereHost) next() (out []byte, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.news = false
	if h.cause != nil {
		return nil, h.cause
	}
	s := h.sub
	over := s.topic.over.Load() // before the last events are looked for
	for w := s.next(); w != nil &&
		(len(h.out) == 0 || len(h.out)+w.size() <= herePiece); w = s.next() {
		s.take(w)
		h.out = append(h.out, w.bytes(transport.Plain)...)
	}
	switch {
	case len(h.out) > 0:
		h.since, s.part = time.Now(), h.out
	case over:
		return nil, ErrDropped
	default:
		s.catching = false
	}
	return h.out, nil
}

// written notes how the last write has ended. The error is why the subscription has.
func (h *hereHost) written(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hold()
	h.since, h.sub.part = time.Time{}, nil
	if h.out = h.out[:0]; cap(h.out) > 2*herePiece {
		h.out = nil
	}
	switch {
	case err == nil:
		return nil // a cause is found by next
	case h.cause != nil:
		return h.cause
	case err == ErrTimeout:
		return ErrSlow
	}
	return err
}

// lastWords puts b at the end of a stream. What goes wrong is of no use to anybody.
func (r *Response) lastWords(b []byte) {
	if r.sticky == nil && len(b) > 0 {
		r.req.dead.Store(nil) // the handler's waits are over, and this is not one of them
		_, _ = r.Write(b)
	}
}
