//go:build linux

package loop

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Task is what waits: the place of one worker in which a handler runs. It has no connection. A
// handler waits at gates: those of a connection or of two, a stream's, or at none and is woken
// (Wait, Bell).
//
// A worker has one Task, which serves one handler after the other. seq tells them apart, so a
// reference that comes late does nothing:
//
//	idle ──Begin──▶ handler ──End──▶ idle    seq grows with each
//	any ──Cancel(seq)──▶ cancelled           until End: reading and sleeping end with the cause
//	any ──Cancel(0)──▶ left                  until Reset: as Cancel, for this handler and those
//	                                         that follow: the peer has left
//	any ──Kill──▶ killed                     until Reset: writing ends too
//
// What may be trusted: only the worker itself waits by it, and it does one wait at a time. cause,
// left and dead are for code on the loop, and a wait that has ended believes in them only when what
// it waited for is not there: bytes come before a hang-up.
type Task struct {
	w     *Worker
	seq   uint32 // of the handler, or of the time between two; never 0
	owner Owner  // of the handler; nil: nobody is told
	cause error  // why this handler's waits end
	left  error  // and those of all that follow in this turn
	dead  error  // and writing, too

	// Moved is how many bytes were read since the worker last waited: who reads looks after
	// fairness.
	Moved int

	// of the wait under way
	tick  uint64 // its ticket; a waiter that names another one is stale
	till  transport.Till
	late  bool  // the timer has ended it
	timer Timer // ends it
	links [maxGates]link
}

// Owner is told of what befalls the handler that a Task runs, on the loop, before its waits end. It
// must not wait.
type Owner interface {
	// Cancel says why the handler's waits have ended, or do from now on.
	Cancel(cause error)
	// Drain says that draining has begun. It reports whether that ends the handler's waits, and has
	// done then what Cancel does.
	Drain() (ends bool)
}

// Worker is the worker whose task it is.
func (t *Task) Worker() *Worker { return t.w }

// Loop is the loop of that worker.
func (t *Task) Loop() *Loop { return t.w.loop }

// Seq names the handler under way, for Cancel. It is for code on the loop, as Begin, End, Reset,
// Cancel, Drain and Kill are.
func (t *Task) Seq() uint32 { return t.seq }

// Ready prepares a wait for something that the handler itself has opened: who has more than this
// Task to do before it waits does that.
func (t *Task) Ready() error { return nil }

// Inline implements transport.Task: the handler must not block.
func (t *Task) Inline() bool { return true }

// Mine implements transport.Task. It may be asked by any goroutine.
func (t *Task) Mine() bool { return t.w.Mine() }

// Now is the beginning of the loop's turn; Clock is the time now, from any goroutine.
func (t *Task) Now() int64   { return t.w.loop.now }
func (t *Task) Clock() int64 { return t.w.loop.Clock() }

// Canceller returns Cancel of the handler under way, for any goroutine.
func (t *Task) Canceller() func(cause error) {
	l, seq := t.w.loop, t.seq
	return func(cause error) { l.Post(func() { t.Cancel(seq, cause) }) }
}

// Killer returns Kill of the handler under way, as if its client had left, for any goroutine.
func (t *Task) Killer() func() {
	l, seq := t.w.loop, t.seq
	return func() {
		l.Post(func() {
			if t.seq == seq {
				t.Kill(transport.ErrGone)
			}
		})
	}
}

var _ transport.Task = (*Task)(nil)

// Begin says that a handler begins, and who is told of what befalls it. If the peer is known to
// have left already, that is told at once.
func (t *Task) Begin(owner Owner) {
	t.next()
	t.owner = owner
	if t.left != nil && owner != nil {
		owner.Cancel(t.left)
	}
}

// End says that it is over: what was only its own is forgotten.
func (t *Task) End() {
	t.next()
	t.owner = nil
}

func (t *Task) next() {
	t.w.loop.MustOwn()
	t.cause = nil
	if t.seq++; t.seq == 0 {
		t.seq = 1
	}
}

// Reset forgets everything. The worker has something else to do.
func (t *Task) Reset() {
	if t.owner != nil || t.cause != nil {
		t.End()
	}
	t.left, t.dead = nil, nil
}

// Inherit takes over what is known of another task's connection, whose worker is dead.
func (t *Task) Inherit(from *Task) { t.left, t.dead = from.left, from.dead }

// Cause is why the handler's waits end; nil as long as they do not.
func (t *Task) Cause() error {
	switch {
	case t.cause != nil:
		return t.cause
	case t.left != nil:
		return t.left
	}
	return t.dead
}

// Left is the cause of Cancel(0), and Dead that of Kill; nil as long as there is none.
func (t *Task) Left() error { return t.left }

// Writes reports whether the wait under way goes on for a peer that has only closed its side.
func (t *Task) Writes() bool {
	_, waits := t.w.Waiting()
	return waits && t.till == transport.Killed
}

// Dead is the cause of Kill; nil as long as there is none.
func (t *Task) Dead() error { return t.dead }

