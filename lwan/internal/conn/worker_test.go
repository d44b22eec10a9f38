//go:build linux

package conn

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

var allThreads = map[string]loop.Threads{
	"pinned": loop.Pinned, "pinned to a CPU": loop.PinnedCPU, "free": loop.Free,
}

func TestWaits(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			var late func()
			r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
				w := c.Worker()
				begin := time.Now()
				err := w.Sleep(10 * time.Millisecond)
				if err != nil || time.Since(begin) < 10*time.Millisecond {
					t.Errorf("Sleep: %v after %v", err, time.Since(begin))
				}
				if err := w.Sleep(-1); err != nil {
					t.Errorf("Sleep(-1): %v", err)
				}
				err = w.Wait(func(wake func()) { wake(); wake() }, 0, transport.Cancelled)
				if err != nil {
					t.Errorf("Wait, woken at once: %v", err)
				}
				err = w.Wait(func(wake func()) { late = wake; go wake() },
					time.Hour, transport.Cancelled)
				if err != nil {
					t.Errorf("Wait, woken by a goroutine: %v", err)
				}
				begin = time.Now()
				err = w.Wait(func(func()) { late() }, 10*time.Millisecond, transport.Cancelled)
				if err != transport.ErrPause {
					t.Errorf("Wait, woken for an earlier wait: %v", err)
				}
				if time.Since(begin) < 10*time.Millisecond {
					t.Errorf("Wait ended after %v", time.Since(begin))
				}
				w.Pause()
				c.Write([]byte("done\n"))
				return Idle
			})}, Config{Loops: 2, Threads: mode})
			p := r.dial()
			p.send("go\n")
			p.want("done")
		})
	}
}

// A call that would park is refused where it cannot: on another goroutine, and in another handler
// of the same loop.
func TestForeignCalls(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			var first *served
			ready := make(chan struct{})
			try := func(who string, c *served) {
				errs := map[string]error{
					"Sleep":   c.Worker().Sleep(0),
					"Wait":    c.Worker().Wait(func(func()) {}, 0, transport.Cancelled),
					"Offload": c.Worker().Offload(func(func()) bool { return true }, func() {}),
				}
				for op, err := range errs {
					if err != transport.ErrForeign {
						t.Errorf("%s: %s: %v", who, op, err)
					}
				}
			}
			r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
				if line == "first" {
					done := make(chan struct{})
					go func() { try("goroutine", c); close(done) }()
					<-done // blocks the loop: the worker runs, and is another goroutine's
					first = c
					close(ready)
					err := c.Worker().Sleep(time.Hour)
					if err != transport.ErrStopping && err != transport.ErrGone {
						t.Errorf("Sleep: %v", err)
					}
					return Close
				}
				try("another handler", first)
				c.Write([]byte("done\n"))
				return Idle
			})}, Config{Threads: mode})
			a, b := r.dial(), r.dial()
			a.send("first\n")
			<-ready
			b.send("second\n")
			b.want("done")
		})
	}
}

func TestOffload(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
				w := c.Worker()
				switch line {
				case "none":
					err := w.Offload(func(func()) bool { return false }, func() {
						t.Error("it runs")
					})
					if err != transport.ErrBusy {
						t.Errorf("%v", err)
					}
				case "goexit":
					offloaded(c, func() { runtime.Goexit() })
				case "talk":
					offloaded(c, func() {
						if err := w.Sleep(0); err != transport.ErrForeign {
							t.Errorf("Sleep in the goroutine: %v", err)
						}
					})
				}
				c.Write([]byte("done\n"))
				return Idle
			})}, Config{Threads: mode})
			p := r.dial()
			for _, line := range []string{"none", "goexit"} {
				p.send(line + "\n")
				p.want("done")
			}
			p.send("talk\n")
			p.want("done")
		})
	}
}

// One worker may read while another one writes.
func TestTwoWorkersAreFullDuplex(t *testing.T) {
	const n = 8 << 20
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: func(c *served) Verdict {
				readLine(c)
				read, readers := 0, 0
				c.Loop().Run(func(w *loop.Worker) {
					m, _ := io.CopyN(io.Discard, readBy(c, w), n)
					read, readers = int(m), readers+1
				})
				if m, err := c.Write(pattern(n)); m != n || err != nil {
					t.Errorf("Write: %d, %v", m, err)
				}
				for readers == 0 {
					c.Worker().Pause()
				}
				if read != n {
					t.Errorf("%d bytes came", read)
				}
				return Close
			}}, Config{Threads: mode})
			p := r.dial()
			p.send("\n")
			go p.Conn.Write(pattern(n))
			if got := p.end(); got != string(pattern(n)) {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}

// StopReading ends what a second worker waits for, and what it would wait for.
func TestStopReading(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		var errs []error
		c.Loop().Run(func(w *loop.Worker) {
			for range 2 {
				_, err := readBy(c, w).Read(make([]byte, 1))
				errs = append(errs, err)
			}
		})
		c.Worker().Pause() // the other one begins to wait
		c.StopReading()
		for len(errs) < 2 {
			c.Worker().Pause()
		}
		if errs[0] != ErrUnread || errs[1] != ErrUnread {
			t.Errorf("%v", errs)
		}
		c.ReadAgain()
		c.Write([]byte("stopped\n"))
		printTo(c, "%s", readLine(c))
		return Close
	}}, Config{})
	p := r.dial()
	p.send("go\n")
	p.want("stopped")
	p.send("again\n")
	p.want("again")
}

