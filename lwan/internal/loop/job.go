//go:build linux

package loop

import "github.com/golwan/golwan/lwan/internal/transport"

// Code of the program's is not called while the loop is in the middle of something: in an event, a
// letter, a timer, a sweep, a session's method. What has to be told there is told by a job, which
// runs in a worker of its own turn, as a handler does: it may block, then the loop is taken over,
// and it may die, then the next job has another worker.

// jobBatch is how many run before others have a turn.
const jobBatch = 64

// Run lets a worker run fn, after what is ready now. It is for code on the loop.
func (l *Loop) Run(fn func(w *Worker)) {
	l.MustOwn()
	l.jobs = append(l.jobs, fn)
}

// Go is Run from anywhere.
func (l *Loop) Go(fn func(on transport.Task)) {
	l.Post(func() { l.Run(func(w *Worker) { fn(&w.Task) }) })
}

// runJob lets w run the first one. It is taken out before: should it die, it does not run again.
func (l *Loop) runJob(w *Worker) {
	l.jobTurn--
	fn := l.jobs[0]
	l.jobs[0] = nil
	if l.jobs = l.jobs[1:]; len(l.jobs) == 0 {
		l.jobs = nil
	}
	w.Begin(nil) // a handler of its own: who holds a Canceller of it means no other one
	fn(w)
	w.End()
	w.Reset()
}
