//go:build linux

package conn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// writingSession writes to its peer what it was given, as there is room, also to one that has
// half-closed.
type writingSession struct {
	countingSession
	left int
	sent []byte
	fin  bool
}

func (g *writingSession) Ready(p transport.Pipe) {
	for g.left > 0 {
		n, err := p.TryWrite(g.sent[len(g.sent)-g.left:])
		if err == transport.ErrAgain {
			break
		}
		if err != nil {
			p.End(transport.Close)
			return
		}
		g.left -= n
	}
	g.ready.Add(1)
	if g.fin = g.fin || !p.(*pipe).Discard(); g.fin && g.left == 0 {
		p.End(transport.Close)
	}
}

func TestSessionWritesAsItsPeerReads(t *testing.T) {
	var ready atomic.Int64
	var kept Conn
	g := &writingSession{
		countingSession: countingSession{ready: &ready}, left: large, sent: pattern(large),
	}
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		if line == "again" {
			c.Attach(&countingSession{ready: &ready})
			return Hand
		}
		narrowSend(c)
		kept = c.Conn
		c.Attach(g)
		return Hand
	})}, Config{})
	p := r.dial()
	p.narrow()
	p.send("go\n")
	got := make([]byte, large)
	for n := 0; n < large; {
		m, err := p.r.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(got) != string(pattern(large)) {
		t.Error("other bytes came than were sent")
	}
	r.do(func(set *Set) {
		if parked(set) != 0 || set.busy != 0 {
			t.Errorf("a session has a worker: %d parked, %d busy", parked(set), set.busy)
		}
		if s := kept.slot(); s == nil || s.gone() {
			t.Error("hung up")
		}
	})
	p.Conn.Close()
	eventually(t, "the session closes", func() bool { return r.eng.conns() == 0 })
	again := r.dial() // most likely on the same descriptor
	before := ready.Load()
	again.send("again\n")
	eventually(t, "the next session is there", func() bool { return ready.Load() > before })
	r.do(func(set *Set) {
		old := Conn{set: kept.set, fd: kept.fd, gen: kept.gen - 1}
		if _, err := old.TryWrite([]byte("x")); err != transport.ErrOver || old.Discard() {
			t.Errorf("a Conn of a closed connection still writes: %v", err)
		}
		old.End(transport.Close)
	})
	if n := r.eng.conns(); n != 1 {
		t.Errorf("%d connections after an old Conn was ended, want 1", n)
	}
}

func TestSessionsEnd(t *testing.T) {
	var ready, closed, drained atomic.Int64
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		g := &countingSession{ready: &ready, closed: &closed}
		if line == "drains" {
			g.drained = &drained
		}
		c.Attach(g)
		return Hand
	})}, Config{Loops: 2})
	var stay, drains []*peer
	for range 20 {
		a, b := r.dial(), r.dial()
		a.send("stays\n")
		b.send("drains\n")
		stay, drains = append(stay, a), append(drains, b)
	}
	eventually(t, "all are sessions", func() bool { return ready.Load() >= 40 })
	r.eng.Drain(0)
	for _, p := range drains {
		p.gone()
	}
	if n := r.eng.conns(); n != 20 || drained.Load() != 20 || closed.Load() != 0 {
		t.Errorf("draining: %d connections, %d told of it, %d closed",
			n, drained.Load(), closed.Load())
	}
	r.eng.Cancel(transport.ErrStopping)
	for _, p := range stay {
		p.gone()
	}
	if closed.Load() != 20 {
		t.Errorf("%d sessions know that they are closed", closed.Load())
	}
}

// A connection that becomes a session's while the loop drains is told, too.
func TestSessionWhileDraining(t *testing.T) {
	var ready, drained atomic.Int64
	wake := make(chan func(), 1)
	r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
		c.Worker().Wait(func(f func()) { wake <- f }, 0, transport.Cancelled)
		c.Attach(&countingSession{ready: &ready, drained: &drained})
		return Hand
	})}, Config{})
	p := r.dial()
	p.send("go\n")
	handOver := <-wake
	r.eng.Drain(0)
	r.do(func(*Set) { handOver() })
	p.gone()
	if drained.Load() != 1 {
		t.Errorf("told %d times", drained.Load())
	}
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestInvariant14SessionFromAttachOn: from Attach on the connection is the session's, though its
// worker goes on, parks, and returns whatever it likes. Bytes go both ways meanwhile.
func TestInvariant14SessionFromAttachOn(t *testing.T) {
	for name, end := range map[string]func(c *served) Verdict{
		"returns":  func(*served) Verdict { return Close },
		"lingers":  func(*served) Verdict { return Linger },
		"panics":   func(*served) Verdict { panic("ouch") },
		"attached": func(*served) Verdict { return Hand },
	} {
		for _, waited := range []bool{false, true} { // before: then events know its worker
			t.Run(fmt.Sprint(name, " ", waited), func(t *testing.T) {
				var wake func()
				told := make(chan error, 1)
				r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
					if waited {
						c.w.Pause()
					}
					c.Write([]byte("head\n"))
					c.Attach(&echoSession{})
					told <- c.w.Wait(func(f func()) { wake = f }, 0, transport.Cancelled)
					return end(c)
				})}, Config{})
				p := r.dial()
				p.send("go\n")
				p.want("head")
				talk := func() {
					for range 10 {
						p.send("hello\n")
						p.want("hello")
					}
				}
				talk()
				r.do(func(set *Set) {
					if set.busy != 0 || parked(set) != 1 {
						t.Errorf("%d busy, %d parked", set.busy, parked(set))
					}
					wake()
				})
				if err := <-told; err != nil {
					t.Errorf("the worker's wait: %v", err)
				}
				talk()
				p.closeWrite() // which the worker is not told of
				p.gone()
			})
		}
	}
}

