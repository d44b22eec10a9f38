//go:build linux

package evloop

import (
	"math"
	"sync/atomic"
	"syscall"
	"time"
)

// Loop is one poller with its connections, timers and mailbox. Its runner turns it: the position in everything
// that it does is kept in the loop, never in a local variable, because any worker may have to go on where another
// parked.
type Loop struct {
	// constant after Start
	eng    *Engine
	id     int
	kernel Kernel
	poller Poller
	slots  []slot

	// owned by the runner
	current   *Worker // runs the loop, or the handler that the loop was taken over from
	events    [eventBatch]event
	pos, n    int     // events[pos:n] are to be handled
	inbox     *letter // taken out of the mailbox, to be read
	owned     bitset  // the descriptors of its open connections
	runq      workerQueue
	ready     readyQueue // connections and workers that the fairness caps stopped
	readyTurn int        // how many of them have their turn before the next poll
	jobs      []func(w *Worker)
	jobTurn   int // how many of them may run before the next poll
	records   records
	wheel     wheel
	timers    timerHeap
	now       int64  // nanoseconds of the engine's clock, read once a turn
	sec       uint32 // now in seconds
	unixDue   int64  // now from which unix is out of date
	counts    Counts
	busy      int           // connections under service
	expiring  int           // half requests that are answered because their time is up
	refused   int           // connections that linger behind a refusal; they are no part of conns
	parked    int           // workers
	stuck     int           // runners in handlers from which the loop was taken over
	paused    Timer         // set while accepting is paused
	backoff   time.Duration // of accepting, after errors that do not end; 0: the last one succeeded, or lacked descriptors
	phase     phase         // how far the shutdown is
	scratch   []byte
	from      sockaddr // of the connection that was accepted last
	handlers  uint64   // begun, times two

	// atomic
	runner    atomic.Pointer[runner]    // who turns the loop
	runners   atomic.Pointer[[]*runner] // and all that can
	mail      mailbox
	sleeping  atomic.Bool  // a letter needs a wake-up
	resting   atomic.Bool  // no handler runs, and none can before the kernel's wait is over
	wakers    atomic.Int64 // who is about to wake the poller
	unix      atomic.Int64 // wall clock in seconds
	draining  atomic.Bool  // phase is phaseDrain or later
	conns     atomic.Int64 // added to by whoever accepts, taken from by the owner
	workers   atomic.Int64
	stalled   atomic.Bool // gets no new connections
	published publishedCounts
	pulse     pulse
}

const eventBatch = 256

