package lwan

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestPoolRunsWhatComesAsItGetsIdle gives a pool of one its next function while its goroutine looks
// for one.
func TestPoolRunsWhatComesAsItGetsIdle(t *testing.T) {
	pool := openPool(1)
	defer pool.close()
	rounds := 200_000
	if testing.Short() {
		rounds = 20_000
	}
	done := make(chan struct{}, 1)
	late := time.NewTimer(0)
	defer late.Stop()
	for i := range rounds {
		if !pool.run(func() { done <- struct{}{} }) {
			t.Fatal("the pool is full")
		}
		late.Reset(goroutineIdle / 2) // by then an idle one has not ended, which looks at the queue
		select {
		case <-done:
		case <-late.C:
			t.Fatalf("round %d: nobody runs it", i)
		}
	}
}

// TestPoolLosesNothing has many give functions to a small pool, some of which end their goroutine,
// while it is closed.
func TestPoolLosesNothing(t *testing.T) {
	for range 50 {
		pool := openPool(3)
		var ran, given atomic.Int64
		var all sync.WaitGroup
		for who := range 4 {
			all.Go(func() {
				for i := range 200 {
					fn := func() {
						ran.Add(1)
						if i%16 == who {
							runtime.Goexit()
						}
					}
					if pool.run(fn) {
						given.Add(1)
					}
					if i == 150 && who == 0 {
						pool.close()
					}
				}
			})
		}
		all.Wait()
		until := time.Now().Add(time.Minute)
		for ran.Load() != given.Load() || staffOf(pool) > 0 {
			if time.Now().After(until) {
				t.Fatalf("%d of %d ran; %d goroutines are left", ran.Load(), given.Load(), staffOf(pool))
			}
			runtime.Gosched()
		}
	}
}

func openPool(most int) *goroutines {
	g := newGoroutines(most)
	g.open()
	return g
}

func staffOf(g *goroutines) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

// TestPoolFindsStandby holds that the goroutine which waits for the poller is given work first, and
// others when it is busy.
func TestPoolFindsStandby(t *testing.T) {
	pool := openPool(0)
	defer pool.close()
	if pool.standby == nil {
		t.Skip("skipped: this system has none")
	}
	stands := func() standing {
		pool.mu.Lock()
		defer pool.mu.Unlock()
		return pool.stands
	}
	awaitIdle := func() {
		t.Helper()
		until := time.Now().Add(time.Minute)
		for stands() != standsIdle {
			if time.Now().After(until) {
				t.Fatal("nobody takes the place")
			}
			runtime.Gosched()
		}
	}
	pool.run(func() {})
	awaitIdle()
	begun, end := make(chan struct{}), make(chan struct{})
	pool.run(func() { close(begun); <-end })
	<-begun
	beside := make(chan struct{})
	pool.run(func() { close(beside) })
	<-beside // though the first one still runs
	awaitIdle()
	if n := staffOf(pool); n != 2 {
		t.Errorf("%d goroutines for two functions", n)
	}
	close(end)
}
