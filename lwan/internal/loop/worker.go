//go:build linux

package loop

import (
	"errors"
	"iter"
	"runtime"
	"runtime/debug"

	"github.com/golwan/golwan/lwan/internal/goid"
)

// Worker is a coroutine (iter.Pull) that can run the loop and serve what it drives. The loop's own
// code runs inside a worker, so a request that never waits switches nothing. Only when its handler
// has to wait does a worker yield to the trampoline, which lets another one go on with the loop.
//
//	free ──run──▶ running ──park──▶ parked ──wake──▶ queued ──run──▶ running
//	running ──switchTo──▶ free        it has named a queued one to go on in its place
//	running ──die──▶ dead             its code ended by Goexit or a panic
//	free ──end──▶ dead                the pool does not need it, or its runner ends
//
// What may be trusted: one worker of a loop is running, and owns everything of the loop. A parked
// one has its ticket in what it waits for; it is in no queue. A queued one is in exactly one: the
// loop's, or its runner's delayed. A free one is in its runner's pool, or about to be put there,
// and has no handler. Of a dead one nothing is used but its Task and State, by whoever concludes
// what it served.
//
// A worker belongs to one loop for life and is touched only by it.
type Worker struct {
	Task      // what its handler waits by
	State any // the protocol's part: NewState of its driver
	// the part of whoever runs branches: made by it, and kept for it
	Branching any

	seat   Seat // the driver's part
	loop   *Loop
	runner *runner // on which it can be resumed
	next   *Worker // in the run queue or the pool
	resume func() (*Worker, bool)
	stop   func()
	yield  func(*Worker) bool
	state  workerState
	letter letter // for Offload's end: one at a time
	number uint64 // label in profiles

	branch Branch // that runs in it; nil: none
	apart  bool   // and does so while another worker runs the loop, or has done

	// of the handler under way
	beat          uint64  // as EnterUser has set it; 0: the worker has the loop
	entered       uint64  // its tag
	waitsForToken bool    // the loop was taken over from it, and it wants it back
	self          uintptr // its coroutine: goid.Self, constant while that runs
}

type workerState uint8

const (
	workerFree workerState = iota
	workerRunning
	workerParked
	workerQueued
	workerDead
)

// waiter is how a timer or another thread names who waits: the worker and its ticket. One that is
// late finds another ticket and is dropped.
type waiter struct {
	w    *Worker
	tick uint64
}

// errUnclean is what a dying worker panics with, so that next hands it to the trampoline instead of
// a Goexit, which would end the trampoline's goroutine and with it the thread.
var errUnclean = errors.New("loop: worker ended inside a handler")

func newWorker(r *runner) *Worker {
	l := r.loop
	w := &Worker{loop: l, runner: r, state: workerFree}
	w.Task.w, w.seq = w, 1
	w.timer.Fire = func() {
		w.late = true
		l.wake(waiter{w, w.tick})
	}
	w.seat = l.driver.NewSeat(w)
	w.resume, w.stop = iter.Pull(iter.Seq[*Worker](w.run))
	return w
}

// run is the body of the coroutine: it turns the loop until the loop ends or the pool lets the
// worker go.
func (w *Worker) run(yield func(*Worker) bool) {
	w.yield = yield
	w.self = goid.Self()
	w.label()
	w.loop.run(w)
	clean := false
	defer func() {
		if !clean {
			w.die(recover())
		}
	}()
	for w.loop.step(w) {
	}
	clean = true
}

// die runs when the worker's code ended by Goexit (value is nil) or by a panic that nobody
// recovered. The stack cannot be used again: the trampoline takes a fresh worker.
func (w *Worker) die(value any) {
	stack := debug.Stack()
	w.LeaveUser()
	defer func() {
		w.state = workerDead
		panic(errUnclean)
	}()
	if w.branch != nil {
		w.dieInBranch(value, stack)
	} else if !w.seat.Died(value, stack) && value != nil {
		w.loop.group.log.Error("loop: panic in the loop", "panic", value, "stack", string(stack))
	}
}

// park waits until something that holds the current ticket wakes the worker. Everything that may
// open must have been armed before. When the loop is torn down nothing will ever come: the handler
// is unwound by Goexit, so its defers run.
func (w *Worker) park() {
	l := w.loop
	w.state = workerParked
	l.parked++
	w.runner.parked++
	l.counts.Parks++
	alive := w.yield(nil)
	l.parked--
	w.runner.parked--
	w.tick++
	w.Moved = 0
	l.run(w)
	if w.timer.Set() {
		l.timers.remove(&w.timer)
	}
	if !alive {
		runtime.Goexit()
	}
}

// Seat is what the loop's driver has made for the worker.
func (w *Worker) Seat() Seat { return w.seat }

// Waiting reports whether the worker is in the middle of a wait, and the tag of its handler
// (EnterUser). It is for code on the loop.
func (w *Worker) Waiting() (tag uint64, ok bool) {
	return w.entered, w.state == workerParked || w.state == workerQueued
}

// Mine reports whether the caller is the worker's own coroutine, the only one that may park it. It
// may be asked by anybody: it looks at nothing that the loop changes before it knows that the
// caller is on the loop.
func (w *Worker) Mine() bool {
	return w.here() && w.state == workerRunning // in this order: the state is the loop's
}

// here reports whether the caller is w's coroutine, or w is dead and something else has its place.
func (w *Worker) here() bool { return goid.Self() == w.self }
