//go:build linux

package loop

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// handClock is set by hand.
type handClock struct{ now atomic.Int64 }

func (c *handClock) Now() int64      { return c.now.Load() }
func (c *handClock) Wall() time.Time { return time.Unix(0, c.now.Load()) }

// sleeper is a poller that notes how its loop waits, and does what a script says. After the script
// it waits for Wake.
type sleeper struct {
	clock  *handClock
	script []nap
	noted  []string
	wake   chan struct{}
	read   chan struct{} // closed at the script's end
}

// nap is one wait: as long as it takes on the clock, and what it returns.
type nap struct {
	takes  time.Duration
	events int
	errno  syscall.Errno
}

func (p *sleeper) Add(int, uint64) syscall.Errno         { return 0 }
func (p *sleeper) AddListener(int, uint64) syscall.Errno { return 0 }
func (p *sleeper) Shares() bool                          { return true }
func (p *sleeper) Remove(int) syscall.Errno              { return 0 }
func (p *sleeper) Closing(int)                           {}
func (p *sleeper) Used(int, Ready)                       {}
func (p *sleeper) Close()                                {}

func (p *sleeper) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *sleeper) next(how string) (int, syscall.Errno) {
	if len(p.script) == 0 {
		select {
		case <-p.read:
		default:
			close(p.read)
		}
		<-p.wake
		return 0, 0
	}
	p.noted = append(p.noted, how)
	n := p.script[0]
	p.script = p.script[1:]
	p.clock.now.Add(int64(n.takes))
	return n.events, n.errno
}

func (p *sleeper) Wait(_ []Event, ms int) (int, syscall.Errno) {
	if ms == 0 {
		return 0, 0
	}
	return p.next("wait")
}

func (p *sleeper) Doze([]Event, int) (int, syscall.Errno) { return p.next("doze") }

// TestDoze looks at how a loop waits: it dozes where its last wait was brief, and as long as there
// is a processor to spare.
func TestDoze(t *testing.T) {
	brief := nap{events: 1}
	long := nap{takes: 20 * time.Millisecond, events: 1}
	nothing := nap{}
	interrupted := nap{errno: syscall.EINTR}
	for _, tt := range []struct {
		name    string
		threads Threads
		spare   bool
		script  []nap
		want    []string
	}{
		{"brief waits", Pinned, true, []nap{brief, brief, brief}, []string{"wait", "doze", "doze"}},
		{"long ones", Pinned, true, []nap{long, long, brief, long, brief},
			[]string{"wait", "wait", "wait", "doze", "wait"}},
		{"a doze in vain", Pinned, true, []nap{brief, nothing, long, brief},
			[]string{"wait", "doze", "wait", "wait"}},
		{"interrupted", Pinned, true, []nap{brief, interrupted, brief},
			[]string{"wait", "doze", "doze"}},
		{"no processor", Pinned, false, []nap{brief, brief, brief},
			[]string{"wait", "wait", "wait"}},
		{"free threads", Free, true, []nap{brief, brief, brief}, []string{"wait", "wait", "wait"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := &handClock{}
			p := &sleeper{clock: clock, script: tt.script, wake: make(chan struct{}, 1),
				read: make(chan struct{})}
			g, err := New(Config{
				Loops: 1, Threads: tt.threads, Clock: clock,
				Poller: func() (Poller, error) { return p, nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			g.spare.answer.Store(tt.spare)
			g.spare.until.Store(math.MaxInt64)
			l := g.Loops()[0]
			l.Drive(&idleDriver{l})
			if err := g.Start(func() {}); err != nil {
				t.Fatal(err)
			}
			<-p.read
			l.Post(l.Drain)
			if err := g.Wait(context.Background()); err != nil {
				t.Error(err)
			}
			if !slices.Equal(p.noted, tt.want) {
				t.Errorf("%v, want %v", p.noted, tt.want)
			}
		})
	}
}

// TestSpare asks the scheduler: where all processors are taken there is none to spare.
func TestSpare(t *testing.T) {
	var s spare
	s.init(Pinned, "")
	if s.never {
		t.Fatal("never")
	}
	asyncOff, free := spare{}, spare{}
	asyncOff.init(Pinned, "gctrace=0,asyncpreemptoff=1")
	free.init(Free, "")
	if asyncOff.at(0) || free.at(0) || !asyncOff.never || !free.never {
		t.Error("where the collector cannot stop it, or the thread is not its own, a loop dozes")
	}
	for i := range s.sample {
		s.until.Store(0)
		s.at(1)
		if k := s.sample[i].Value.Kind(); k == 0 {
			t.Errorf("the runtime does not know %s", s.sample[i].Name)
		}
	}
}
