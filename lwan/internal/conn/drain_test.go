//go:build linux

package conn

import (
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// deafen makes all loops stop watching the listeners: who comes from now on waits in a queue.
func (r *rig) deafen() {
	done := make(chan struct{})
	for _, set := range r.eng.sets {
		set.loop.Post(func() { set.watchListeners(false); done <- struct{}{} })
	}
	for range r.eng.sets {
		<-done
	}
}

// Who is connected when draining begins is served, though no loop has accepted it yet.
func TestDrainServesWhoWaits(t *testing.T) {
	caller, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	given, err := FromListener(caller)
	if err != nil {
		t.Fatal(err)
	}
	for name, lane := range map[string]*Lane{
		"tcp":    listen(t, "127.0.0.1:0", ListenConfig{}),
		"tcp6":   listen(t, "[::1]:0", ListenConfig{}),
		"unix":   listen(t, "unix:"+filepath.Join(t.TempDir(), "s"), ListenConfig{}),
		"caller": given,
	} {
		t.Run(name, func(t *testing.T) {
			r := runOn(t, &script{}, Config{Loops: 3}, lane)
			r.deafen()
			var peers []*peer
			for range 300 {
				p := r.dial()
				p.send("hello\n")
				peers = append(peers, p)
			}
			r.eng.Drain(0)
			<-r.eng.Deaf()
			lane.Close()
			for _, p := range peers {
				p.want("hello")
				p.gone()
			}
			if err := r.eng.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Once draining has begun nobody gets into a queue that will not be emptied any more, though the
// socket is still open.
func TestDrainShutsTheDoor(t *testing.T) {
	t.Parallel()
	for name, lane := range map[string]*Lane{
		"tcp":  listen(t, "127.0.0.1:0", ListenConfig{}),
		"tcp6": listen(t, "[::1]:0", ListenConfig{}),
		"unix": listen(t, "unix:"+filepath.Join(t.TempDir(), "s"), ListenConfig{}),
	} {
		t.Run(name, func(t *testing.T) {
			r := runOn(t, &script{}, Config{}, lane)
			r.deafen()
			before := r.dial()
			r.eng.Drain(0)
			c, err := net.DialTimeout(lane.Addr().Network(), lane.Addr().String(),
				100*time.Millisecond)
			if err == nil {
				c.Close()
				t.Error("a newcomer was let in")
			}
			before.send("hello\n") // it is for newcomers alone
			before.want("hello")
		})
	}
}

// Whom systemd will give to the next process stays in the queue.
func TestDrainLeavesTheManagersQueue(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	lane, err := FromListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	lane.owner = ownedByManager
	r := runOn(t, &script{}, Config{Loops: 2}, lane)
	r.deafen()
	var peers []*peer
	for range 50 {
		p := r.dial()
		p.send("hello\n")
		peers = append(peers, p)
	}
	r.eng.Drain(0)
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	lane.Close()
	if s := r.eng.Stats(); s.Accepted != 0 {
		t.Errorf("%d were accepted", s.Accepted)
	}
	next, err := FromListener(ln)
	if err != nil {
		t.Fatal(err)
	}
	runOn(t, &script{}, Config{}, next)
	for _, p := range peers {
		p.want("hello")
	}
}

// lastLine answers a line, and closes when the engine drains.
var lastLine = lines(func(c *served, line string) Verdict {
	printTo(c, "%s", line)
	if c.Loop().Draining() {
		return Close
	}
	return Idle
})

// An idle connection has time for one more request. Closed after that, its client sees a proper
// end, also if it sends a request at that moment.
func TestDrainGrace(t *testing.T) {
	r := runFake(t, &script{serve: lastLine}, Config{Loops: 2, Linger: time.Hour})
	uses, idles := r.dial(), r.dial()
	for _, p := range []*peer{uses, idles} {
		p.send("hello\n")
		p.want("hello")
	}
	r.eng.Drain(time.Second)
	<-r.eng.Deaf()
	uses.send("once more\n")
	uses.want("once more")
	uses.gone()
	r.forward(2 * time.Second)
	if rest := idles.end(); rest != "" {
		t.Errorf("%q", rest)
	}
	for range 3 { // on a connection that was reset the second write fails
		idles.send("too late\n")
	}
	if rest := idles.end(); rest != "" {
		t.Errorf("%q", rest)
	}
	idles.Conn.Close()
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A request that has come before draining begins is answered, though the loop has not heard of it.
func TestDrainAnswersWhatHasCome(t *testing.T) {
	r := run(t, &script{}, Config{})
	p := r.dial()
	p.send("hello\n")
	p.want("hello")
	r.do(func(set *Set) { // which does not look at its events before this ends
		p.send("unseen\n")
		set.drain()
	})
	p.want("unseen")
	p.gone()
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// A panic in what the protocol does about the end of one connection leaves no other one waiting.
func TestPanicWhileDraining(t *testing.T) {
	var told atomic.Int64
	fail := func(c *served) {
		if told.Add(1) == 1 {
			panic("not me")
		}
		c.w.Task.Cancel(c.w.Seq(), transport.ErrGone)
	}
	ended := make(chan error, 3)
	p := &script{draining: fail, serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s", line)
		ended <- c.Worker().Sleep(time.Hour)
		return Close
	})}
	r := run(t, p, Config{})
	for range 3 {
		c := r.dial()
		c.send("wait\n")
		c.want("wait")
	}
	r.eng.Drain(0)
	if err := r.eng.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told.Load() != 3 || len(ended) != 3 {
		t.Errorf("%d were told, %d have ended", told.Load(), len(ended))
	}
	if !strings.Contains(r.log.String(), "not me") {
		t.Error("the panic is in no log")
	}
}

// The same at the hard end.
func TestPanicWhileKilling(t *testing.T) {
	var told atomic.Int64
	p := &script{cancelled: func(*served, error) {
		if told.Add(1) == 1 {
			panic("not me")
		}
	}, serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s", line)
		_ = c.Worker().Sleep(time.Hour)
		return Close
	})}
	r := run(t, p, Config{})
	for range 3 {
		c := r.dial()
		c.send("wait\n")
		c.want("wait")
	}
	if err := r.eng.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if told.Load() != 3 {
		t.Errorf("%d were told", told.Load())
	}
}
