//go:build linux

package evloop

import (
	"errors"
	"iter"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/goid"
)

// Worker is a coroutine (iter.Pull) that can run the loop and serve connections. The loop's own code runs inside a
// worker, so a request that never waits switches nothing. Only when its handler has to wait does a worker yield to the
// trampoline, which lets another one go on with the loop.
//
//	       take                    park (yield nil)
//	free ───────▶ running ───────────────────────────▶ parked
//	  ▲              │ ▲                                  │ wake
//	  │  yield(p)    │ └───────────────── queued ◀────────┘
//	  └──────────────┘    yield of the runner names it
//
// A worker belongs to one loop for life and is touched only by it.
type Worker struct {
	Conn   Conn   // what it serves
	server Server // the protocol's part

	loop   *Loop
	runner *runner // on which it can be resumed
	next   *Worker // in the run queue or the pool
	resume func() (*Worker, bool)
	stop   func()
	yield  func(*Worker) bool
	state  workerState
	tick   uint64        // ticket of the current wait; a waiter that names another is stale
	timer  Timer         // ends a wait
	late   bool          // the timer ended it
	letter letter        // for Offload's end: one at a time
	iov    [2]unix.Iovec // arguments of Writev and Sendfile: here they cost no allocation
	fileAt int64
	number uint64 // label in profiles

	expires bool // it answers a half request whose time is up

	// of the handler under way
	beat          uint64 // as Enter has set it; 0: the worker has the loop
	entered       uint64 // its tag
	waitsForToken bool   // the loop was taken over from it, and it wants it back
	goid          uint64 // of the coroutine, where the thread does not tell it apart
}

type workerState uint8

const (
	workerFree workerState = iota
	workerRunning
	workerParked
	workerQueued
	workerDead
)

// waiter is how a gate, a timer or another thread names who waits: the worker and its ticket. One that is late finds
// another ticket and is dropped.
type waiter struct {
	w    *Worker
	tick uint64
}

// errUnclean is what a dying worker panics with, so that next hands it to the trampoline instead of a Goexit, which
// would end the trampoline's goroutine and with it the thread.
var errUnclean = errors.New("evloop: worker ended inside a handler")

func newWorker(r *runner) *Worker {
	l := r.loop
	w := &Worker{loop: l, runner: r, state: workerFree}
	w.Conn.w, w.Conn.fd = w, -1
	w.timer.Fire = func() {
		w.late = true
		l.wake(waiter{w, w.tick})
	}
	w.server = l.eng.protocol.NewServer(w)
	w.resume, w.stop = iter.Pull(iter.Seq[*Worker](w.run))
	return w
}

// run is the body of the coroutine: it turns the loop until the loop ends or the pool lets the worker go.
func (w *Worker) run(yield func(*Worker) bool) {
	w.yield = yield
	if w.runner.mode == Free {
		w.goid = goid.Current()
	}
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

// die runs when the worker's code ended by Goexit (value is nil) or by a panic that nobody recovered. The stack cannot
// be used again: the connection is finished here, and the trampoline takes a fresh worker.
func (w *Worker) die(value any) {
	stack := debug.Stack()
	w.Leave()
	end := Close
	defer func() {
		w.state = workerDead
		w.loop.settleDead(w, end)
		panic(errUnclean)
	}()
	if w.Conn.open() {
		end = w.server.Died(&w.Conn, value, stack)
	} else if value != nil {
		w.loop.eng.log.Error("evloop: panic in the loop", "panic", value, "stack", string(stack))
	}
}

// waiter begins a wait: what is armed with it opens this wait and no other.
func (w *Worker) waiter() waiter {
	w.tick++
	w.late = false
	return waiter{w, w.tick}
}

// park waits until something that holds the current ticket wakes the worker. Everything that may open must have been
// armed before. When the loop is torn down nothing will ever come: the handler is unwound by Goexit, so its defers run.
func (w *Worker) park() {
	l := w.loop
	l.attach(&w.Conn)
	w.state = workerParked
	l.parked++
	w.runner.parked++
	l.counts.Parks++
	alive := w.yield(nil)
	l.parked--
	w.runner.parked--
	w.tick++
	l.run(w)
	if w.timer.Set() {
		l.timers.remove(&w.timer)
	}
	if !alive {
		runtime.Goexit()
	}
}

// Loop returns the loop that w belongs to.
func (w *Worker) Loop() *Loop { return w.loop }

// Mine reports whether the caller is w's own coroutine. It may be asked by anybody: it looks at nothing that the loop
// changes before it knows that the caller is on the loop.
func (w *Worker) Mine() bool { return w.mine() }

// mine reports whether the caller is w's own coroutine, the only one that may park it.
func (w *Worker) mine() bool {
	return w.here() && w.state == workerRunning // in this order: the state is the loop's
}

// here reports whether the caller can be w's coroutine. On a pinned thread nothing else can run but the workers of its
// runner, so the thread's number tells; otherwise the goroutine's does.
func (w *Worker) here() bool {
	if w.loop.eng.threads == Free {
		return w.goid != 0 && goid.Current() == w.goid
	}
	return unix.Gettid() == w.runner.tid
}

// Sleep parks until d has passed (then nil), or the connection is cancelled (then the cause). It is for code on the
// loop.
func (w *Worker) Sleep(d time.Duration) error {
	c := &w.Conn
	if err := c.ready(w); err != nil {
		return err
	}
	wt := w.waiter()
	c.cancelled = wt
	w.loop.timers.add(&w.timer, w.loop.after(d))
	w.park()
	c.cancelled = waiter{}
	if w.late {
		return nil
	}
	return c.cause
}

// Wait parks until wake is called, from any goroutine (then nil), limit has passed (ErrTimeout; 0: no limit), or the
// connection is cancelled (then the cause). arm hands wake out; it is called before the worker parks and may call wake at
// once.
func (w *Worker) Wait(arm func(wake func()), limit time.Duration) error {
	c := &w.Conn
	if err := c.ready(w); err != nil {
		return err
	}
	wt := c.begin(w, limit)
	c.cancelled = wt
	arm(func() { w.loop.post(&letter{w: wt.w, tick: wt.tick}) })
	w.park()
	c.cancelled = waiter{}
	return outcome(w, c.cause)
}

// Pause lets everything else that is ready have a turn.
func (w *Worker) Pause() {
	w.loop.ready.push(readyItem{wt: w.waiter()})
	w.park()
}

// Offload runs fn on a goroutine, which start provides, and parks until fn has ended: however long that takes, whatever
// becomes of the client. It lends nothing: fn has neither the worker nor its connection. When start reports false there is
// no goroutine, and fn is not run: ErrBusy.
func (w *Worker) Offload(start func(run func()) bool, fn func()) error {
	if !w.mine() {
		return ErrForeign
	}
	w.Conn.NoticeHangup()
	wt := w.waiter()
	started := start(func() {
		defer func() { // also when fn ends by Goexit
			w.letter = letter{w: wt.w, tick: wt.tick}
			w.loop.post(&w.letter)
		}()
		fn()
	})
	if !started {
		return ErrBusy
	}
	w.park()
	return nil
}

// workerQueue is a first-in first-out queue, linked through the workers.
type workerQueue struct{ head, tail *Worker }

func (q *workerQueue) push(w *Worker) {
	w.next = nil
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

func (q *workerQueue) pop() *Worker {
	w := q.head
	if w == nil {
		return nil
	}
	q.head = w.next
	if q.head == nil {
		q.tail = nil
	}
	w.next = nil
	return w
}
