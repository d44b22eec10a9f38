//go:build linux

package evloop

import (
	"context"
	"errors"
)

// phase is how far a loop is with its shutdown.
//
//	serve ──Drain──▶ drain ──Cancel──▶ hard
//
// drain: accepts nothing, closes what is idle, lets what is under way finish; the loop ends with its last connection.
// hard: everything that waits is killed; the loop ends with its last worker.
type phase uint8

const (
	phaseServe phase = iota
	phaseDrain
	phaseHard
)

// ErrStopping is the cause of everything that is ended by the end of the engine.
var ErrStopping = errors.New("evloop: the engine is stopping")

// newcomerSeconds is how long a connection that has not been served yet may still send its request once draining began.
const newcomerSeconds = 2

// Draining reports whether the loop takes no new connections any more.
func (l *Loop) Draining() bool { return l.draining.Load() }

// Drain stops accepting and closes idle connections. Requests under way go on.
func (e *Engine) Drain() {
	for _, l := range e.loops {
		l.Do(l.drain)
	}
}

// Deaf is closed when no loop accepts any more, after Drain: the listeners may be closed.
func (e *Engine) Deaf() <-chan struct{} { return e.deaf }

func (l *Loop) drain() {
	if l.phase >= phaseDrain {
		return
	}
	l.phase = phaseDrain
	l.draining.Store(true)
	if !l.paused.Set() {
		l.watchListeners(false)
	}
	l.stopServing()
	l.each(func(fd int32, s *slot) {
		switch {
		case s.state == slotIdle && s.served == 0:
			l.hurry(fd, s)
		case s.state == slotIdle && s.rec < 0 && !s.readable():
			l.close(fd, s)
		case s.state == slotBusy:
			c := l.records.at(s.rec).conn
			c.w.server.Draining(c)
		case s.state == slotGuest:
			l.records.at(s.rec).guest.Draining(l.handleOf(fd, s))
		}
	})
}

// stopServing counts the loop out of those that accept. The last one tells the others, which may be waiting for it.
func (l *Loop) stopServing() {
	if l.eng.serving.Add(-1) > 0 {
		return
	}
	close(l.eng.deaf)
	for _, o := range l.eng.loops {
		if o != l {
			o.Do(func() {})
		}
	}
}

// hurry shortens the time that a connection has for its first request.
func (l *Loop) hurry(fd int32, s *slot) {
	die := l.secondAfter(newcomerSeconds)
	if s.bucket == noBucket || earlier(die, s.die) {
		l.wheel.arm(fd, die)
	}
}

// each visits the loop's open connections. f may close any of them.
func (l *Loop) each(f func(fd int32, s *slot)) {
	for fd := range l.owned.all() {
		f(fd, &l.slots[fd])
	}
}

// Cancel ends everything that is under way with cause.
func (e *Engine) Cancel(cause error) {
	for _, l := range e.loops {
		l.Do(func() { l.cancel(cause) })
	}
}

func (l *Loop) cancel(cause error) {
	l.drain()
	l.phase = phaseHard
	l.each(func(fd int32, s *slot) { l.killSlot(nil, fd, s, cause) })
}

// finished reports whether the loop may end: nobody is parked, nothing is open, and nothing more comes. A connection
// that another loop has just assigned is not known here yet, but it is counted, and no loop accepts any more.
func (l *Loop) finished() bool {
	return l.phase >= phaseDrain && l.parked == 0 && l.eng.serving.Load() == 0 && l.conns.Load() == 0
}

// Wait waits until every loop has ended.
func (e *Engine) Wait(ctx context.Context) error {
	select {
	case <-e.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close cancels what is under way and waits for the loops. Handlers that never return (an offloaded function that
// hangs) keep their loop alive: then ctx ends the waiting.
func (e *Engine) Close(ctx context.Context) error {
	e.closing.Do(func() { e.Cancel(ErrStopping) })
	return e.Wait(ctx)
}

// teardown lets the runner's resting workers return.
func (r *runner) teardown() {
	for r.pool.top != nil {
		w := r.pool.top
		r.pool.top = w.next
		r.loop.end(w)
	}
	r.pool.n = 0
}
