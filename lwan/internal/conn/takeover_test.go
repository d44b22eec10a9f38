//go:build linux

package conn

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// These tests are their own watchdog: they take a loop over as soon as its handler is in.

// stuckLines answers "ok"; "park" waits until park is closed, or the connection is over; "stuck" is
// a handler that the loop is told of, and that comes back when it is allowed to.
type stuckLines struct {
	park    chan struct{}
	entered chan struct{}
	back    chan struct{} // a value lets one stuck handler go on
	parked  atomic.Int64
	ends    atomic.Int64 // of parked handlers that were given up
}

func newStuckLines() *stuckLines {
	return &stuckLines{
		park: make(chan struct{}), entered: make(chan struct{}), back: make(chan struct{}),
	}
}

func (p *stuckLines) protocol() *script {
	return &script{
		serve: lines(func(c *served, line string) Verdict {
			switch line {
			case "park":
				if err := p.wait(c); err != nil {
					p.ends.Add(1)
					return Close
				}
			case "stuck":
				c.w.EnterUser(1)
				p.entered <- struct{}{}
				<-p.back
				c.w.LeaveUser()
			}
			printTo(c, "%s", line)
			return Idle
		}),
	}
}

// wait parks until park is closed.
func (p *stuckLines) wait(c *served) error {
	return c.w.Wait(func(wake func()) {
		p.parked.Add(1)
		go func() {
			<-p.park
			wake()
		}()
	}, 0, transport.Cancelled)
}

// takeOver waits for the stuck handler and takes the first loop from it.
func (p *stuckLines) takeOver(r *rig) {
	r.t.Helper()
	<-p.entered
	l := r.eng.sets[0].loop
	beat, _, _, ok := l.Beat()
	if !ok {
		r.t.Fatal("the handler is not to be seen")
	}
	if taken, err := l.TakeOver(beat); !taken || err != nil {
		r.t.Fatalf("taken over: %v, %v", taken, err)
	}
}

func onThreads(t *testing.T, f func(t *testing.T, mode loop.Threads)) {
	for _, mode := range allThreads {
		t.Run(fmt.Sprint(mode), func(t *testing.T) { f(t, mode) })
	}
}

// TestInvariant9TakeoverThatFails: the new thread cannot be pinned, and the handler comes back
// meanwhile. The loop was taken from the handler by then, and nobody turned it any more.
func TestInvariant9TakeoverThatFails(t *testing.T) {
	release, back := make(chan struct{}), make(chan struct{})
	entered := make(chan struct{})
	var pinned atomic.Int32
	pin := func(int) error {
		if pinned.Add(1) == 1 {
			return nil
		}
		close(release)
		select {
		case <-back:
		case <-time.After(patience / 4):
		}
		return syscall.EINVAL
	}
	p := &script{serve: lines(func(c *served, line string) Verdict {
		if line == "stuck" {
			c.w.EnterUser(1)
			close(entered)
			<-release
			c.w.LeaveUser()
			close(back)
		}
		printTo(c, "%s", line)
		return Idle
	})}
	r := run(t, p, Config{Threads: loop.PinnedCPU, Pin: pin})
	c := r.dial()
	c.send("stuck\n")
	<-entered
	l := r.eng.sets[0].loop
	beat, _, _, _ := l.Beat()
	if taken, err := l.TakeOver(beat); taken || err == nil {
		t.Errorf("taken %v, err %v", taken, err)
	}
	c.want("stuck")
	c.send("ok\n")
	c.want("ok")
	d := r.dial()
	d.send("ok\n")
	d.want("ok")
	if n := l.Threads(); n != 1 {
		t.Errorf("%d runners", n)
	}
}

// TestTakeoverTooLate: the handler has come back before the loop could be taken over.
func TestTakeoverTooLate(t *testing.T) {
	onThreads(t, func(t *testing.T, mode loop.Threads) {
		p := newStuckLines()
		r := run(t, p.protocol(), Config{Threads: mode})
		c := r.dial()
		c.send("stuck\n")
		<-p.entered
		l := r.eng.sets[0].loop
		beat, _, _, _ := l.Beat()
		p.back <- struct{}{}
		c.want("stuck")
		if taken, err := l.TakeOver(beat); taken || err != nil {
			t.Errorf("taken %v, err %v", taken, err)
		}
		c.send("ok\n")
		c.want("ok")
	})
}

// TestInvariant9TakeoversWithParked: in each of 500 takeovers something parks for long on the
// thread that has got the loop. After 63 the loop was not taken over any more, though no handler
// was stuck.
func TestInvariant9TakeoversWithParked(t *testing.T) {
	t.Parallel()
	onThreads(t, func(t *testing.T, mode loop.Threads) {
		const n = 500
		p := newStuckLines()
		r := run(t, p.protocol(), Config{Threads: mode})
		l := r.eng.sets[0].loop
		stuck := r.dial()
		var parked []*peer
		for i := range n {
			stuck.send("stuck\n")
			p.takeOver(r)
			c := r.dial()
			c.send("park\n")
			parked = append(parked, c)
			eventually(t, "parked", func() bool { return p.parked.Load() == int64(i+1) })
			p.back <- struct{}{}
			stuck.want("stuck")
			if threads := l.Threads(); threads > 2 {
				t.Fatalf("after %d takeovers %d threads", i+1, threads)
			}
		}
		close(p.park)
		for _, c := range parked {
			c.want("park")
		}
		eventually(t, "counts", func() bool {
			r.do(func(set *Set) { set.loop.Publish() })
			return r.eng.Stats().Loops.Takeovers == n
		})
	})
}