// echoSession sends back what comes.
type echoSession struct{ unsent []byte }

func (s *echoSession) Ready(p transport.Pipe) {
	buf := p.Loop().Scratch()
	for {
		n, err := p.TryRead(buf)
		if err == transport.ErrAgain {
			break
		}
		if err != nil || n == 0 {
			p.End(transport.Close)
			return
		}
		s.unsent = append(s.unsent, buf[:n]...)
	}
	n, _ := p.TryWrite(s.unsent)
	s.unsent = s.unsent[n:]
}

func (s *echoSession) Expired(transport.Pipe)      {}
func (s *echoSession) Draining(transport.Pipe)     {}
func (s *echoSession) AtRest(transport.Pipe) bool  { return false }
func (s *echoSession) Ended(transport.Pipe, error) {}

// TestInvariant12EndedOnce: sessions end in each of their methods, or somebody else ends them, at
// random. Ended comes once for those that have not ended themselves, and nothing comes after
// either.
func TestInvariant12EndedOnce(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0)) // the loop's
	var all []*restlessSession
	r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
		ses := &restlessSession{t: t, random: random, c: c.Conn}
		all = append(all, ses)
		c.Attach(ses)
		if random.IntN(3) == 0 {
			c.w.Pause()
		}
		return Hand
	})}, Config{})
	for round := range 5 {
		var wg sync.WaitGroup
		var peers []*peer
		for range 40 {
			p := r.dial()
			peers = append(peers, p)
			wg.Go(func() {
				for range 5 {
					if _, err := p.Conn.Write([]byte("x\n")); err != nil {
						return
					}
					runtime.Gosched()
				}
			})
		}
		wg.Wait()
		r.do(func(set *Set) {
			set.each("a test", func(fd int32, s *slot) {
				if s.state == slotSession && random.IntN(2) == 0 {
					set.killSlot(fd, s, errKilled)
				}
			})
		})
		if round == 3 {
			r.eng.Drain(time.Second)
			break
		}
		for _, p := range peers {
			p.Conn.Close()
		}
	}
	r.eng.Cancel(errKilled)
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended, over := 0, 0
	for _, ses := range all {
		if !ses.over {
			t.Errorf("seed %d: a session was never told that it has ended", seed)
		}
		over++
		ended += ses.ended
	}
	if ended == 0 || ended == over {
		t.Errorf("%d of %d ended by somebody else: the test is too easy", ended, over)
	}
}

var errKilled = errors.New("killed by the test")

// restlessSession ends at random.
type restlessSession struct {
	t      *testing.T
	random *rand.Rand
	c      Conn
	over   bool
	ended  int
}

// called is for each call of its methods, and ends it now and then.
func (s *restlessSession) called(p transport.Pipe, what string) {
	if s.over {
		s.t.Errorf("%s after its end", what)
	}
	if s.random.IntN(5) > 0 {
		return
	}
	s.over = true
	p.End([]transport.Ending{transport.Close, transport.Linger}[s.random.IntN(2)])
	p.Again() // it is nobody's any more
	if _, err := p.TryWrite([]byte("x")); s.c.Open() == (err == transport.ErrOver) {
		s.t.Errorf("%s: open %v, written: %v", what, s.c.Open(), err)
	}
}

func (s *restlessSession) Ready(p transport.Pipe) {
	if s.called(p, "Ready"); s.over {
		return
	}
	for {
		n, err := p.TryRead(p.Loop().Scratch())
		if err == transport.ErrAgain {
			return
		}
		if err != nil || n == 0 {
			s.over = true
			p.End(transport.Close)
			return
		}
	}
}

func (s *restlessSession) Draining(p transport.Pipe)    { s.called(p, "Draining") }
func (s *restlessSession) Expired(p transport.Pipe)     { s.called(p, "Expired") }
func (s *restlessSession) AtRest(p transport.Pipe) bool { return false }

func (s *restlessSession) Ended(p transport.Pipe, cause error) {
	s.called(p, "Ended")
	if s.ended++; s.ended > 1 || cause != errKilled && cause != transport.ErrGone {
		s.t.Errorf("Ended, call %d: %v", s.ended, cause)
	}
	s.over = true
}