// A bell that rings before its worker rests is not lost, and one that rings late opens no other
// wait.
func TestBell(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
				w := c.Worker()
				var b loop.Bell
				for range 100 {
					b.Arm(w)
					if line == "before" {
						done := make(chan struct{})
						go func() { b.Ring(); close(done) }()
						<-done
					} else {
						go b.Ring()
					}
					w.Rest()
				}
				c.Write([]byte("done\n"))
				return Idle
			})}, Config{Threads: mode})
			p := r.dial()
			for _, line := range []string{"before", "after"} {
				p.send(line + "\n")
				p.want("done")
			}
		})
	}
}

// Whatever a handler does, its worker's end costs one worker and one connection.
func TestHandlersThatDie(t *testing.T) {
	wasDead := make(chan any, 1)
	p := &script{
		died: func(c *served, v any) {
			c.TryWrite(fmt.Appendf(nil, "died of %v\n", v))
			select {
			case wasDead <- v:
			default:
			}
		},
		serve: func(c *served) Verdict {
			var err error
			switch readLine(c) {
			case "panic":
				panic("ouch")
			case "goexit":
				runtime.Goexit()
			case "nil":
				panic(nil)
			case "late panic":
				c.Worker().Sleep(1)
				panic(io.ErrNoProgress)
			case "deferred":
				defer func() {
					offloaded(c, func() { err = io.EOF })
					c.Worker().Sleep(1)
					printTo(c, "deferred %v", err)
				}()
				runtime.Goexit()
			case "deferred, panicking":
				defer func() {
					offloaded(c, func() {})
					c.Worker().Sleep(1)
					printTo(c, "deferred")
				}()
				panic("ouch")
			}
			return Idle
		},
	}
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			r := run(t, p, Config{Threads: mode})
			for ask, want := range map[string]string{
				"panic": "died of ouch\n", "goexit": "died of <nil>\n",
				"nil":                 "died of panic called with nil argument\n",
				"late panic":          "died of multiple Read calls return no data or error\n",
				"deferred":            "deferred EOF\ndied of <nil>\n",
				"deferred, panicking": "deferred\ndied of ouch\n",
			} {
				c := r.dial()
				c.send(ask + "\n")
				if got := c.end(); got != want {
					t.Errorf("%s: %q, want %q", ask, got, want)
				}
			}
		})
	}
}

// TestInvariant6DeathIsConcludedElsewhere: what a dead worker leaves is concluded in another one,
// which may wait as long as it likes: others are served, and a kill ends it. A second death ends
// the connection, and a third worker is asked to conclude what is left.
func TestInvariant6DeathIsConcludedElsewhere(t *testing.T) {
	for name, mode := range allThreads {
		t.Run(name, func(t *testing.T) {
			var wake func()
			ended := make(chan error, 1)
			again := make(chan bool, 9) // whether the connection was open
			r := run(t, &script{
				ends: Linger,
				died: func(c *served, v any) {
					switch v {
					case "again":
						if again <- c.Open(); c.Open() {
							panic(v)
						}
						return
					case "for ever":
						ended <- c.w.Sleep(time.Hour)
						return
					}
					c.w.Wait(func(f func()) { wake = f }, 0, transport.Cancelled)
					printTo(c, "died of %v", v)
				},
				serve: lines(func(c *served, line string) Verdict {
					if line != "hello" {
						panic(line)
					}
					printTo(c, "%s", line)
					return Idle
				}),
			}, Config{Threads: mode})
			waits := r.dial()
			waits.send("once\n")
			eventually(t, "the conclusion waits", func() (is bool) {
				r.do(func(*Set) { is = wake != nil })
				return is
			})
			for range 3 {
				twice := r.dial()
				twice.send("again\n")
				twice.gone()
				if first, second := <-again, <-again; !first || second {
					t.Errorf("open: %v, then %v", first, second)
				}
			}
			other := r.dial()
			other.send("hello\n")
			other.want("hello")
			r.do(func(*Set) { wake() })
			if got := waits.end(); got != "died of once\n" {
				t.Errorf("%q", got)
			}
			never := r.dial()
			never.send("for ever\n")
			eventually(t, "the other conclusion waits", func() (is bool) {
				r.do(func(set *Set) { is = parked(set) == 1 })
				return is
			})
			r.eng.Cancel(transport.ErrStopping)
			never.gone()
			if err := <-ended; err != transport.ErrStopping {
				t.Errorf("killed: %v", err)
			}
		})
	}
}

