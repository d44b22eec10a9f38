package lwan

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"runtime"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// A wait on a request that is dead returns its cause, once. A handler that waits again has not
// listened, and would spin or hold its worker for ever: it is unwound by runtime.Goexit, so its
// deferred functions run and a broad recover does not swallow it. In those deferred functions
// nothing waits any more, except Await, which has to end what it began.

// beginWait is called before anything waits.
func (r *Request) beginWait() error {
	switch {
	case r.home != nil && !r.home.here():
		return ErrForeign
	case r.term.bars():
		return ErrOver
	}
	return r.begun()
}

// begun is beginWait where the caller is known to run the handler.
func (r *Request) begun() error {
	switch r.state.Load() {
	case stateOver:
		return ErrForeign
	case stateUnwinding:
		return r.cancelled()
	}
	if dead := r.dead.Load(); dead != nil {
		r.unwind()
		return *dead // to a goroutine that only reads or writes for the handler
	}
	if r.term == nil && r.limits.Timeout > 0 && r.ctx.Load() == nil && !r.headOut() {
		r.Context() // arms the deadline
	}
	return nil
}

// unwind ends the handler where it stands; deferred functions run. A goroutine that only reads or
// writes for the handler, as those of net/http's Transport, is left alone: it gets an error.
func (r *Request) unwind() {
	if r.on.Mine() {
		r.state.Store(stateUnwinding)
		runtime.Goexit()
	}
}

// endWait remembers what a request does not survive.
func (r *Request) endWait(err error) error {
	if err == nil {
		return nil
	}
	if r.dead.Load() == nil &&
		(err == ErrGone || err == ErrTimeout || err == ErrStopping || err == ErrBodyNotAllowed) {
		cause := err // so that only what is kept is on the heap
		r.dead.Store(&cause)
		r.cancel(cause)
	}
	return err
}

// Sleep parks the handler for d. It returns early with ErrGone, ErrTimeout or ErrStopping when the
// request is over.
func (r *Request) Sleep(d time.Duration) error {
	r.mustLive()
	if err := r.beginWait(); err != nil {
		return err
	}
	return r.endWait(r.sleep(d))
}

// sleep sends heartbeats meanwhile, if the answer is an event stream.
func (r *Request) sleep(d time.Duration) error {
	if cause := r.cancelled(); cause != nil {
		return cause
	}
	for until := time.Now().Add(d); ; d = time.Until(until) {
		beat := r.heartbeat()
		if beat <= 0 || d <= beat {
			return r.outside(func() error { return r.on.Sleep(d) })
		}
		if err := r.outside(func() error { return r.on.Sleep(beat) }); err != nil {
			return err
		}
		if err := r.resp.events.beat(); err != nil {
			return err
		}
	}
}

// waitFor waits for wake and sends heartbeats meanwhile, if the answer is an event stream. arm may
// be called again.
func (r *Request) waitFor(arm func(wake func())) error {
	if err := r.beginWait(); err != nil {
		return err
	}
	if cause := r.cancelled(); cause != nil {
		return r.endWait(cause)
	}
	for {
		err := r.await(arm, r.heartbeat(), transport.Cancelled)
		if err == transport.ErrPause {
			err = r.resp.events.beat()
			if err == nil {
				continue
			}
		}
		return r.endWait(err)
	}
}

// await is Task.Wait.
func (r *Request) await(arm func(wake func()), limit time.Duration, till transport.Till) error {
	return r.outside(func() error { return r.on.Wait(arm, limit, till) })
}

// heartbeat is the pause between heartbeats; 0: none.
func (r *Request) heartbeat() time.Duration {
	if e := r.resp.events; e != nil {
		return e.heartbeat
	}
	return 0
}

// Every yields the time at once and then every d, as long as the request lives; it ends with
// Context, and when draining starts. A tick that the handler is too late for is left out.
func (r *Request) Every(d time.Duration) iter.Seq[time.Time] {
	r.mustLive()
	return func(yield func(time.Time) bool) {
		r.endsWithDraining()
		next := time.Now()
		for r.beginTick() && yield(time.Now()) {
			next = next.Add(d)
			if late := time.Since(next); late > 0 {
				next = next.Add(late.Truncate(max(d, 1)))
			}
			if r.beginWait() != nil || r.endWait(r.sleep(time.Until(next))) != nil {
				return
			}
		}
	}
}

// beginTick reports whether the request is still alive. A sequence that ends does not count as an
// ignored error.
func (r *Request) beginTick() bool {
	return r.state.Load() == stateRunning && r.cancelled() == nil
}

// endsWithDraining makes the start of draining end what the request waits for.
func (r *Request) endsWithDraining() {
	r.drainable.Store(true)
	r.endsWithHead()
	if r.table.core.stopping.Err() != nil { // else the protocol asks for it when draining begins
		r.cancel(ErrStopping)
		return
	}
	if r.x != nil {
		r.x.watchDraining()
	}
}

// endsWithHead ends what a stream without an end waits for once it is complete: an answer to HEAD
// is so with its head, and the next request on the connection waits for its turn (RFC 9110 section
// 9.3.2).
func (r *Request) endsWithHead() {
	if r.method == "HEAD" && r.headOut() && r.drainable.Load() {
		r.cancel(ErrBodyNotAllowed)
	}
}

// Await runs fn on a pooled goroutine while the handler is parked, and returns fn's error. It
// returns only after fn has, however long that takes: fn may use what the handler owns, and those
// methods of req that do not wait. The context is the request's; fn should end with it. A panic in
// fn comes back as the handler's. ErrBusy: the server's goroutines are all in use, and so is the
// queue; fn was not run.
//
// In an event stream heartbeats are sent meanwhile, so fn must leave the response alone.
//
// For waits of unbounded length use a Queue or a Topic: they hold no goroutine.
func (r *Request) Await(fn func(ctx context.Context) error) error {
	r.mustLive()
	_, err := Await(r, func(ctx context.Context) (struct{}, error) { return struct{}{}, fn(ctx) })
	return err
}

// Await is Request.Await for a function with a result.
func Await[T any](req *Request, fn func(ctx context.Context) (T, error)) (v T, err error) {
	if err := req.beginWait(); err == ErrForeign || err == ErrOver ||
		err != nil && req.state.Load() != stateUnwinding {
		return v, err
	}
	ctx := req.Context()
	through := req.offloadOn
	if req.heartbeat() > 0 && req.state.Load() == stateRunning {
		through = req.offloadBeating
	}
	end := offload(func() { v, err = fn(ctx) }, through)
	if end != nil {
		return v, end
	}
	if cause := req.cancelled(); cause != nil && err != nil && errors.Is(err, context.Canceled) {
		err = cause // the context's end says why
	}
	return v, req.endWait(err)
}

// offloadOn is Task.Offload on the server's goroutines. A handler that is being unwound may call
// it: what it began has to be ended.
func (r *Request) offloadOn(fn func()) error {
	return r.outside(func() error { return r.on.Offload(r.table.core.goroutine.run, fn) })
}

// offload runs fn through a Task and ends as fn does: a panic or Goexit of fn is one of the caller.
func offload(fn func(), through func(func()) error) error {
	var (
		ended    bool
		panicked any
	)
	err := through(func() {
		defer func() {
			if !ended {
				if v := recover(); v == http.ErrAbortHandler {
					panicked = v
				} else if v != nil {
					panicked = newPanicError(v)
				}
			}
		}()
		fn()
		ended = true
	})
	switch {
	case err != nil:
		return err
	case panicked != nil:
		panic(panicked)
	case !ended:
		runtime.Goexit()
	}
	return nil
}
