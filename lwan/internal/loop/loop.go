//go:build linux

package loop

import (
	"math"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Loop is one poller with its workers, timers and mailbox. Its runner turns it: the position in
// everything that it does is kept in the loop, never in a local variable, because any worker may
// have to go on where another one parked.
type Loop struct {
	// constant after Start
	group  *Group
	id     int
	poller Poller
	driver Driver

	ownership

	// owned by the runner
	current   *Worker // runs the loop, or the handler that the loop was taken over from
	events    [eventBatch]Event
	pos, n    int     // events[pos:n] are to be handled
	inbox     *letter // taken out of the mailbox, to be read
	runq      workerQueue
	ready     readyQueue // tokens and workers that the fairness caps stopped
	readyTurn int        // how many of them have their turn before the next poll
	jobs      []func(w *Worker)
	jobTurn   int // how many of them may run before the next poll
	timers    timerHeap
	now       int64  // nanoseconds of the group's clock, read once a turn
	sec       uint32 // now in seconds
	swept     uint32 // the second of the last sweep
	unixDue   int64  // now from which unix is out of date
	counts    Counts
	app       transport.Counts // the protocol's
	parked    int              // workers
	stuck     int              // runners in handlers from which the loop was taken over
	orphaned  Branch           // from which the loop was taken over; nil: it has been told
	scratch   []byte
	handlers  uint64 // begun, times two
	brief     bool   // the last wait was ended by an event, before maxDoze had passed

	// atomic
	runner    atomic.Pointer[runner]    // who turns the loop
	runners   atomic.Pointer[[]*runner] // and all that can
	mail      mailbox
	sleeping  atomic.Bool  // a letter needs a wake-up
	resting   atomic.Bool  // no handler runs, and none can before the kernel's wait is over
	wakers    atomic.Int64 // who is about to wake the poller
	unix      atomic.Int64 // wall clock in seconds
	draining  atomic.Bool  // it takes nothing new
	stalled   atomic.Bool  // it is passed over for new connections
	workers   atomic.Int64
	published publishedCounts
	pulse     pulse
}

// Driver is what a loop turns for: the connections of package conn. All methods but NewSeat are
// called by the runner, between two handlers, and must not wait.
type Driver interface {
	// Event takes one of the poller's events. w is the worker that may serve it.
	Event(w *Worker, ev Event)
	// Turn gives a token its turn that Queue was given.
	Turn(w *Worker, token uint64)
	// Sweep is called when a second of the loop's clock has begun.
	Sweep()
	// Sweeps reports whether the loop has to wake for the next second to call Sweep.
	Sweeps() bool
	// Over reports whether nothing is left that could keep a draining loop, and nothing comes.
	Over() bool
	// Publish makes the driver's counts known. It is called now and then, and before a long sleep.
	Publish()
	// NewSeat makes the driver's part of a new worker.
	NewSeat(w *Worker) Seat
}

// Seat is a Driver's part of a worker. Its methods are called by the runner.
type Seat interface {
	// Attach is called before the worker waits, and when the loop is taken over from its handler:
	// from now on events have to find who is served. It may cancel the worker's task.
	Attach()
	// Ended is called when the worker's task has been cancelled or killed: what has ended is every
	// wait up to till, also those of other tasks for what the worker serves.
	Ended(till transport.Till)
	// Behind is called when the worker could go on, but its thread is inside of a stuck handler.
	Behind()
	// Died is called in a worker that ended by Goexit (value is nil) or by a panic. It must not
	// wait. It reports false if the worker served nothing.
	Died(value any, stack []byte) bool
	// Rests is called when the worker has nothing to do, while enough others have nothing to do
	// either. After a crowd has left, a worker for each of them rests for a while.
	Rests()
}

const eventBatch = 256

// step does the next piece of the loop's work in worker w, and reports whether there is more.
func (l *Loop) step(w *Worker) bool {
	if l.orphaned != nil {
		l.tellOrphan()
	}
	if p := l.runnable(); p != nil {
		return l.switchTo(w, p)
	}
	if l.pos < l.n {
		ev := l.events[l.pos]
		l.pos++
		l.driver.Event(w, ev)
		return true
	}
	if l.readyTurn > 0 {
		l.readyTurn--
		l.resumeReady(w, l.ready.pop())
		return true
	}
	if l.jobTurn > 0 && len(l.jobs) > 0 {
		l.runJob(w)
		return true
	}
	if l.finished() {
		return false
	}
	l.poll(w)
	l.readyTurn, l.jobTurn = l.ready.len(), jobBatch
	return true
}

// switchTo lets p go on and puts w to rest. When w comes back it runs the loop again.
func (l *Loop) switchTo(w, p *Worker) bool {
	w.state = workerFree
	if !w.yield(p) {
		return false
	}
	l.run(w)
	return true
}

// wake queues the worker that waits, if it still does.
func (l *Loop) wake(wt waiter) {
	if wt.w == nil || wt.w.tick != wt.tick || wt.w.state != workerParked {
		return
	}
	l.MustOwn()
	wt.w.state = workerQueued
	l.runq.push(wt.w)
}

// Queue gives token a turn after the others. It may stand in the queue several times.
func (l *Loop) Queue(token uint64) {
	l.MustOwn()
	l.ready.push(readyItem{token: token})
}

// resumeReady gives a token or a worker that was stopped by a cap its turn.
func (l *Loop) resumeReady(w *Worker, it readyItem) {
	if it.wt.w != nil {
		l.wake(it.wt)
		return
	}
	l.driver.Turn(w, it.token)
}

// poll fetches what has happened: letters, timers, a new second, and the poller's events.
func (l *Loop) poll(w *Worker) {
	l.readMail()
	l.refresh()
	for t := l.timers.pop(l.now); t != nil; t = l.timers.pop(l.now) {
		t.Fire()
	}
	if l.swept != l.sec {
		l.swept = l.sec
		l.driver.Sweep()
		w.runner.pool.trim(l)
	}
	n, e := l.poller.Wait(l.events[:], 0)
	if n == 0 && e == 0 && l.idle() {
		l.Publish()
		asleep := l.now
		n, e = l.sleep()
		l.refresh()
		if e == 0 { // else it was interrupted, which tells nothing
			l.brief = (n > 0 || !l.mail.empty()) && l.now-asleep < int64(maxDoze)
		}
	}
	if e != 0 && e != syscall.EINTR {
		l.group.log.Error("loop: wait for events", "loop", l.id, "err", e)
	}
	l.pos, l.n = 0, max(n, 0)
	l.counts.Turns++
	if l.counts.Turns&(publishEvery-1) == 0 {
		l.Publish()
	}
}

// idle reports whether nothing is waiting for its turn.
func (l *Loop) idle() bool {
	return l.runq.head == nil && l.ready.len() == 0 && len(l.jobs) == 0 && l.inbox == nil &&
		l.mail.empty() && !l.finished()
}

// finished reports whether the loop may end: nobody is parked or stuck, nothing is to be done, and
// the driver has nothing either.
func (l *Loop) finished() bool {
	return l.draining.Load() && l.parked == 0 && l.stuck == 0 && len(l.jobs) == 0 &&
		l.inbox == nil && l.mail.empty() && l.driver.Over()
}

// sleep waits for events until the next timer. A letter that is pushed after sleeping is set brings
// a wake-up; one that was pushed before is seen here.
func (l *Loop) sleep() (n int, e syscall.Errno) {
	defer l.sleeping.Store(false)
	if !l.fallAsleep() {
		return 0, 0
	}
	ms := l.timeout()
	if ms != 0 && l.brief && l.group.spare.at(l.now) {
		var over bool
		if n, e, over = l.doze(ms); over || !l.fallAsleep() { // anew: a wake-up may be used up
			return n, e
		}
		ms = l.timeout()
	}
	l.resting.Store(true)
	n, e = l.poller.Wait(l.events[:], ms)
	l.resting.Store(false)
	return n, e
}

// fallAsleep lets letters bring a wake-up. It reports false if there is one already.
func (l *Loop) fallAsleep() bool {
	l.sleeping.Store(true)
	return l.mail.empty()
}

// timeout is how long the loop may sleep, in milliseconds; -1: until an event.
func (l *Loop) timeout() int {
	next := int64(-1)
	if len(l.timers) > 0 {
		next = l.timers[0].when
	}
	if l.driver.Sweeps() {
		if sweep := (int64(l.sec) + 1) * int64(time.Second); next < 0 || sweep < next {
			next = sweep
		}
	}
	if next < 0 {
		return -1
	}
	left := next - l.Clock()
	if left <= 0 {
		return 0
	}
	return int(min((left+int64(time.Millisecond)-1)/int64(time.Millisecond), 1<<30))
}

// refresh reads the clock for the turn that begins.
func (l *Loop) refresh() {
	l.now = l.Clock()
	l.sec = uint32(l.now / int64(time.Second))
	if l.now < l.unixDue {
		return
	}
	wall := l.group.clock.Wall()
	l.unix.Store(wall.Unix())
	l.unixDue = l.now + int64(time.Second) - int64(wall.Nanosecond())
}

// Unix is the wall clock's second as of the beginning of the turn.
func (l *Loop) Unix() int64 { return l.unix.Load() }

// Now is the beginning of the turn, in nanoseconds of the group's clock (Config.Clock).
func (l *Loop) Now() int64 { return l.now }

// Second is Now in whole seconds.
func (l *Loop) Second() uint32 { return l.sec }

// Clock is Now read afresh. It may be called from anywhere.
func (l *Loop) Clock() int64 { return l.group.clock.Now() }

// At is when d will have passed, at the latest at the end of time: for Set.
func (l *Loop) At(d time.Duration) int64 {
	now := l.Clock()
	return now + min(max(int64(d), 0), math.MaxInt64-now)
}

// Number tells the loops of a group apart: from 0.
func (l *Loop) Number() int { return l.id }

// Poller is the loop's, for its driver.
func (l *Loop) Poller() Poller { return l.poller }

// Set makes t fire at when, a time of the loop's clock. It is for code on the loop, as Stop is.
func (l *Loop) Set(t *Timer, when int64) {
	l.MustOwn()
	l.timers.add(t, when)
}

// Stop takes t out of the heap, if it is there.
func (l *Loop) Stop(t *Timer) {
	l.MustOwn()
	l.timers.remove(t)
}

// Scratch is a buffer that everything of the loop uses: what is in it lasts until its user returns
// to the loop, or waits. It is for code on the loop.
func (l *Loop) Scratch() []byte {
	if l.scratch == nil {
		l.scratch = make([]byte, 64<<10)
	}
	return l.scratch
}

// Drain says that the loop takes nothing new: it ends when nothing is left. It is for its driver.
func (l *Loop) Drain() { l.draining.Store(true) }

// Draining reports whether Drain was called. It may be called from anywhere.
func (l *Loop) Draining() bool { return l.draining.Load() }

// Parked is how many workers wait. It is for code on the loop.
func (l *Loop) Parked() int { return l.parked }

// Current is the worker that runs the loop. It is for code on the loop.
func (l *Loop) Current() *Worker { return l.current }

var _ transport.Loop = (*Loop)(nil)
