//go:build linux

package conn

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// states is a protocol whose connections can be brought into every state; it records how waits
// ended.
type states struct {
	script
	release       chan struct{} // ends what is offloaded and does not listen
	drained       atomic.Int64
	mu            sync.Mutex
	ended         map[string]error
	ready, closed atomic.Int64
}

func newStates() *states {
	p := &states{release: make(chan struct{}), ended: map[string]error{}}
	p.draining = func(*served) { p.drained.Add(1) }
	p.serve = lines(p.line)
	return p
}

func (p *states) end(state string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended[state] = err
}

func (p *states) how(state string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended[state]
}

func (p *states) line(c *served, state string) Verdict {
	c.Kept() // what there was of this request is used up
	printTo(c, "%s", state)
	var err error
	switch state {
	case "idle":
		return Idle
	case "linger":
		return Linger
	case "session":
		c.Attach(&countingSession{ready: &p.ready, closed: &p.closed})
		return Hand
	case "partial":
		c.Keep("the beginning of a request")
		return Idle
	case "sleep":
		err = c.Worker().Sleep(time.Hour)
	case "read":
		_, err = c.Read(make([]byte, 1))
	case "write":
		narrowSend(c)
		_, err = c.Write(make([]byte, 64<<20))
	case "wait":
		err = c.Worker().Wait(func(func()) {}, 0, transport.Cancelled)
	case "offload":
		offloaded(c, func() { <-p.release })
	case "read beside":
		beside(c, func(w *loop.Worker) { _, err = readBy(c, w).Read(make([]byte, 1)) })
	case "stubborn":
		for range 3 { // waits again after it was told
			err = c.Worker().Sleep(time.Hour)
		}
	}
	p.end(state, err)
	return Idle
}

var waiting = []string{"sleep", "read", "write", "wait", "read beside", "stubborn"}

// bring opens a connection and brings it into the state.
func bring(r *rig, state string) *peer {
	c := r.dial()
	c.send(state + "\n")
	c.want(state)
	return c
}

func TestCloseEndsEveryState(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			p := newStates()
			r := run(t, p, Config{Loops: 2, Threads: mode, Linger: time.Hour})
			var peers []*peer
			for _, state := range append([]string{"idle", "linger", "session", "partial",
				"offload"}, waiting...) {
				peers = append(peers, bring(r, state))
			}
			peers = append(peers, r.dial()) // says nothing
			eventually(t, "the session is at work", func() bool { return p.ready.Load() > 0 })
			time.AfterFunc(50*time.Millisecond, func() { close(p.release) })
			if err := r.eng.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, c := range peers {
				c.gone()
			}
			for _, state := range waiting {
				if err := p.how(state); err != transport.ErrStopping {
					t.Errorf("%s: %v", state, err)
				}
			}
			if p.closed.Load() != 1 {
				t.Error("the session was not told")
			}
		})
	}
}

// An offloaded function that hangs keeps its loop alive, but not the caller of Close.
func TestCloseGivesUpWithItsContext(t *testing.T) {
	p := newStates()
	r := run(t, p, Config{})
	bring(r, "offload")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := r.eng.Close(ctx); err != context.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	close(p.release)
	if err := r.eng.Close(t.Context()); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

// Draining closes what is idle at once and lets the rest end by itself.
func TestDrain(t *testing.T) {
	p := newStates()
	r := run(t, p, Config{Loops: 2})
	idle := bring(r, "idle")
	partial := bring(r, "partial")
	busy := bring(r, "wait")
	newcomer := r.dial()
	eventually(t, "the newcomer is known", func() bool { return r.eng.conns() == 4 })
	r.eng.Drain(0)
	r.eng.Drain(0) // a second time changes nothing
	idle.gone()
	newcomer.send("idle\n") // may still ask
	newcomer.want("idle")
	newcomer.gone()
	eventually(t, "the handler is told", func() bool { return p.drained.Load() == 1 })
	if n := r.eng.conns(); n != 2 {
		t.Errorf("%d connections, want the partial and the busy one", n)
	}
	partial.send("idle\n")
	partial.want("idle")
	partial.gone()
	busy.Conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := busy.r.ReadByte(); err == io.EOF {
		t.Error("draining ended a request under way")
	}
	r.eng.Cancel(transport.ErrGone)
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.how("wait"); err != transport.ErrGone {
		t.Errorf("the handler that waited: %v", err)
	}
}

// The engine ends with its last connection, without a Cancel.
func TestDrainEndsTheLoops(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
				c.Worker().Sleep(20 * time.Millisecond)
				printTo(c, "%s", line)
				return Idle
			})}, Config{Loops: 3, Threads: mode})
			p := r.dial()
			p.send("hello\n")
			eventually(t, "the handler waits", func() bool { return r.eng.Stats().Conns == 1 })
			r.eng.Drain(0)
			p.want("hello")
			p.gone()
			if err := r.eng.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A newcomer that never asks does not hold the drain up, even without a time for the first byte.
