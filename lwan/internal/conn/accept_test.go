//go:build linux

package conn

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// seam is the kernel with one call replaced.
type seam struct {
	Kernel
	onAccept func(fd int) (int, syscall.Errno) // 0 and 0: the kernel's turn
}

func (k *seam) Accept(fd int, from *Sockaddr) (int, syscall.Errno) {
	if k.onAccept != nil {
		if n, e := k.onAccept(fd); e != 0 {
			return n, e
		}
	}
	return k.Kernel.Accept(fd, from)
}

// fullPoller has no room for connections while full is set.
type fullPoller struct {
	loop.Poller
	full *atomic.Bool
}

func (p fullPoller) Add(fd int, token uint64) syscall.Errno {
	if p.full.Load() {
		return syscall.ENOSPC
	}
	return p.Poller.Add(fd, token)
}

func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	for _, e := range []syscall.Errno{
		syscall.EINTR, syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS,
		syscall.ENOMEM, syscall.EPROTO, syscall.ENETDOWN, syscall.EHOSTUNREACH, syscall.EPERM,
	} {
		t.Run(e.Error(), func(t *testing.T) {
			var calls atomic.Int64
			k := &seam{Kernel: Linux{}, onAccept: func(int) (int, syscall.Errno) {
				if calls.Add(1)%2 == 1 {
					return -1, e
				}
				return 0, 0
			}}
			r := run(t, &script{}, Config{Loops: 2, Kernel: k})
			for range 5 {
				p := r.dial()
				p.send("hello\n")
				p.want("hello")
			}
			pauses := int64(0)
			for _, set := range r.eng.sets {
				done := make(chan int64)
				set.loop.Post(func() { done <- set.counts.Pauses })
				pauses += <-done
			}
			switch e {
			case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
				if pauses == 0 {
					t.Error("accepting was not paused")
				}
			default:
				if pauses != 0 {
					t.Errorf("accepting was paused %d times", pauses)
				}
			}
		})
	}
}

// A paused loop that closes a connection accepts again at once. One that drains takes those who
// wait as soon as it can.
func TestPausedLoops(t *testing.T) {
	var full atomic.Bool
	k := &seam{Kernel: Linux{}, onAccept: func(int) (int, syscall.Errno) {
		if full.Load() {
			return -1, syscall.EMFILE
		}
		return 0, 0
	}}
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s", line)
		return Idle
	})}, Config{Kernel: k})
	first := r.dial()
	first.send("hello\nhal") // busy with the second line: it is not given up
	first.want("hello")
	full.Store(true)
	second := r.dial()
	eventually(t, "accepting is paused", func() bool {
		paused := false
		r.do(func(set *Set) { paused = set.paused.Set() })
		return paused
	})
	full.Store(false)
	first.Conn.Close()
	second.send("hello\nhal")
	second.want("hello")
	full.Store(true)
	third := r.dial()
	eventually(t, "accepting is paused again", func() bool {
		paused := false
		r.do(func(set *Set) { paused = set.paused.Set() })
		return paused
	})
	third.send("hello\n")
	r.eng.Drain(0)
	eventually(t, "the last call is paused", func() bool {
		paused := false
		r.do(func(set *Set) { paused = set.phase == phaseDrain && set.paused.Set() })
		return paused
	})
	full.Store(false)
	third.want("hello")
	third.gone()
	second.Conn.Close()
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A loop without descriptors ends at the hard end all the same.
func TestPausedLastCallEnds(t *testing.T) {
	k := &seam{
		Kernel: Linux{}, onAccept: func(int) (int, syscall.Errno) { return -1, syscall.EMFILE },
	}
	r := run(t, &script{}, Config{Kernel: k, Loops: 2})
	r.dial()
	r.eng.Drain(0)
	select {
	case <-r.eng.Deaf():
		t.Error("who waits was forgotten")
	case <-time.After(2 * acceptPause):
	}
	if err := r.eng.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-r.eng.Deaf()
}

func TestPollerRefusesAConnection(t *testing.T) {
	var refuse atomic.Bool
	r := run(t, &script{}, Config{Poller: func() (loop.Poller, error) {
		p, err := testPoller()
		return fullPoller{p, &refuse}, err
	}})
	refuse.Store(true)
	r.dial().gone()
	refuse.Store(false)
	p := r.dial()
	p.send("hello\n")
	p.want("hello")
	r.do(func(set *Set) {
		if set.counts.Rejected != 1 || set.conns.Load() != 1 {
			t.Errorf("%d rejected, %d connections", set.counts.Rejected, set.conns.Load())
		}
	})
}

