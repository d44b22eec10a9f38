//go:build linux

package conn

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// phase is how far a loop is with its shutdown.
//
//	serve ──Drain──▶ drain ──Cancel──▶ hard
//
// drain: accepts nothing, closes what is idle, lets what is under way finish; the loop ends with
// its last connection. hard: everything that waits is killed; the loop ends with its last worker.
type phase uint8

const (
	phaseServe phase = iota
	phaseDrain
	phaseHard
)

// newcomerSeconds is how long a connection that has not been served yet may still send its request
// once draining began.
const newcomerSeconds = 2

// Drain stops accepting. Who waits in the queue of a listener by then is still accepted, unless
// that is left to another process (Lane.Share). Requests under way go on; idle connections may be
// used for another request within grace, rounded up to seconds, and are closed then: the protocol
// asks Loop.Draining.
func (e *Engine) Drain(grace time.Duration) {
	e.grace.Store(Seconds(grace))
	for _, lane := range e.lanes {
		lane.shut()
	}
	for _, set := range e.sets {
		set.loop.Post(set.drain)
	}
}

// Deaf is closed when no loop accepts any more, after Drain: the listeners may be closed.
func (e *Engine) Deaf() <-chan struct{} { return e.deaf }

func (set *Set) drain() {
	if set.phase >= phaseDrain {
		return
	}
	set.phase = phaseDrain
	set.stopListening()
	set.each("Draining", set.drainSlot)
	set.lastCall()
}

func (set *Set) stopListening() {
	set.loop.Drain()
	if set.paused.Set() {
		set.loop.Stop(&set.paused)
	} else {
		set.watchListeners(false)
	}
}

func (set *Set) drainSlot(fd int32, s *slot) {
	switch s.state {
	case slotFresh, slotHello, slotAnnounced:
		set.hurry(fd, s, newcomerSeconds)
	case slotIdle:
		if set.atRest(s) && !set.readable(s) {
			set.dismissIdle(fd, s)
		}
	case slotBusy:
		set.records.at(s.rec).at.task.Drain()
	case slotSession:
		if r := set.records.at(s.rec); !r.untold { // else it is told after its first turn
			r.session().Draining(r.pipe)
		}
	}
}

// queueBound ends a last call that newcomers would make an endless one: more fit into no queue.
const queueBound = 1 << 16

// lastCall accepts who waits in the queues of the listeners, which the loop does not watch any
// more, and stops accepting: closing a listener resets who still waits. A listener that another
// process watches too has its queue emptied all the same, since those for whom this loop was woken
// wake nobody else. Without descriptors it goes on as soon as there are some.
func (set *Set) lastCall() {
	for i, lane := range set.eng.lanes {
		if lane.owner == ownedByManager {
			continue
		}
		if set.accept(uint16(i), lane.fd, queueBound); set.paused.Set() {
			return
		}
	}
	set.stopServing()
}

// stopServing counts the loop out of those that accept. The last one tells the others, which may be
// waiting for it.
func (set *Set) stopServing() {
	if set.eng.serving.Add(-1) > 0 {
		return
	}
	close(set.eng.deaf)
	for _, o := range set.eng.sets {
		if o != set {
			o.loop.Post(func() {})
		}
	}
}

// hurry leaves the connection at most so many seconds to send a request.
func (set *Set) hurry(fd int32, s *slot, seconds uint32) {
	die := set.secondAfter(seconds)
	if s.bucket == noBucket || earlier(die, s.die) {
		set.wheel.arm(fd, die)
	}
}

// dismissIdle is for a connection that rests between two requests, or comes to rest, while
// draining.
func (set *Set) dismissIdle(fd int32, s *slot) {
	if grace := set.eng.grace.Load(); grace > 0 && set.phase == phaseDrain {
		set.hurry(fd, s, grace)
		return
	}
	set.retire(fd, s)
}

// retire closes an idle connection. A request that has come meanwhile, unseen, is answered. One
// that comes later is lost, as the server may close at any time (RFC 9112 section 9.5); if its
// client was given time before, so is it now, to see that nothing was answered: closed at once, the
// connection would be reset by those bytes.
func (set *Set) retire(fd int32, s *slot) {
	if set.phase == phaseDrain && set.unseen(fd) {
		s.latch |= loop.In
		set.hurry(fd, s, newcomerSeconds)
		set.queue(fd, s)
		return
	}
	if set.eng.grace.Load() > 0 && set.phase == phaseDrain {
		set.startLinger(fd, s)
		return
	}
	set.part(fd, s)
}

// unseen reports whether the peer has sent something that nobody has read yet.
func (set *Set) unseen(fd int32) bool {
	n, e := set.kernel.Peek(int(fd), make([]byte, 1))
	return e == 0 && n > 0
}

// each visits the loop's open connections. f may close any of them. A panic of what it calls of the
// protocol ends the connection that it was about, and not the visit.
func (set *Set) each(what string, f func(fd int32, s *slot)) {
	visit := func(fd int32) {
		s := &set.slots[fd]
		gen := s.gen
		defer func() {
			if v := recover(); v != nil {
				set.eng.log.Error("conn: panic", "in", what, "panic", v, "stack",
					string(debug.Stack()))
				set.abandon(fd, s, gen)
			}
		}()
		f(fd, s)
	}
	for fd := range set.owned.all() {
		visit(fd)
	}
}

// abandon ends a connection whose protocol has failed to do so.
func (set *Set) abandon(fd int32, s *slot, gen uint32) {
	switch {
	case s.gen != gen:
	case s.state == slotBusy:
		set.records.at(s.rec).at.task.Kill(transport.ErrStopping)
	default:
		set.close(fd, s)
	}
}

// Cancel ends everything that is under way with cause.
func (e *Engine) Cancel(cause error) {
	for _, set := range e.sets {
		set.loop.Post(func() { set.cancel(cause) })
	}
}

func (set *Set) cancel(cause error) {
	switch {
	case set.phase == phaseServe:
		set.stopListening()
		set.stopServing()
	case set.paused.Set(): // in the middle of its last call
		set.loop.Stop(&set.paused)
		set.stopServing()
	}
	set.phase = phaseHard
	set.each("Killed", func(fd int32, s *slot) { set.killSlot(fd, s, cause) })
}

// Wait waits until every loop has ended.
func (e *Engine) Wait(ctx context.Context) error { return e.group.Wait(ctx) }

// Close cancels what is under way and waits for the loops. Handlers that never return (an offloaded
// function that hangs) keep their loop alive: then ctx ends the waiting.
func (e *Engine) Close(ctx context.Context) error {
	e.closing.Do(func() { e.Cancel(transport.ErrStopping) })
	return e.Wait(ctx)
}
