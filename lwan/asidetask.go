package lwan

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/goid"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// How a Blocking handler waits: aside as its Task. All of it runs on goroutines of the program's.

var _ transport.Task = (*aside)(nil)

// Sleep implements transport.Task.
func (a *aside) Sleep(d time.Duration) error {
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

// Wait implements transport.Task.
func (a *aside) Wait(arm func(wake func()), limit time.Duration, till transport.Till) error {
	if till == transport.Woken {
		return transport.WaitOn(arm, limit, nil, nil)
	}
	a.flushHeld()
	if till == transport.Killed {
		return a.waitKilled(arm, limit)
	}
	return transport.WaitOn(arm, limit, a.ends(), a.why)
}

// waitKilled is Wait for who writes: that the client seems to have left does not end it, since it
// may have closed its side alone. Whether it has is told by the next write.
func (a *aside) waitKilled(arm func(wake func()), limit time.Duration) error {
	var woken, late bool
	note := func(what *bool) func() {
		return func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			*what = true
			a.news.Broadcast()
		}
	}
	if limit > 0 {
		t := time.AfterFunc(limit, note(&late))
		defer t.Stop()
	}
	arm(note(&woken))
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		switch err := a.refusal(); {
		case woken:
			return nil
		case err != nil:
			return err
		case a.cause != nil && a.cause != transport.ErrGone:
			return a.cause
		case late:
			return transport.ErrPause
		}
		a.news.Wait()
	}
}

// flushHeld lets what was written go before the handler waits.
func (a *aside) flushHeld() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.out) > 0 {
		a.flushing = true
		a.ring()
	}
}

// Offload implements transport.Task.
func (a *aside) Offload(_ func(run func()) bool, fn func()) error {
	fn()
	return nil
}

// Inline implements transport.Task.
func (a *aside) Inline() bool { return false }

// Mine implements transport.Task.
func (a *aside) Mine() bool { return goid.CalledBy("lwan.(*aside).run") }

// EnterUser and LeaveUser implement transport.Task: no watchdog looks at goroutines.
func (a *aside) EnterUser(uint64)  {}
func (a *aside) LeaveUser() uint64 { return transport.Outside }

// Now and Clock implement transport.Task: the clock is that of the worker, who has the request's
// start from it.
func (a *aside) Now() int64   { return a.worker.Clock() }
func (a *aside) Clock() int64 { return a.worker.Clock() }

// Canceller implements transport.Task. The outer middleware of a handler that is Blocking itself
// may still wait on the loop when the handler has returned.
func (a *aside) Canceller() func(cause error) {
	return func(cause error) {
		a.cancel(cause)
		a.onLoopDo(func(on transport.Task) { on.Canceller()(cause) })
	}
}

// onLoopDo lets the loop do something for the request, if it is still under way then.
func (a *aside) onLoopDo(fn func(on transport.Task)) {
	x := a.host
	x.loop.Post(func() {
		if x.serial == a.serial && x.phase.live() {
			fn(x.on)
		}
	})
}

// Killer implements transport.Task.
func (a *aside) Killer() func() {
	return func() { a.onLoopDo(func(on transport.Task) { on.Killer()() }) }
}
