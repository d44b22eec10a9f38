//go:build linux && !golwan_nethttp

package lwan

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// testClock is the time of a server's loops: of their limits, of who waits on them, of connections
// that expire. It stands still but for what a test does with it. What goroutines wait for, those of
// Blocking among them, goes by the system's time.
type testClock struct {
	now atomic.Int64
	srv *Server
}

func (c *testClock) Now() int64      { return c.now.Load() }
func (c *testClock) Wall() time.Time { return time.Unix(0, c.now.Load()) }

// stopTime gives srv, which has not started, a clock that stands still.
func stopTime(srv *Server) *testClock {
	c := &testClock{srv: srv}
	srv.life.seams.Clock = c
	return c
}

// advance sets the clock forward by d, once the loops have done what they were about. When it
// returns they have done what is due then. It is for a server that serves.
func (c *testClock) advance(d time.Duration) {
	c.settle()
	c.now.Add(int64(d))
	c.settle() // letters are read before the clock is
	c.settle() // and this one in the turn after
}

// settle returns when each loop has read a letter: all that was to be done before it has been.
func (c *testClock) settle() {
	loops := c.loops()
	done := make(chan struct{}, len(loops))
	for _, l := range loops {
		l.Post(func() { done <- struct{}{} })
	}
	for range loops {
		<-done
	}
}

// rush lets a second pass in each millisecond from now on, to the end of the test.
func (c *testClock) rush(t testing.TB) {
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			c.now.Add(int64(time.Second))
			for _, l := range c.loops() {
				l.Post(func() {}) // looks at the clock; one that has ended does not any more
			}
		}
	}()
	t.Cleanup(func() { close(over); <-stopped })
}

func (c *testClock) loops() []*loop.Loop { return c.srv.life.engine.(*loopEngine).eng.Loops() }