// A connection that is killed between a death and its conclusion is concluded all the same.
func TestKillBeforeTheConclusion(t *testing.T) {
	died := make(chan error, 1)
	r := run(t, &script{
		died: func(c *served, _ any) {
			_, err := c.Write([]byte("too late\n"))
			died <- err
		},
		serve: lines(func(c *served, _ string) Verdict {
			set := c.set
			set.loop.Run(func(*loop.Worker) { // before the conclusion has its turn
				set.each("a test", func(fd int32, s *slot) {
					set.killSlot(fd, s, transport.ErrStopping)
				})
			})
			panic("ouch")
		}),
	}, Config{})
	p := r.dial()
	p.send("go\n")
	if got := p.end(); got != "" {
		t.Errorf("%q", got)
	}
	if err := <-died; err != transport.ErrStopping {
		t.Errorf("%v", err)
	}
}

// 10,000 deaths of either kind under load leave no worker, stack or descriptor.
func TestManyDeaths(t *testing.T) {
	for name, mode := range map[string]loop.Threads{"pinned": loop.Pinned, "free": loop.Free} {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
				switch line {
				case "panic":
					panic("ouch")
				case "goexit":
					defer c.Worker().Sleep(1)
					runtime.Goexit()
				default:
					printTo(c, "%s", line)
				}
				return Idle
			})}, Config{Loops: 2, Threads: mode})
			bystander := r.dial()
			const clients, each = 8, 2500 // 20,000 connections
			var wg sync.WaitGroup
			for i := range clients {
				wg.Go(func() {
					for range each {
						if err := dieOnce(r, []string{"panic\n", "goexit\n"}[i%2]); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			for range 200 {
				bystander.send("hello\n")
				bystander.want("hello")
			}
			wg.Wait()
			eventually(t, "all are closed", func() bool { return r.eng.conns() == 1 })
			if s := r.eng.Stats(); s.Loops.Workers > 100 {
				t.Errorf("%d workers are left", s.Loops.Workers)
			}
			if n := strings.Count(engineGoroutines(), "(*loop.Worker).run("); n > 100 {
				t.Errorf("%d stacks are left", n)
			}
		})
	}
}

func dieOnce(r *rig, how string) error {
	c, err := dialRaw(r.lane.Addr())
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := io.WriteString(c, how); err != nil {
		return err
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		return errors.New("answered by the dead")
	}
	return nil
}

// Workers that a crowd of waiting handlers needed are ended when it has gone, by whichever worker
// sweeps.
func TestWorkersOfACrowdAreEnded(t *testing.T) {
	for name, mode := range map[string]loop.Threads{"pinned": loop.Pinned, "free": loop.Free} {
		t.Run(name, func(t *testing.T) {
			var wakes []func() // owned by the loop
			r := runFake(t, &script{serve: lines(func(c *served, _ string) Verdict {
				c.Worker().Wait(func(wake func()) { wakes = append(wakes, wake) },
					0, transport.Cancelled)
				c.Write([]byte("done\n"))
				return Idle
			})}, Config{Threads: mode})
			const crowd = 200
			var peers []*peer
			for range crowd {
				p := r.dial()
				p.send("go\n")
				peers = append(peers, p)
			}
			wakeAt := func(n int) {
				eventually(t, "all wait", func() bool {
					here := 0
					r.do(func(*Set) { here = len(wakes) })
					return here == n
				})
				r.do(func(*Set) {
					for _, wake := range wakes {
						wake()
					}
					wakes = nil
				})
			}
			wakeAt(crowd)
			for _, p := range peers {
				p.want("done")
			}
			workers := func() (n int64) {
				r.do(func(*Set) { n = r.eng.Stats().Loops.Workers })
				return n
			}
			if n := workers(); n < crowd {
				t.Errorf("%d workers", n)
			}
			for range 100 {
				r.advance(time.Second)
			}
			if n := workers(); n != loop.SpareWorkers+1 { // and the one that runs
				t.Errorf("%d workers, want %d", n, loop.SpareWorkers+1)
			}
			peers[0].send("go\n")
			wakeAt(1)
			peers[0].want("done")
		})
	}
}

// After a crowd has left, as many workers rest as it has had connections: each kept its buffers
// until it was trimmed.
func TestRestingWorkersAreToldWhenThereAreMany(t *testing.T) {
	const crowd = 40
	var rests int
	var waiting []func()
	r := run(t, &script{
		serve: lines(func(c *served, _ string) Verdict {
			err := c.Worker().Wait(func(wake func()) { waiting = append(waiting, wake) },
				0, transport.Cancelled)
			if err != nil {
				t.Error(err)
			}
			c.Write([]byte("ok\n"))
			return Idle
		}),
		rests: func() { rests++ },
	}, Config{})
	peers := make([]*peer, crowd)
	for i := range peers {
		peers[i] = r.dial()
		peers[i].send("go\n")
	}
	eventually(t, "all of them wait", func() (all bool) {
		r.do(func(*Set) { all = len(waiting) == crowd })
		return all
	})
	r.do(func(*Set) {
		if rests != 0 {
			t.Errorf("%d workers were told to rest while all of them were in use", rests)
		}
		for _, wake := range waiting {
			wake()
		}
	})
	for _, p := range peers {
		p.want("ok")
	}
	r.do(func(*Set) {
		if want := crowd - loop.SpareWorkers; rests != want {
			t.Errorf("%d workers were told, want %d", rests, want)
		}
	})
}
