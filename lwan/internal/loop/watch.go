//go:build linux

package loop

import (
	"context"
	"runtime/pprof"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// pulse is what a loop tells a watchdog: whether it is inside a handler, and which. A request costs
// it three atomic stores.
type pulse struct {
	beat   atomic.Uint64 // odd: a handler runs; another number for each
	tag    atomic.Uint64
	worker atomic.Uint64 // number of the worker that runs the loop
}

// Beat returns the handler under way: a number that no other one has, its tag, and the label of the
// worker that runs it. ok is false when the loop is in no handler. It is for any goroutine.
func (l *Loop) Beat() (number, tag, worker uint64, ok bool) {
	number = l.pulse.beat.Load()
	tag, worker = l.pulse.tag.Load(), l.pulse.worker.Load()
	return number, tag, worker, number&1 == 1 && l.pulse.beat.Load() == number
}

// Held returns the tags of the handlers that are in code of their own just now: those that have the
// loop, and those that it was taken over from. It is for any goroutine.
func (l *Loop) Held() (tags []uint64) {
	if _, tag, _, ok := l.Beat(); ok {
		tags = append(tags, tag)
	}
	for _, r := range *l.runners.Load() {
		if in := r.stuckIn.Load(); in != 0 {
			tags = append(tags, in-1)
		}
	}
	return tags
}

// workerNumber is that of the last worker: a profile is the process's, in which there may be
// several servers.
var workerNumber atomic.Uint64

// label makes the worker's goroutine known in goroutine profiles, so that a watchdog finds its
// stack.
func (w *Worker) label() {
	w.number = workerNumber.Add(1)
	labels := pprof.Labels(WorkerLabel, strconv.FormatUint(w.number, 10))
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), labels))
}

// WorkerLabel is the profiler label that carries a worker's number.
const WorkerLabel = "golwan worker"

// Resting reports whether the loop is inside of the kernel's wait for events.
func (l *Loop) Resting() bool { return l.resting.Load() }

// SetStalled says whether the loop is to be passed over for new connections.
func (l *Loop) SetStalled(on bool) { l.stalled.Store(on) }

// Stalled reports what SetStalled has said. It is for any goroutine.
func (l *Loop) Stalled() bool { return l.stalled.Load() }

// CPUTime is the processor time that the loop's thread has used, in nanoseconds; false if the loop
// has no thread.
func (l *Loop) CPUTime() (int64, bool) {
	r := l.runner.Load()
	if r == nil { // it has not been started yet
		return 0, false
	}
	tid := r.thread.Load()
	if tid == 0 {
		return 0, false
	}
	// CPUCLOCK_PERTHREAD_MASK, CPUCLOCK_SCHED of the kernel's clock numbers
	const perThread, scheduled = 4, 2
	var ts unix.Timespec
	if err := unix.ClockGettime(^tid<<3|perThread|scheduled, &ts); err != nil {
		return 0, false
	}
	return ts.Nano(), true
}

// Rouse is a wake-up for a watchdog that sleeps while all loops rest: the channel gets a token when
// a handler begins, or goes on. The watchdog calls it each time before it sleeps, and then looks at
// the loops once more.
func (g *Group) Rouse() <-chan struct{} {
	g.watched.Store(true)
	return g.rouse
}

// roused is called by a loop that runs a handler, whatever has woken it: an event, a letter, or a
// timer. Either it sees that the watchdog is about to sleep, or the watchdog sees that the loop
// does not rest.
func (g *Group) roused() {
	if g.watched.Load() && g.watched.CompareAndSwap(true, false) {
		select {
		case g.rouse <- struct{}{}:
		default:
		}
	}
}
