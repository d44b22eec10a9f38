//go:build linux

package conn

import (
	"sync/atomic"
	"testing"

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

func TestGuestWritesAsItsPeerReads(t *testing.T) {
	var ready atomic.Int64
	var kept Conn
	g := &writingSession{countingSession: countingSession{ready: &ready}, left: large, sent: pattern(large)}
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
			t.Errorf("a guest has a worker: %d parked, %d busy", parked(set), set.busy)
		}
		if s := kept.slot(); s == nil || s.gone() {
			t.Error("hung up")
		}
	})
	p.Conn.Close()
	eventually(t, "the guest closes", func() bool { return r.eng.conns() == 0 })
	again := r.dial() // most likely on the same descriptor
	before := ready.Load()
	again.send("again\n")
	eventually(t, "the next guest is there", func() bool { return ready.Load() > before })
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

func TestGuestsEnd(t *testing.T) {
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
	eventually(t, "all are guests", func() bool { return ready.Load() >= 40 })
	r.eng.Drain(0)
	for _, p := range drains {
		p.gone()
	}
	if n := r.eng.conns(); n != 20 || drained.Load() != 20 || closed.Load() != 0 {
		t.Errorf("draining: %d connections, %d told of it, %d closed", n, drained.Load(), closed.Load())
	}
	r.eng.Cancel(transport.ErrStopping)
	for _, p := range stay {
		p.gone()
	}
	if closed.Load() != 20 {
		t.Errorf("%d guests know that they are closed", closed.Load())
	}
}

// A connection that becomes a guest's while the loop drains is told, too.
func TestGuestWhileDraining(t *testing.T) {
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