// maxThreads is how many a loop has at most.
const maxThreads = 64

// TestInvariant9ThreadsRetire: handlers that are stuck at the same time cost a thread each, up to a
// bound, and none once they are back.
func TestInvariant9ThreadsRetire(t *testing.T) {
	onThreads(t, func(t *testing.T, mode loop.Threads) {
		p := newStuckLines()
		r := run(t, p.protocol(), Config{Threads: mode})
		l := r.eng.sets[0].loop
		var stuck []*peer
		for range maxThreads - 1 {
			c := r.dial()
			c.send("stuck\n")
			stuck = append(stuck, c)
			p.takeOver(r)
		}
		last := r.dial()
		last.send("stuck\n")
		<-p.entered
		beat, _, _, _ := l.Beat()
		taken, err := l.TakeOver(beat)
		if taken || err == nil || !strings.Contains(err.Error(), "64 threads") {
			t.Errorf("beyond the bound: %v, %v", taken, err)
		}
		for range maxThreads {
			p.back <- struct{}{}
		}
		for _, c := range append(stuck, last) {
			c.want("stuck")
		}
		eventually(t, "one runner", func() bool {
			return l.Threads() == 1 && runnerGoroutines() == 1
		})
		stuck[0].send("stuck\n") // and it can be taken over again
		p.takeOver(r)
		p.back <- struct{}{}
		stuck[0].want("stuck")
	})
}

// runnerGoroutines counts the goroutines that turn loops, or wait for the token.
func runnerGoroutines() int {
	return strings.Count(engineGoroutines(), "loop.(*runner).start(")
}

// TestInvariant9ParkedBehindStuck: the clients of requests that are parked behind a handler which
// does not come back leave. Their connections stayed open until it did.
func TestInvariant9ParkedBehindStuck(t *testing.T) {
	for _, mode := range []loop.Threads{loop.Pinned, loop.PinnedCPU} {
		for name, leave := range map[string]func(*peer){
			"closing": func(c *peer) { c.Close() }, "half-closing": (*peer).closeWrite,
			"resetting": (*peer).reset,
		} {
			t.Run(fmt.Sprint(mode, " ", name), func(t *testing.T) {
				const n = 20
				p := newStuckLines()
				r := run(t, p.protocol(), Config{Threads: mode})
				stuck := r.dial()
				parked := p.parkBehind(r, stuck, n)
				for _, c := range parked {
					leave(c)
				}
				eventually(t, "all but the stuck one's connection closed", func() bool {
					return r.eng.conns() == 1
				})
				c := r.dial()
				c.send("ok\n")
				c.want("ok")
				if p.ends.Load() != 0 {
					t.Error("a handler has run behind a stuck one")
				}
				p.back <- struct{}{}
				stuck.want("stuck")
				eventually(t, "the parked handlers ended", func() bool {
					return p.ends.Load() == n
				})
				close(p.park)
			})
		}
	}
}

// parkBehind parks n requests, and gets a handler of the same thread stuck.
func (p *stuckLines) parkBehind(r *rig, stuck *peer, n int) (parked []*peer) {
	for range n {
		c := r.dial()
		c.send("park\n")
		parked = append(parked, c)
	}
	eventually(r.t, "parked", func() bool { return p.parked.Load() == int64(n) })
	stuck.send("stuck\n")
	p.takeOver(r)
	return parked
}

// TestInvariant9HardStopBehindStuck: a hard stop closes the connections of the stuck handler and of
// what is parked behind it at once, and is over when the handler has come back.
func TestInvariant9HardStopBehindStuck(t *testing.T) {
	onThreads(t, func(t *testing.T, mode loop.Threads) {
		const n = 20
		p := newStuckLines()
		r := run(t, p.protocol(), Config{Threads: mode})
		stuck := r.dial()
		parked := p.parkBehind(r, stuck, n)
		r.eng.Cancel(transport.ErrStopping)
		eventually(t, "all connections closed", func() bool { return r.eng.conns() == 0 })
		for _, c := range append(slices.Clone(parked), stuck) {
			c.gone()
		}
		select {
		case <-r.eng.group.Ended():
			t.Error("the engine has ended while a handler runs")
		default:
		}
		p.back <- struct{}{}
		eventually(t, "the parked handlers ended", func() bool { return p.ends.Load() == n })
		close(p.park)
	})
}

// TestOffloadedBehindStuck: a function that runs elsewhere for a worker behind a stuck handler has
// nothing of its connection, which is closed at once.
func TestOffloadedBehindStuck(t *testing.T) {
	p := newStuckLines()
	running, end := make(chan struct{}), make(chan struct{})
	s := p.protocol()
	inner := s.serve
	s.serve = func(c *served) Verdict {
		var b [8]byte
		if n, _ := c.set.kernel.Peek(int(c.fd), b[:]); string(b[:n]) != "offload\n" {
			return inner(c)
		}
		if err := c.w.Offload(func(run func()) bool { go run(); return true }, func() {
			close(running)
			<-end
		}); err != nil {
			t.Error(err)
		}
		return Close
	}
	r := run(t, s, Config{Threads: loop.Pinned})
	off := r.dial()
	off.send("offload\n")
	<-running
	stuck := r.dial()
	stuck.send("stuck\n")
	p.takeOver(r)
	off.Close()
	eventually(t, "the connection closed", func() bool { return r.eng.conns() == 1 })
	close(end)
	p.back <- struct{}{}
	stuck.want("stuck")
}
