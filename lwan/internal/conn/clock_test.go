//go:build linux

package conn

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// fakeClock stands still until a test sets it forward. The zero value stands at the Unix epoch.
type fakeClock struct{ now atomic.Int64 }

func (c *fakeClock) Now() int64      { return c.now.Load() }
func (c *fakeClock) Wall() time.Time { return time.Unix(0, c.now.Load()) }

// runFake is run with a clock that stands still but for advance.
func runFake(t testing.TB, p Protocol, cfg Config) *rig {
	t.Helper()
	clock := &fakeClock{}
	cfg.Clock = clock
	r := run(t, p, cfg)
	r.clock = clock
	return r
}

// advance sets the clock of runFake forward by d, once the loops have done what they were about.
// When it returns each loop has fired the timers and swept away the connections that are due then.
func (r *rig) advance(d time.Duration) {
	r.settle()
	r.forward(d)
	r.settle() // letters are read before the clock is
	r.settle() // and this one in the turn after
}

// forward sets the clock forward and waits for nothing: also where loops have ended.
func (r *rig) forward(d time.Duration) {
	r.clock.now.Add(int64(d))
	for _, set := range r.eng.sets {
		set.loop.Post(func() {})
	}
}

// settle returns when each loop has read a letter: all that was to be done before it has been.
func (r *rig) settle() {
	done := make(chan struct{})
	for _, set := range r.eng.sets {
		set.loop.Post(func() { done <- struct{}{} })
	}
	for range r.eng.sets {
		<-done
	}
}

// accepted waits until the engine has accepted n connections in all.
func (r *rig) accepted(n int64) {
	r.t.Helper()
	eventually(r.t, "all are accepted", func() bool {
		sum, counts := int64(0), make(chan int64)
		for _, set := range r.eng.sets {
			set.loop.Post(func() { counts <- set.counts.Accepted })
			sum += <-counts
		}
		return sum == n
	})
}

// TestTimeOfDay: a loop knows the second of the clock's wall time, also when that is set.
func TestTimeOfDay(t *testing.T) {
	r := runFake(t, &script{}, Config{})
	for _, step := range []time.Duration{
		0, time.Second - 1, 1, 90 * time.Second, time.Millisecond,
	} {
		r.advance(step)
		want := r.clock.Wall().Unix()
		if got := r.eng.sets[0].loop.Unix(); got != want {
			t.Errorf("after %v: %d, want %d", step, got, want)
		}
	}
}

// Timers fire when the clock says so: in order, not before, and those of a handler that waits among
// them.
func TestTimersGoByTheClock(t *testing.T) {
	woke := make(chan int64, 1)
	r := runFake(t, &script{serve: lines(func(c *served, _ string) Verdict {
		c.Write([]byte("waits\n"))
		if err := c.Worker().Sleep(time.Hour); err != nil {
			t.Error(err)
		}
		woke <- c.Loop().Clock()
		return Close
	})}, Config{})
	p := r.dial()
	p.send("go\n")
	p.want("waits")
	var fired []time.Duration // the loop's
	r.do(func(set *Set) {
		for _, d := range []time.Duration{2 * time.Minute, time.Minute, time.Hour + time.Minute} {
			set.loop.Set(&loop.Timer{Fire: func() { fired = append(fired, d) }}, set.loop.At(d))
		}
	})
	for _, step := range []struct {
		d    time.Duration
		want int
	}{{time.Minute - 1, 0}, {1, 1}, {time.Minute, 2}, {58*time.Minute - 1, 2}} {
		r.advance(step.d)
		r.do(func(*Set) {
			if len(fired) != step.want {
				t.Errorf("%v have fired, want %d", fired, step.want)
			}
		})
	}
	if len(woke) != 0 {
		t.Error("the handler woke too early")
	}
	r.advance(1)
	if at := <-woke; at != int64(time.Hour) {
		t.Errorf("the handler woke at %v", time.Duration(at))
	}
	r.advance(time.Minute)
	r.do(func(*Set) {
		if len(fired) != 3 || fired[0] != time.Minute || fired[1] != 2*time.Minute {
			t.Errorf("fired: %v", fired)
		}
	})
}