// step does the next piece of the loop's work in worker w, and reports whether there is more to come.
func (l *Loop) step(w *Worker) bool {
	if p := l.runnable(); p != nil {
		return l.switchTo(w, p)
	}
	if l.pos < l.n {
		ev := &l.events[l.pos]
		l.pos++
		l.handle(w, ev.ready, ev.token)
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
	wt.w.state = workerQueued
	l.runq.push(wt.w)
}

// poll fetches what has happened: letters, timers, what is to be expired, and the poller's events.
func (l *Loop) poll(w *Worker) {
	l.readMail()
	l.refresh()
	for t := l.timers.pop(l.now); t != nil; t = l.timers.pop(l.now) {
		t.Fire()
	}
	if l.wheel.swept != l.sec {
		l.sweep(w)
	}
	n, e := l.poller.wait(l.events[:], 0)
	if n == 0 && e == 0 && l.idle() {
		l.published.publish(l)
		n, e = l.sleep()
		l.refresh()
	}
	if e != 0 && e != syscall.EINTR {
		l.eng.log.Error("evloop: wait for events", "loop", l.id, "err", e)
	}
	l.pos, l.n = 0, max(n, 0)
	l.counts.Turns++
	if l.counts.Turns&(publishEvery-1) == 0 {
		l.published.publish(l)
	}
}

// idle reports whether nothing is waiting for its turn.
func (l *Loop) idle() bool {
	return l.runq.head == nil && l.ready.len() == 0 && len(l.jobs) == 0 && l.inbox == nil && l.mail.empty() && !l.finished()
}

// sleep waits for events until the next timer. A letter that is pushed after sleeping is set brings a wake-up; one that
// was pushed before is seen here.
func (l *Loop) sleep() (n int, e syscall.Errno) {
	l.sleeping.Store(true)
	defer l.sleeping.Store(false)
	if !l.mail.empty() {
		return 0, 0
	}
	l.resting.Store(true)
	n, e = l.poller.wait(l.events[:], l.timeout())
	l.resting.Store(false)
	return n, e
}

// timeout is how long the loop may sleep, in milliseconds; -1: until an event.
func (l *Loop) timeout() int {
	next := int64(-1)
	if len(l.timers) > 0 {
		next = l.timers[0].when
	}
	if l.wheel.count > 0 {
		if sweep := (int64(l.sec) + 1) * int64(time.Second); next < 0 || sweep < next {
			next = sweep
		}
	}
	if next < 0 {
		return -1
	}
	left := next - l.clock()
	if left <= 0 {
		return 0
	}
	return int(min((left+int64(time.Millisecond)-1)/int64(time.Millisecond), 1<<30))
}

// clock is the time now, of the engine's clock. Where a turn's beginning is exact enough, now is.
func (l *Loop) clock() int64 { return l.eng.clock.Now() }

// refresh reads the clock for the turn that begins.
func (l *Loop) refresh() {
	l.now = l.clock()
	l.sec = uint32(l.now / int64(time.Second))
	if l.now < l.unixDue {
		return
	}
	wall := l.eng.clock.Wall()
	l.unix.Store(wall.Unix())
	l.unixDue = l.now + int64(time.Second) - int64(wall.Nanosecond())
}

// Unix is the wall clock's second as of the beginning of the turn.
func (l *Loop) Unix() int64 { return l.unix.Load() }

// Now is the beginning of the turn, in nanoseconds of the engine's clock (Config.Clock).
func (l *Loop) Now() int64 { return l.now }

// Clock is Now read afresh.
func (l *Loop) Clock() int64 { return l.clock() }

// ID numbers the loops from 0.
func (l *Loop) ID() int { return l.id }

// Set makes t fire at when, a time of the loop's clock. It is for code on the loop, as Stop is.
func (l *Loop) Set(t *Timer, when int64) { l.timers.add(t, when) }

// Stop takes t out of the heap, if it is there.
func (l *Loop) Stop(t *Timer) { l.timers.remove(t) }

// Do runs fn on the loop, soon; from any goroutine. It must not wait.
func (l *Loop) Do(fn func()) { l.post(&letter{fn: fn}) }

func (l *Loop) post(m *letter) {
	l.mail.push(m)
	if !l.sleeping.Load() {
		return
	}
	l.wakers.Add(1)
	if l.sleeping.CompareAndSwap(true, false) {
		l.poller.wake()
	}
	l.wakers.Add(-1)
}

// readMail reads what has come, to the end: what a function of a letter posts is read in the next turn. The letters
// that are still to be read are kept in the loop, so a function that panics does not take them along.
func (l *Loop) readMail() {
	if l.inbox == nil && !l.mail.empty() {
		l.inbox = l.mail.take()
	}
	for l.inbox != nil {
		m := l.inbox
		l.inbox, m.next = m.next, nil
		if m.fn != nil {
			m.fn()
		} else {
			l.wake(waiter{m.w, m.tick})
		}
	}
}

// after is when d has passed, at the latest at the end of time.
func (l *Loop) after(d time.Duration) int64 {
	now := l.clock()
	return now + min(max(int64(d), 0), math.MaxInt64-now)
}

// secondAfter is the first second of the expiry wheel in which n whole seconds are sure to have passed.
func (l *Loop) secondAfter(n uint32) uint32 { return l.sec + n + 1 }
