//go:build linux

package loop

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Threads says what the goroutines that turn the loops are tied to.
type Threads uint8

const (
	Pinned    Threads = iota // each loop has an OS thread of its own
	PinnedCPU                // and that thread stays on one CPU
	Free                     // goroutines as any others
)

// runner is what turns a loop: a goroutine, the trampoline, on which workers are resumed. A pinned
// runner locks its OS thread before anything else and never unlocks it: the runtime allows a
// coroutine to be resumed only on the locked thread that created it.
//
//	started ──give──▶ serving            it is pinned; TakeOver's compare-and-swap has decided
//	serving ──TakeOver──▶ stuck          in a handler that does not come back
//	stuck ──readmit──▶ serving           it has come back, and its turn has come
//	serving ──follow──▶ waiting          another runner's worker goes on, and some are parked here
//	waiting ──give──▶ serving            one of them goes on, or the loop is taken over
//	serving ──follow──▶ retired          nothing of it is left
//
// What may be trusted: one runner of a loop is serving, and its worker of the moment owns the loop.
// A stuck one owns nothing: its goroutine is inside of stuck, and its parked workers wait in
// delayed when they could go on. A waiting one sleeps in await and takes any worker of its own.
type runner struct {
	loop   *Loop
	mode   Threads
	thread atomic.Int32 // the number of the pinned thread, for a watchdog; 0: none
	// token gives the loop to this runner: to go on with that worker, nil with any; closed: it is
	// not needed.
	token chan *Worker
	state atomic.Uint32 // a runnerState, written by whoever has the loop

	stuckIn atomic.Uint64 // 1 + the tag of the handler from which the loop was taken over; 0: none

	// owned by the loop's runner of the moment
	adopted bool // the group waits for its end
	pool    workerPool
	parked  int         // its workers that are parked or queued
	stuck   *Worker     // the one in whose handler it is; nil: it is not stuck
	delayed workerQueue // parked ones that could go on, were it not stuck
}

type runnerState uint32

const (
	runnerStarted runnerState = iota
	runnerServing
	runnerStuck
	runnerWaiting
	runnerRetired
)

func (r *runner) set(s runnerState)     { r.state.Store(uint32(s)) }
func (r *runner) is(s runnerState) bool { return runnerState(r.state.Load()) == s }

func newRunner(l *Loop, mode Threads) *runner {
	return &runner{loop: l, mode: mode, token: make(chan *Worker, 1)}
}

// start turns the loop until it is finished; ready is told when the runner can be known to others,
// or why it cannot.
func (r *runner) start(ready chan<- error) {
	if r.mode != Free {
		runtime.LockOSThread()
		r.thread.Store(int32(unix.Gettid()))
	}
	var err error
	if r.mode == PinnedCPU {
		if err = r.loop.group.pin(r.loop.id); err != nil {
			err = fmt.Errorf("loop: pin loop %d: %w", r.loop.id, err)
		}
	}
	ready <- err
	// even so: other loops may have given it connections, which Start is going to end
	r.trampoline()
	r.thread.Store(0)
	r.teardown()
	if r.adopted {
		r.loop.group.runners.Done()
	}
}

// trampoline resumes one worker after the other. A worker that comes back with nil has parked:
// another one goes on with the loop. One that comes back with another worker rests, and that one
// goes on.
func (r *runner) trampoline() {
	l := r.loop
	w, more := r.await()
	for more {
		next, alive, died := r.resume(w)
		switch {
		case died:
			l.workers.Add(-1)
			l.counts.Died++
			w = r.pool.take(r)
		case !alive:
			l.workers.Add(-1)
			l.Publish()
			return // the last one: whose runner has nothing to run has retired
		case next == nil:
			w = r.pool.take(r)
		default:
			r.pool.put(w)
			w, more = r.follow(next)
		}
	}
}

// resume lets w run until it yields, ends or dies.
func (r *runner) resume(w *Worker) (next *Worker, more, died bool) {
	defer func() {
		if v := recover(); v != nil {
			if v != errUnclean { // a bug of ours: die has logged what it could
				r.loop.group.log.Error("loop: worker panicked", "panic", v)
			}
			died = true
		}
	}()
	next, more = w.resume()
	return next, more, false
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

// pinThread ties the calling thread to the n-th of the CPUs that it may use.
func pinThread(n int) error {
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return err
	}
	n %= may.Count()
	for cpu := 0; ; cpu++ {
		if !may.IsSet(cpu) {
			continue
		}
		if n == 0 {
			one.Set(cpu)
			return unix.SchedSetaffinity(0, &one)
		}
		n--
	}
}
