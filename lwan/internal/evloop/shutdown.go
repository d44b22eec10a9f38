//go:build linux

package evloop

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
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

// Drain stops accepting. Who waits in the queue of a listener by then is still accepted, unless that is left to another
// process (Lane.Share). Requests under way go on; idle connections may be used for another request within grace, rounded
// up to seconds, and are closed then: the protocol asks Loop.Draining.
func (e *Engine) Drain(grace time.Duration) {
	e.grace.Store(Seconds(grace))
	for _, lane := range e.lanes {
		lane.shut()
	}
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
	l.stopListening()
	l.each("Draining", l.drainSlot)
	l.lastCall()
}

func (l *Loop) stopListening() {
	l.draining.Store(true)
	if l.paused.Set() {
		l.timers.remove(&l.paused)
	} else {
		l.watchListeners(false)
	}
}

func (l *Loop) drainSlot(fd int32, s *slot) {
	switch {
	case s.state == slotIdle && s.served == 0: // a newcomer
		l.hurry(fd, s, newcomerSeconds)
	case s.state == slotIdle && s.rec < 0 && !s.readable():
		l.dismissIdle(fd, s)
	case s.state == slotBusy:
		c := l.records.at(s.rec).conn
		c.w.server.Draining(c)
	case s.state == slotGuest:
		l.records.at(s.rec).guest.Draining(l.handleOf(fd, s))
	}
}

// queueBound ends a last call that newcomers would make an endless one: more fit into no queue.
const queueBound = 1 << 16

// lastCall accepts who waits in the queues of the listeners, which the loop does not watch any more, and stops accepting:
// closing a listener resets who still waits. A listener that another process watches too has its queue emptied all the
// same, since those for whom this loop was woken wake nobody else. Without descriptors it goes on as soon as there are some.
func (l *Loop) lastCall() {
	for i, lane := range l.eng.lanes {
		if lane.owner == ownedByManager {
			continue
		}
		if l.accept(uint16(i), lane.fd, queueBound); l.paused.Set() {
			return
		}
	}
	l.stopServing()
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

// hurry leaves the connection at most so many seconds to send a request.
func (l *Loop) hurry(fd int32, s *slot, seconds uint32) {
	die := l.secondAfter(seconds)
	if s.bucket == noBucket || earlier(die, s.die) {
		l.wheel.arm(fd, die)
	}
}

// dismissIdle is for a connection that rests between two requests, or comes to rest, while draining.
func (l *Loop) dismissIdle(fd int32, s *slot) {
	if grace := l.eng.grace.Load(); grace > 0 && l.phase == phaseDrain {
		l.hurry(fd, s, grace)
		return
	}
	l.retire(fd, s)
}

// retire closes an idle connection. A request that has come meanwhile, unseen, is answered. One that comes later is lost,
// as the server may close at any time (RFC 9112 section 9.5); if its client was given time before, so is it now, to see
// that nothing was answered: closed at once, the connection would be reset by those bytes.
func (l *Loop) retire(fd int32, s *slot) {
	if l.phase == phaseDrain && l.unseen(fd) {
		s.latch |= latchIn
		l.hurry(fd, s, newcomerSeconds)
		l.queue(fd, s)
		return
	}
	if l.eng.grace.Load() > 0 && l.phase == phaseDrain {
		l.startLinger(fd, s)
		return
	}
	l.close(fd, s)
}

// unseen reports whether the peer has sent something that nobody has read yet.
func (l *Loop) unseen(fd int32) bool {
	n, e := l.kernel.peek(int(fd), make([]byte, 1))
	return e == 0 && n > 0
}

// each visits the loop's open connections. f may close any of them. A panic of what it calls of the protocol ends the
// connection that it was about, and not the visit.
func (l *Loop) each(what string, f func(fd int32, s *slot)) {
	visit := func(fd int32) {
		s := &l.slots[fd]
		gen := s.gen
		defer func() {
			if v := recover(); v != nil {
				l.eng.log.Error("evloop: panic", "in", what, "panic", v, "stack", string(debug.Stack()))
				l.abandon(fd, s, gen)
			}
		}()
		f(fd, s)
	}
	for fd := range l.owned.all() {
		visit(fd)
	}
}

// abandon ends a connection whose protocol has failed to do so.
func (l *Loop) abandon(fd int32, s *slot, gen uint32) {
	switch {
	case s.gen != gen:
	case s.state == slotBusy:
		l.records.at(s.rec).conn.Kill(ErrStopping)
	default:
		l.close(fd, s)
	}
}

// Cancel ends everything that is under way with cause.
func (e *Engine) Cancel(cause error) {
	for _, l := range e.loops {
		l.Do(func() { l.cancel(cause) })
	}
}

func (l *Loop) cancel(cause error) {
	switch {
	case l.phase == phaseServe:
		l.stopListening()
		l.stopServing()
	case l.paused.Set(): // in the middle of its last call
		l.timers.remove(&l.paused)
		l.stopServing()
	}
	l.phase = phaseHard
	l.each("Killed", func(fd int32, s *slot) { l.killSlot(nil, fd, s, cause) })
}

// finished reports whether the loop may end: nobody is parked or stuck, nothing is open or to be done, and nothing more comes. A
// connection that another loop has just assigned is not known here yet, but it is counted, and no loop accepts any more.
func (l *Loop) finished() bool {
	return l.phase >= phaseDrain && l.parked == 0 && l.stuck == 0 && len(l.jobs) == 0 && l.refused == 0 &&
		l.eng.serving.Load() == 0 && l.conns.Load() == 0
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
