//go:build linux

package loop

import (
	"errors"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

var errCause = errors.New("a cause")

// told is an owner that remembers what it was told.
type told struct {
	causes []error
	drains bool // draining ends its waits
}

func (o *told) Cancel(cause error) { o.causes = append(o.causes, cause) }

func (o *told) Drain() bool { return o.drains }

// One worker waits at two gates, as one between two connections does: either lets it go on, and it
// is at neither then.
func TestTaskWaitsAtTwoGates(t *testing.T) {
	r := run(t, Config{})
	for which := range 2 {
		var gates [2]Gate
		r.run(func(w *Worker) {
			w.loop.Run(func(*Worker) { gates[which].Open() })
			if err := w.Await(transport.Cancelled, time.Hour, &gates[0], &gates[1]); err != nil {
				t.Errorf("gate %d: %v", which, err)
			}
			if gates[0].first != nil || gates[1].first != nil {
				t.Errorf("it still waits at a gate after number %d has opened", which)
			}
		})
	}
}

// Several workers wait at one gate, as those of streams do for one connection: all of them go on,
// but one that has given up before.
func TestGateOfSeveralTasks(t *testing.T) {
	r := run(t, Config{})
	var gate Gate
	const n = 5
	ended := make(chan error, n)
	r.do(func(l *Loop) {
		for i := range n {
			l.Run(func(w *Worker) {
				limit := time.Hour
				if i == 2 {
					limit = 1
				}
				ended <- w.Await(transport.Killed, limit, &gate)
			})
		}
	})
	if err := <-ended; err != transport.ErrTimeout {
		t.Errorf("the one that waits for a moment: %v", err)
	}
	r.do(func(*Loop) { gate.Open() })
	for range n - 1 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// What ends which wait, and for how long it lasts.
func TestWhatEndsAWait(t *testing.T) {
	const cancel, left, kill, drain = "Cancel", "Cancel(0)", "Kill", "Drain"
	act := map[string]func(w *Task){
		cancel: func(w *Task) { w.Cancel(w.Seq(), errCause) },
		left:   func(w *Task) { w.Cancel(0, errCause) },
		kill:   func(w *Task) { w.Kill(errCause) },
		drain:  func(w *Task) { w.Drain() },
	}
	r := run(t, Config{})
	for _, tt := range []struct {
		what        string
		till        transport.Till
		drains      bool
		want, later error // of a wait, and of one of the next handler
	}{
		{cancel, transport.Cancelled, false, errCause, nil},
		{cancel, transport.Killed, false, nil, nil},
		{left, transport.Cancelled, false, errCause, errCause},
		{left, transport.Killed, false, nil, nil},
		{kill, transport.Cancelled, false, errCause, errCause},
		{kill, transport.Killed, false, errCause, errCause},
		{kill, transport.Woken, false, nil, nil},
		{drain, transport.Cancelled, true, transport.ErrStopping, nil},
		{drain, transport.Cancelled, false, nil, nil},
	} {
		r.run(func(w *Worker) {
			defer w.Reset()
			owner := &told{drains: tt.drains}
			w.Begin(owner)
			var gate Gate
			w.loop.Run(func(other *Worker) {
				act[tt.what](&w.Task)
				other.Pause()
				gate.Open()
			})
			if err := w.Await(tt.till, 0, &gate); err != tt.want {
				t.Errorf("%s, till %d: %v, want %v", tt.what, tt.till, err, tt.want)
			}
			if told := len(owner.causes) > 0; told == (tt.what == drain) {
				t.Errorf("%s, till %d: told %v", tt.what, tt.till, owner.causes)
			}
			w.Pause() // the other one opens the gate
			w.End()
			next := &told{}
			w.Begin(next)
			w.loop.Run(func(*Worker) { gate.Open() })
			if err := w.Await(tt.till, 0, &gate); err != tt.later {
				t.Errorf("%s, till %d, next handler: %v, want %v", tt.what, tt.till, err, tt.later)
			}
			if told := len(next.causes) > 0; told != (tt.what == left) {
				t.Errorf("%s: the next handler was told %v", tt.what, next.causes)
			}
		})
	}
	r.run(func(w *Worker) { // nothing of all that lasts
		if err := w.Sleep(1); err != nil || w.Cause() != nil {
			t.Errorf("after Reset: %v, %v", err, w.Cause())
		}
	})
}

// A function that cancels or kills a handler, and is called late, does nothing to the next one.
func TestLateCancellers(t *testing.T) {
	r := run(t, Config{})
	r.run(func(w *Worker) {
		w.Begin(&told{})
		cancel, kill := w.Canceller(), w.Killer()
		w.End()
		next := &told{}
		w.Begin(next)
		defer w.Reset()
		done := make(chan struct{})
		go func() { cancel(errCause); kill(); close(done) }()
		<-done
		if err := w.Sleep(time.Millisecond); err != nil || len(next.causes) > 0 {
			t.Errorf("%v, told %v", err, next.causes)
		}
		mine := w.Canceller()
		go mine(errCause)
		if err := w.Sleep(time.Hour); err != errCause {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// Whoever is not the worker's coroutine gets ErrForeign and changes nothing.
func TestForeignTask(t *testing.T) {
	r := run(t, Config{})
	r.run(func(w *Worker) {
		var gate Gate
		done := make(chan map[string]error)
		go func() {
			done <- map[string]error{
				"Await":   w.Await(transport.Killed, 0, &gate),
				"Sleep":   w.Sleep(0),
				"Wait":    w.Wait(func(func()) {}, 0, transport.Woken),
				"Offload": w.Offload(func(func()) bool { return true }, func() {}),
			}
		}()
		for call, err := range <-done {
			if err != transport.ErrForeign {
				t.Errorf("%s: %v", call, err)
			}
		}
		if gate.first != nil {
			t.Error("somebody waits at the gate")
		}
	})
}