// Cancel ends what the handler seq waits for, now and later, with cause; only writing goes on. If
// another one runs by now it does nothing. seq 0 is whatever handler runs, and those that follow
// until Reset: once, as the peer leaves once.
func (t *Task) Cancel(seq uint32, cause error) {
	switch {
	case seq == 0 && t.left != nil, seq != 0 && seq != t.seq:
		return
	}
	if seq == 0 {
		t.left = cause
	}
	if t.owner != nil {
		t.owner.Cancel(cause)
	}
	t.end(cause, transport.Cancelled)
}

// Drain tells the handler that draining has begun. Whether that ends its waits is for its owner to
// say.
func (t *Task) Drain() {
	if t.owner != nil && t.owner.Drain() {
		t.end(transport.ErrStopping, transport.Cancelled)
	}
}

// Kill is Cancel for writing too, and for what follows.
func (t *Task) Kill(cause error) {
	if t.dead == nil {
		if t.dead = cause; t.owner != nil {
			t.owner.Cancel(cause)
		}
	}
	t.end(cause, transport.Killed)
}

// end ends the wait under way, if it is one that such a cause ends.
func (t *Task) end(cause error, most transport.Till) {
	t.w.loop.MustOwn()
	if t.cause == nil {
		t.cause = cause
	}
	if t.till <= most {
		t.w.loop.wake(waiter{t.w, t.tick})
	}
	t.w.seat.Ended(most)
}

// ended is why a wait of that kind ends.
func (t *Task) ended(till transport.Till) error {
	switch till {
	case transport.Cancelled:
		return t.Cause()
	case transport.Killed:
		return t.dead
	}
	return nil
}

// Await parks until one of the gates opens (then nil), limit has passed (ErrTimeout; 0: no limit),
// or something ends it that till allows (then its cause). At most maxGates gates. Whatever it
// returns, try again first what could not be done: bytes come before the cause.
func (t *Task) Await(till transport.Till, limit time.Duration, gates ...*Gate) error {
	if err := t.begin(till); err != nil {
		return err
	}
	if limit > 0 {
		t.w.loop.timers.add(&t.timer, t.w.loop.At(limit))
	}
	for i, g := range gates {
		g.join(&t.links[i], t)
	}
	t.w.park()
	for i := range gates {
		t.links[i].part()
	}
	if t.late {
		return transport.ErrTimeout
	}
	return t.ended(till)
}

// begin begins a wait, or reports why there is none.
func (t *Task) begin(till transport.Till) error {
	if !t.w.Mine() {
		return transport.ErrForeign
	}
	t.w.seat.Attach()
	if err := t.ended(till); err != nil {
		return err
	}
	if t.w.branch != nil && !t.w.apart {
		t.w.part()
		if err := t.ended(till); err != nil { // what it has led to
			return err
		}
	}
	t.ticket(till)
	return nil
}

// ticket begins a wait: what is armed with it opens this wait and no other.
func (t *Task) ticket(till transport.Till) waiter {
	t.tick++
	t.till, t.late = till, false
	return waiter{t.w, t.tick}
}

// Sleep parks until d has passed (then nil), or the handler is cancelled (then the cause).
func (t *Task) Sleep(d time.Duration) error {
	if err := t.begin(transport.Cancelled); err != nil {
		return err
	}
	t.w.loop.timers.add(&t.timer, t.w.loop.At(d))
	t.w.park()
	if t.late {
		return nil
	}
	return t.Cause()
}

// Wait parks until wake is called, from any goroutine (then nil), limit has passed (ErrPause; 0: no
// limit), or something ends it that till allows (then its cause). arm hands wake out; it is
// called before the worker parks and may call wake at once.
func (t *Task) Wait(arm func(wake func()), limit time.Duration, till transport.Till) error {
	if err := t.begin(till); err != nil {
		return err
	}
	l, wt := t.w.loop, waiter{t.w, t.tick}
	if limit > 0 {
		l.timers.add(&t.timer, l.At(limit))
	}
	arm(func() { l.post(&letter{w: wt.w, tick: wt.tick}) })
	t.w.park()
	if t.late {
		return transport.ErrPause
	}
	return t.ended(till)
}

// Wake ends the wait under way, as if what it waits for had come. It is for code on the loop.
func (t *Task) Wake() { t.w.loop.wake(waiter{t.w, t.tick}) }

// Pause lets everything else that is ready have a turn.
func (t *Task) Pause() {
	t.w.seat.Attach()
	t.w.part()
	t.w.loop.ready.push(readyItem{wt: t.ticket(transport.Woken)})
	t.w.park()
}

// Offload runs fn on a goroutine, which start provides, and parks until fn has ended: however long
// that takes, whatever becomes of the client. It lends nothing: fn has neither the worker nor what
// it serves. When start reports false there is no goroutine, and fn is not run: ErrBusy.
func (t *Task) Offload(start func(run func()) bool, fn func()) error {
	if err := t.begin(transport.Woken); err != nil {
		return err
	}
	w, wt := t.w, waiter{t.w, t.tick}
	started := start(func() {
		defer func() { // also when fn ends by Goexit
			w.letter = letter{w: wt.w, tick: wt.tick}
			w.loop.post(&w.letter)
		}()
		fn()
	})
	if !started {
		return transport.ErrBusy
	}
	w.park()
	return nil
}

// Notice tells the handler's owner that the peer has left, if it has and nobody has waited since.
// It is for code in the worker.
func (t *Task) Notice() { t.w.seat.Attach() }