func TestDrainHurriesNewcomers(t *testing.T) {
	r := runFake(t, &script{}, Config{Loops: 2})
	p := r.dial()
	r.accepted(1)
	r.eng.Drain(0)
	<-r.eng.Deaf()
	r.forward((newcomerSeconds + 1) * time.Second)
	p.gone()
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// Connections that come while the loops begin to drain, one after the other, are served or closed,
// never forgotten.
func TestDrainWhileConnectionsCome(t *testing.T) {
	t.Parallel()
	for range 30 {
		r := run(t, &script{}, Config{Loops: 3})
		r.lane.owner = ownedByCaller // so that they go on coming
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if c, err := dialRaw(r.lane.Addr()); err == nil {
						io.WriteString(c, "hello\n")
						c.Close()
					}
				}
			})
		}
		eventually(t, "some have come", func() bool { return r.eng.Stats().Conns > 0 })
		r.eng.Drain(0)
		if err := r.eng.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
		if n := r.eng.conns(); n != 0 {
			t.Fatalf("%d connections are left when the loops have ended", n)
		}
	}
}

// Who posts while an engine ends does not write into descriptors that belong to others by then.
func TestPostsToAnEngineThatEnds(t *testing.T) {
	t.Parallel()
	for range 20 {
		r := run(t, &script{}, Config{Loops: 2})
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for i := range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						r.eng.sets[i%2].loop.Post(func() {})
					}
				}
			})
		}
		if err := r.eng.Close(t.Context()); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
	}
}

// A killed connection is not written to any more, however willing its peer is to read.
func TestKillEndsAFastWriter(t *testing.T) {
	r := run(t, &script{serve: lines(func(c *served, how string) Verdict {
		body := make([]byte, 1<<20)
		write := func() (err error) {
			for err == nil {
				_, err = c.Write(body)
			}
			return err
		}
		if err := write(); err != transport.ErrStopping {
			t.Errorf("%s: %v", how, err)
		}
		return Close
	})}, Config{})
	for _, how := range []string{"one", "another"} {
		p := r.dial()
		p.send(how + "\n")
		go io.Copy(io.Discard, p.Conn)
	}
	eventually(t, "both write", func() bool { return r.eng.Stats().BytesOut > 50<<20 })
	if err := r.eng.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestStats(t *testing.T) {
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		c.Loop().Counts()[3]++
		printTo(c, "%s", line)
		return Idle
	})}, Config{Loops: 2})
	for i := range 10 {
		p := r.dial()
		p.send(fmt.Sprintf("hello %d\n", i))
		p.want(fmt.Sprintf("hello %d", i))
	}
	eventually(t, "the loops have published", func() bool {
		s := r.eng.Stats()
		return s.Loops.App[3] == 10 && s.Accepted == 10 && s.Conns == 10 && s.BytesIn == 80 &&
			s.BytesOut == 80 && s.Busy == 0
	})
}
