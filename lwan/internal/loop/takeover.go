//go:build linux

package loop

import (
	"fmt"
	"slices"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// A handler that never comes back takes its runner with it, but not its loop. While a handler runs,
// the loop's state lies still: the handler's code does not touch it. It is the loop's beat that
// says so: odd while a handler runs, and whoever changes it from there has the loop.
//
//	handler calls into the loop, or returns:   beat odd ──CAS──▶ even      the usual case
//	watchdog, after long enough:               beat odd ──CAS──▶ even      the loop is taken over
//	the handler comes back after all:          its CAS fails: it asks to be let in again
//
// So a loop can have several runners, of which one turns it (see runner).
//
// A worker of a pinned runner can be resumed on that runner's thread only: when its turn comes, the
// token goes there. What is parked on a runner that is stuck has to wait until it is not; workers
// of free runners go on with any of them.
//
// The thread that is to go on is there and pinned before the compare-and-swap, which alone decides:
// nothing is ever rolled back. A runner that waits for its parked workers is as good as a new one,
// so a loop costs one thread more than it has stuck handlers, and those that their parked requests
// hold.

// maxRunners bounds the threads that stuck handlers, and what is parked beside them, can cost a
// loop.
const maxRunners = 64

// EnterUser says that code of the program's runs from here on: until LeaveUser the worker does not
// touch the loop. tag tells the watchdog which handler it is, in the protocol's numbering;
// transport.Outside: none, and nothing is done.
func (t *Task) EnterUser(tag uint64) {
	if tag == transport.Outside {
		return
	}
	w := t.w
	l := w.loop
	l.handlers += 2
	w.beat, w.entered = l.handlers|1, tag
	if l.pulse.tag.Load() != tag { // a store waits for all that were begun, and most are the same
		l.pulse.tag.Store(tag)
	}
	l.pulse.beat.Store(w.beat)
	l.group.roused()
}

// LeaveUser says that it does not, or that it calls something that touches the loop. If the loop
// was taken over meanwhile, it waits for its turn. It returns what EnterUser takes to go on with.
func (t *Task) LeaveUser() (tag uint64) {
	w := t.w
	if w.beat == 0 {
		return transport.Outside // it has left already, or nobody watches
	}
	l := w.loop
	beat := w.beat
	w.beat = 0
	if !l.pulse.beat.CompareAndSwap(beat, beat&^1) {
		w.readmit()
	}
	return w.entered
}

// TakeOver gives the loop to another runner, if the handler that Beat has shown still runs. It is
// for a watchdog.
func (l *Loop) TakeOver(beat uint64) (bool, error) {
	var fresh *runner
	if l.waiting() == nil {
		if n := len(*l.runners.Load()); n >= maxRunners {
			return false, fmt.Errorf("loop: loop %d has %d threads already, which are stuck in "+
				"handlers or hold parked ones: it is not taken over", l.id, n)
		}
		fresh = newRunner(l, l.runner.Load().mode)
		ready := make(chan error, 1)
		go fresh.start(ready)
		if err := <-ready; err != nil { // it could not be pinned
			close(fresh.token)
			return false, err
		}
	}
	if !l.pulse.beat.CompareAndSwap(beat, beat&^1) {
		if fresh != nil {
			close(fresh.token)
		}
		return false, nil
	}
	l.take()
	old := l.runner.Load()
	old.set(runnerStuck)
	old.stuck = l.current
	old.stuckIn.Store(l.pulse.tag.Load() + 1)
	l.stuck++
	l.current.seat.Attach() // so that its events find it
	l.orphan()
	l.counts.Takeovers++
	if fresh != nil {
		l.adopt(fresh)
		l.give(fresh, nil)
	} else {
		// the same: had the loop turned meanwhile, the beat were another one
		l.give(l.waiting(), nil)
	}
	return true, nil
}

// waiting returns a runner that waits for the token because workers are parked on it; nil: there is
// none.
func (l *Loop) waiting() *runner {
	for _, r := range *l.runners.Load() {
		if r.is(runnerWaiting) {
			return r
		}
	}
	return nil
}

// adopt makes r one of the loop's runners.
func (l *Loop) adopt(r *runner) {
	r.adopted = true
	l.group.runners.Add(1)
	list := append(slices.Clip(*l.runners.Load()), r)
	l.runners.Store(&list)
}

// give passes the loop on to r, which goes on with w; nil: with any worker. The caller has nothing
// to do with the loop any more.
func (l *Loop) give(r *runner, w *Worker) {
	r.set(runnerServing)
	l.runner.Store(r)
	r.token <- w
}

// readmit waits, in a handler whose loop was taken over, until the loop is its runner's again.
func (w *Worker) readmit() {
	l := w.loop
	l.Post(func() {
		w.state, w.waitsForToken = workerQueued, true
		l.runq.push(w)
	})
	<-w.runner.token // it can only be for w: nobody else of this runner goes on before
	w.waitsForToken = false
	r := w.runner
	r.stuck = nil
	r.stuckIn.Store(0)
	l.stuck--
	for p := r.delayed.pop(); p != nil; p = r.delayed.pop() {
		l.runq.push(p)
	}
	l.run(w)
}

// follow finds out who runs the loop after w: next, on this runner or on its own. It returns the
// worker that this runner has to resume, perhaps after a long time; false when the runner is not
// needed any more.
func (r *runner) follow(next *Worker) (*Worker, bool) {
	if next.runner != r && r.mode == Free && !next.waitsForToken {
		next.runner.parked--
		next.runner = r
		r.parked++
	}
	if next.runner == r {
		return next, true
	}
	l := r.loop
	if r.mode == Free || r.parked == 0 { // others can do all that is left to do
		list := slices.Clone(*l.runners.Load())
		list = slices.DeleteFunc(list, func(o *runner) bool { return o == r })
		l.runners.Store(&list)
		r.set(runnerRetired)
		l.give(next.runner, next)
		return nil, false
	}
	r.set(runnerWaiting)
	l.give(next.runner, next)
	return r.await()
}

// await waits for the token.
func (r *runner) await() (*Worker, bool) {
	w, more := <-r.token
	if !more {
		return nil, false
	}
	if w == nil {
		w = r.pool.take(r)
	}
	return w, true
}

// runnable takes the next worker that can go on; those of a runner that is stuck have to wait for
// it.
func (l *Loop) runnable() *Worker {
	for {
		p := l.runq.pop()
		if p == nil {
			return nil
		}
		if p.Behind() {
			p.runner.delayed.push(p)
			p.seat.Behind()
			continue
		}
		return p
	}
}

// run notes that w runs the loop now.
func (l *Loop) run(w *Worker) {
	l.take()
	w.state = workerRunning
	l.current = w
	l.pulse.worker.Store(w.number)
}

// Behind reports whether the worker cannot run because its thread is inside of another worker's
// stuck handler. It is for code on the loop.
func (w *Worker) Behind() bool {
	r := w.runner
	return r.stuck != nil && r.stuck != w && r.mode != Free
}

// Stuck reports whether the loop was taken over from the worker's handler, which has not come back.
// It is for code on the loop.
func (w *Worker) Stuck() bool { return w.runner.stuck == w }

// Threads is how many threads can turn the loop, or are stuck in its handlers. It is for any
// goroutine.
func (l *Loop) Threads() int { return len(*l.runners.Load()) }
