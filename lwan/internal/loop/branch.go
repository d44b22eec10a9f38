//go:build linux

package loop

// Branch is a handler that code of the loop runs in whatever worker runs the loop: a stream of a
// connection whose frames that code reads. As long as it does not wait nothing is switched. If it
// waits, or the loop is taken over from it, another worker goes on with the loop, and with what
// the branch was begun for.
//
//	inline ──Run returns──▶ over
//	inline ──waits | TakeOver──▶ apart (Parked) ──Run returns──▶ over
//	inline, apart ──Goexit | panic──▶ dead (Died)
//
// A branch is an object, so that beginning one allocates nothing. Its worker serves no connection
// of its own meanwhile.
type Branch interface {
	// Run is the handler. It waits by t.
	Run(t *Task)
	// Parked is called once, on the loop, before the branch waits for the first time, or as the
	// first thing that happens after the loop was taken over from it: whoever has begun it goes on
	// without this worker. It must not wait.
	Parked()
	// Died is called in a worker that ended in Run by Goexit (value is nil) or by a panic, after
	// Parked. It must not wait: what is left to do is for another worker (Loop.Run).
	Died(value any, stack []byte)
}

// Branch lets the worker that runs the loop run b. It reports false if b has been apart: then
// somebody else runs what has begun it by now, and the caller returns without touching anything.
// It is for code on the loop that no handler has called: a turn, an event, a job.
func (l *Loop) Branch(b Branch) (done bool) {
	l.MustOwn()
	w := l.current
	w.branch, w.apart = b, false
	b.Run(&w.Task)
	w.branch = nil
	w.Reset()
	return !w.apart
}

// part leaves the loop to other workers, if a branch runs in this one and nobody has.
func (w *Worker) part() {
	if w.branch != nil && !w.apart {
		w.apart = true
		w.branch.Parked()
	}
}

// orphan notes that the loop is taken over from a branch: the new runner tells it first of all.
func (l *Loop) orphan() {
	if w := l.current; w.branch != nil && !w.apart {
		w.apart = true
		l.orphaned = w.branch
	}
}

// tellOrphan does that.
func (l *Loop) tellOrphan() {
	b := l.orphaned
	l.orphaned = nil
	b.Parked()
}

// dieInBranch is the end of a worker in a branch.
func (w *Worker) dieInBranch(value any, stack []byte) {
	b := w.branch
	w.part()
	w.branch = nil
	b.Died(value, stack)
}
