//go:build linux

package loop

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// twig is a branch that notes what happens to it.
type twig struct {
	l    *Loop
	by   *Worker
	fn   func(t *Task)
	seen []string
	died chan struct{}
}

func (b *twig) note(what string) {
	if b.l.Current() != b.by {
		what += " elsewhere"
	}
	b.seen = append(b.seen, what)
}

func (b *twig) Run(t *Task) {
	b.by = t.Worker()
	b.note("run")
	b.fn(t)
	b.note("ran")
}

func (b *twig) Parked() { b.note("parked") }

func (b *twig) Died(value any, stack []byte) {
	b.note("died")
	if b.died != nil {
		close(b.died)
	}
}

// branch runs fn as a branch of a job, and returns what came of it: done is false until the job
// goes on.
func (r *rig) branch(b *twig) (done chan bool) {
	done = make(chan bool, 1)
	r.do(func(l *Loop) {
		b.l = l
		l.Run(func(*Worker) { done <- l.Branch(b) })
	})
	return done
}

func (b *twig) want(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(b.seen, ", "); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func TestBranchInline(t *testing.T) {
	r := run(t, Config{})
	b := &twig{fn: func(t *Task) { t.Cancel(t.Seq(), errCause) }}
	if !<-r.branch(b) {
		t.Error("it was apart")
	}
	b.want(t, "run, ran")
	r.run(func(w *Worker) {
		if w.Cause() != nil {
			t.Error("the task is not reset")
		}
	})
}

// TestBranchParks: each kind of wait says so first, once, while the worker still runs; a wait that
// is ended before it begins says nothing.
func TestBranchParks(t *testing.T) {
	var gate Gate
	for name, wait := range map[string]func(t *Task) error{
		"Sleep": func(t *Task) error { return t.Sleep(time.Millisecond) },
		"Pause": func(t *Task) error { t.Pause(); return nil },
		"Await": func(t *Task) error {
			t.w.loop.Post(gate.Open)
			return t.Await(transport.Cancelled, 0, &gate)
		},
		"Wait": func(t *Task) error {
			return t.Wait(func(wake func()) { wake() }, 0, transport.Cancelled)
		},
		"Offload": func(t *Task) error {
			return t.Offload(func(run func()) bool { go run(); return true }, func() {})
		},
	} {
		r := run(t, Config{})
		b := &twig{fn: func(task *Task) {
			for range 2 {
				if err := wait(task); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}}
		if <-r.branch(b) {
			t.Errorf("%s: it was not apart", name)
		}
		b.want(t, "run, parked, ran")
	}
	r := run(t, Config{})
	b := &twig{fn: func(task *Task) {
		task.Cancel(task.Seq(), errCause)
		if err := task.Sleep(time.Hour); err != errCause {
			t.Error(err)
		}
	}}
	if !<-r.branch(b) {
		t.Error("cancelled: it was apart")
	}
}

// twigThatEnds is cancelled by what is done when it parks.
type twigThatEnds struct{ twig }

func (b *twigThatEnds) Parked() { b.by.Cancel(b.by.Seq(), errCause) }

func TestBranchEndsAsItParks(t *testing.T) {
	r := run(t, Config{})
	done := make(chan error, 1)
	b := &twigThatEnds{}
	b.fn = func(t *Task) { done <- t.Sleep(time.Hour) }
	r.do(func(l *Loop) { b.l = l; l.Run(func(*Worker) { l.Branch(b) }) })
	if err := <-done; err != errCause {
		t.Error(err)
	}
}

// TestBranchTakeOver: the new runner tells it before it does anything else.
func TestBranchTakeOver(t *testing.T) {
	for _, threads := range []Threads{Pinned, Free} {
		r := run(t, Config{Threads: threads})
		l := r.g.loops[0]
		stuck, letter := make(chan struct{}), make(chan string, 1)
		b := &twig{}
		b.fn = func(t *Task) {
			t.EnterUser(1)
			// before it is taken over nothing reads this
			l.Post(func() { letter <- strings.Join(b.seen, ", ") })
			<-stuck
			t.LeaveUser()
			if err := t.Sleep(time.Millisecond); err != nil {
				letter <- err.Error()
			}
		}
		done := r.branch(b)
		eventually(t, "a handler", func() bool { _, _, _, ok := l.Beat(); return ok })
		beat, _, _, _ := l.Beat()
		if ok, err := l.TakeOver(beat); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if seen := <-letter; seen != "run, parked elsewhere" {
			t.Errorf("threads %d: %s before the first letter", threads, seen)
		}
		close(stuck)
		if <-done {
			t.Errorf("threads %d: it was not apart", threads)
		}
		b.want(t, "run, parked elsewhere, ran")
	}
}

func TestBranchDies(t *testing.T) {
	for name, c := range map[string]struct {
		fn   func(t *Task)
		want string
	}{
		"panic":  {func(*Task) { panic("on purpose") }, "run, parked, died"},
		"Goexit": {func(*Task) { runtime.Goexit() }, "run, parked, died"},
		"apart": {func(t *Task) {
			_ = t.Sleep(time.Millisecond)
			panic("on purpose")
		}, "run, parked, died"},
	} {
		r := run(t, Config{})
		b := &twig{fn: c.fn, died: make(chan struct{})}
		r.branch(b)
		<-b.died
		r.run(func(*Worker) {}) // another worker goes on
		if got := strings.Join(b.seen, ", "); got != c.want {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}
