//go:build linux

package conn

import (
	"runtime"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// batch is more than run in one turn.
const batch = 100

// TestJobs: they run in order, each in a worker that may park and die, and others have turns in
// between.
func TestJobs(t *testing.T) {
	onThreads(t, func(t *testing.T, mode loop.Threads) {
		r := run(t, &script{}, Config{Threads: mode})
		c := r.dial()
		c.send("hello\n")
		c.want("hello")
		done := make(chan int, 10*batch)
		r.do(func(set *Set) {
			for i := range 10 * batch {
				set.loop.Run(func(w *loop.Worker) {
					switch i % 5 {
					case 1:
						w.Pause()
					case 2:
						defer func() { done <- i }()
						runtime.Goexit()
					}
					done <- i
				})
			}
		})
		seen := map[int]bool{}
		for range 10 * batch {
			i := <-done
			if seen[i] {
				t.Errorf("job %d ran twice", i)
			}
			seen[i] = true
		}
		c.send("hello\n")
		c.want("hello")
	})
}

// TestJobThatIsStuck: a job is in a handler's place: its loop can be taken over.
func TestJobThatIsStuck(t *testing.T) {
	onThreads(t, func(t *testing.T, mode loop.Threads) {
		p := newStuckLines()
		r := run(t, p.protocol(), Config{Threads: mode})
		back := make(chan struct{})
		r.do(func(set *Set) {
			set.loop.Run(func(w *loop.Worker) {
				defer close(back)
				defer w.LeaveUser()
				w.EnterUser(1)
				p.entered <- struct{}{}
				<-p.back
			})
		})
		p.takeOver(r)
		c := r.dial()
		c.send("ok\n")
		c.want("ok")
		p.back <- struct{}{}
		<-back
		c.send("ok\n")
		c.want("ok")
	})
}

// TestInvariant15: a loop is over when connections, refused ones, parked and stuck workers and jobs
// are all 0; each of them holds it up alone.
func TestInvariant15(t *testing.T) {
	for name, hold := range map[string]func(r *rig, p *stuckLines) (release func()){
		"a connection": func(r *rig, p *stuckLines) func() {
			c := r.dial() // it may send a request still
			eventually(r.t, "accepted", func() bool { return r.eng.conns() == 1 })
			return func() { c.send("ok\n"); c.want("ok") }
		},
		"a refused connection": func(r *rig, p *stuckLines) func() {
			first := r.dial()
			eventually(r.t, "accepted", func() bool { return r.eng.conns() == 1 })
			refused := r.dial()
			eventually(r.t, "refused", func() bool { return r.eng.refused.Load() == 1 })
			first.reset()
			eventually(r.t, "closed", func() bool { return r.eng.conns() == 0 })
			return func() { refused.Close() }
		},
		"a parked worker": func(r *rig, p *stuckLines) func() {
			r.do(func(set *Set) {
				set.loop.Run(func(w *loop.Worker) { parkUntil(w, p) })
			})
			eventually(r.t, "parked", func() bool { return p.parked.Load() == 1 })
			return func() { close(p.park) }
		},
		"a stuck worker": func(r *rig, p *stuckLines) func() {
			r.do(func(set *Set) {
				set.loop.Run(func(w *loop.Worker) {
					w.EnterUser(1)
					p.entered <- struct{}{}
					<-p.back
					w.LeaveUser()
				})
			})
			p.takeOver(r)
			return func() { p.back <- struct{}{} }
		},
		"a job": func(r *rig, p *stuckLines) func() {
			ran := make(chan struct{})
			r.do(func(set *Set) {
				set.drain()
				set.loop.Run(func(*loop.Worker) { close(ran) })
			})
			return func() { <-ran }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newStuckLines()
			r := run(t, p.protocol(), Config{MaxConns: 1, Linger: time.Minute})
			release := hold(r, p)
			r.eng.Drain(0)
			if name != "a job" {
				r.settle() // it turns
			}
			release()
			select {
			case <-r.eng.group.Ended():
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
		})
	}
}

// parkUntil parks w, which serves nothing, until p lets it go on.
func parkUntil(w *loop.Worker, p *stuckLines) {
	w.Wait(func(wake func()) {
		p.parked.Add(1)
		go func() {
			<-p.park
			wake()
		}()
	}, 0, transport.Woken)
}