func TestStartFailsWhenALoopCannotBePinned(t *testing.T) {
	pin := func(n int) error {
		if n == 1 {
			return syscall.EPERM
		}
		return nil
	}
	lane, err := Listen("127.0.0.1:0", ListenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer lane.Close()
	e, err := New(Config{
		Protocol: &script{}, Loops: 3, Threads: loop.PinnedCPU, Pin: pin, Poller: testPoller,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start([]*Lane{lane}); err == nil || !strings.Contains(err.Error(), "pin loop 1") {
		t.Errorf("%v", err)
	}
	if err := e.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConnectionsOverTheLimitAreRefused(t *testing.T) {
	r := run(t, &script{refuse: func(fd int) { unix.Write(fd, []byte("full\n")) }}, Config{
		Loops: 2, MaxConns: 10,
	})
	var peers []*peer
	for range 10 {
		p := r.dial()
		p.send("hello\n")
		p.want("hello")
		peers = append(peers, p)
	}
	for range 5 {
		if got := r.dial().end(); got != "full\n" {
			t.Errorf("%q", got)
		}
	}
	peers[0].Conn.Close()
	eventually(t, "it is closed", func() bool { return r.eng.conns() == 9 })
	p := r.dial()
	p.send("hello\n")
	p.want("hello")
}

func TestDescriptorBeyondTheTable(t *testing.T) {
	highest := openDescriptors() + 20
	r := run(t, &script{}, Config{MaxSlots: highest})
	var fill []*os.File
	for {
		f, err := os.Open("/dev/null")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if fill = append(fill, f); int(f.Fd()) >= highest {
			break
		}
	}
	r.dial().gone()
	if log := r.log.String(); !strings.Contains(log, "beyond the slot table") {
		t.Errorf("the log says nothing of it: %s", log)
	}
	for _, f := range fill {
		f.Close()
	}
	p := r.dial()
	p.send("hello\n")
	p.want("hello")
}

// An event of a connection that was closed in the same batch names an old generation.
func TestStaleEventsAreDropped(t *testing.T) {
	r := run(t, &script{serve: func(*served) Verdict { t.Error("served"); return Close }}, Config{})
	p := r.dial()
	eventually(t, "it is accepted", func() bool {
		n := int64(0)
		r.do(func(set *Set) { n = set.counts.Accepted })
		return n == 1
	})
	r.do(func(set *Set) {
		for fd := range set.owned.all() {
			s := &set.slots[fd]
			set.Event(nil, loop.Event{
				Token: eventData(int(fd), 0, s.gen-1), Ready: loop.In | loop.Urgent,
			})
			set.Event(nil, loop.Event{
				Token: eventData(int(fd), 0, s.gen+1), Ready: loop.In | loop.Urgent,
			})
			if s.state != slotFresh || s.readable() {
				t.Errorf("%+v", s)
			}
			gen := s.gen
			set.close(fd, s)
			set.Event(nil, loop.Event{Token: eventData(int(fd), 0, gen), Ready: loop.In})
			if s.state != slotFree || s.gen == gen {
				t.Errorf("after close: %+v", s)
			}
		}
	})
	p.gone()
}

// 1,000 connections are spread evenly over two loops, and both serve.
func TestSpread(t *testing.T) {
	r := run(t, &script{}, Config{Loops: 2})
	const n = 1000
	peers := make([]*peer, n)
	var wg sync.WaitGroup
	for i := range peers {
		peers[i] = r.dial()
	}
	eventually(t, "all are accepted", func() bool { return r.eng.conns() == n })
	for _, set := range r.eng.sets {
		if got := set.conns.Load(); got < n*45/100 || got > n*55/100 {
			t.Errorf("loop %d has %d of %d connections", set.id, got, n)
		}
	}
	for _, p := range peers {
		wg.Go(func() {
			if _, err := p.Conn.Write([]byte("hello\n")); err != nil {
				t.Error(err)
			}
			if s, err := p.r.ReadString('\n'); s != "hello\n" {
				t.Errorf("%q, %v", s, err)
			}
		})
	}
	wg.Wait()
	for _, set := range r.eng.sets {
		in := make(chan int64)
		set.loop.Post(func() { in <- set.counts.BytesIn })
		if got := <-in; got < n*45/100*6 {
			t.Errorf("loop %d has read %d bytes", set.id, got)
		}
	}
}

// A loop that is stalled, or has clearly more than the least loaded one, gets no new connections.
func TestOwner(t *testing.T) {
	e, err := New(Config{Loops: 3, Poller: testPoller})
	if err != nil {
		t.Fatal(err)
	}
	defer e.abort()
	load := func(n ...int64) {
		for i, set := range e.sets {
			set.conns.Store(n[i])
			set.loop.SetStalled(false)
		}
	}
	count := func() (got [3]int) {
		for fd := 1; fd < 601; fd++ {
			got[e.owner(fd).id]++
		}
		return got
	}
	load(0, 0, 0)
	if got := count(); got != [3]int{200, 200, 200} {
		t.Errorf("equal load: %v", got)
	}
	if e.owner(1) != e.owner(2) || e.owner(2) == e.owner(3) {
		t.Error("neighbours of a cache line have different owners")
	}
	load(102, 100, 112) // 12 % more is allowed
	if got := count(); got != [3]int{200, 200, 200} {
		t.Errorf("nearly equal load: %v", got)
	}
	load(102, 100, 113)
	if got := count(); got != [3]int{200, 400, 0} {
		t.Errorf("one overloaded: %v", got)
	}
	load(2, 0, 3) // small numbers: 2 more are allowed
	if got := count(); got != [3]int{200, 400, 0} {
		t.Errorf("small numbers: %v", got)
	}
	load(0, 5, 5)
	e.sets[0].loop.SetStalled(true)
	if got := count(); got != [3]int{0, 400, 200} {
		t.Errorf("the least loaded is stalled: %v", got)
	}
	for _, set := range e.sets {
		set.loop.SetStalled(true)
	}
	if got := count(); got != [3]int{200, 200, 200} {
		t.Errorf("all are stalled: %v", got)
	}
	one := &Engine{sets: e.sets[:1]}
	if one.owner(77) != e.sets[0] {
		t.Error("the only loop is passed over")
	}
}

func TestTooManyListeners(t *testing.T) {
	e, err := New(Config{Protocol: &script{}, Loops: 1, Poller: testPoller})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(make([]*Lane, maxLanes+1)); err == nil {
		t.Error("more listeners than lanes")
	}
	if err := e.Start(nil); err != nil {
		t.Error(err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestAcceptThatFailsForGood: an error of accept that does not end is tried again more and more
// seldom, and said once: it span, and wrote a line each time. What is open goes on, and a drain
// does not wait for it.
func TestAcceptThatFailsForGood(t *testing.T) {
	var failing atomic.Bool
	var calls atomic.Int64
	k := &seam{Kernel: Linux{}, onAccept: func(int) (int, syscall.Errno) {
		if failing.Load() {
			calls.Add(1)
			return -1, syscall.EPERM
		}
		return 0, 0
	}}
	r := run(t, &script{}, Config{Kernel: k})
	open := r.dial()
	open.send("hello\n")
	open.want("hello")
	failing.Store(true)
	late := r.dial()
	pauses, wait := int64(0), time.Duration(0)
	eventually(t, "paused again and again", func() bool {
		r.do(func(set *Set) {
			pauses, wait = set.counts.Pauses, set.backoff
			if n := calls.Load(); n > acceptTries*(pauses+1) {
				t.Errorf("%d calls in %d pauses", n, pauses)
			}
		})
		return pauses >= 4
	})
	if wait < 8*acceptFirst {
		t.Errorf("after %d pauses the next one is %v", pauses, wait)
	}
	open.send("hello\n")
	open.want("hello")
	failing.Store(false)
	late.send("hello\n")
	late.want("hello")
	r.do(func(set *Set) {
		if set.backoff != 0 {
			t.Errorf("afterwards it waits for %v", set.backoff)
		}
	})
	for _, line := range []string{"accept fails", "accepting is paused"} {
		if n := strings.Count(r.log.String(), line); n != 1 {
			t.Errorf("%d lines of %q", n, line)
		}
	}
	failing.Store(true)
	r.eng.Drain(0)
	select {
	case <-r.eng.Deaf():
	case <-time.After(patience):
		t.Error("draining waits for the listener")
	}
}
