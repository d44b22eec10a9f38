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
	awaitIdle := func() {
		t.Helper()
		until := time.Now().Add(time.Minute)
		for {
			pool.mu.Lock()
			stands, shunned := pool.stands, !pool.shunned.IsZero()
			pool.mu.Unlock()
			switch {
			case stands == standsIdle:
				return
			case shunned:
				t.Skip("skipped: the machine is too slow for a standby")
			case time.Now().After(until):
				t.Fatal("nobody takes the place")
			}
			runtime.Gosched()
		}
	}
	pool.run(func() {})
	awaitIdle()
	begun, end := make(chan struct{}), make(chan struct{})
	defer close(end)
	pool.run(func() { close(begun); <-end })
	<-begun
	beside := make(chan struct{})
	pool.run(func() { close(beside) })
	<-beside // though the first one still runs
	awaitIdle()
	if n := staffOf(pool); n != 2 {
		t.Errorf("%d goroutines for two functions", n)
	}
}

// TestPoolShunsLateStandby: one that was late is done without for a while, for whatever held the
// scheduler's poller up does so again.
func TestPoolShunsLateStandby(t *testing.T) {
	pool := openPool(1)
	defer pool.close()
	if pool.standby == nil {
		t.Skip("skipped: this system has none")
	}
	await := func(want string, is func() bool) {
		t.Helper()
		until := time.Now().Add(time.Minute)
		for {
			pool.mu.Lock()
			ok := is()
			pool.mu.Unlock()
			if ok {
				return
			}
			if time.Now().After(until) {
				t.Fatal(want)
			}
			runtime.Gosched()
		}
	}
	stands := func() bool { return pool.stands == standsIdle }
	ran := make(chan struct{}, 1)
	fn := func() { ran <- struct{}{} }
	place := func() { // whatever a slow machine has made of the call before
		t.Helper()
		pool.mu.Lock()
		pool.shunned = time.Time{}
		pool.mu.Unlock()
		await("it has ended", func() bool { return stands() || len(pool.idle) == 1 })
		for range 1000 {
			pool.mu.Lock()
			ok := stands()
			pool.shunned = time.Time{}
			pool.mu.Unlock()
			if ok {
				return
			}
			pool.run(fn)
			<-ran
			await("it does not get idle", func() bool { return stands() || len(pool.idle) == 1 })
		}
		t.Fatal("nobody takes the place")
	}
	pool.run(fn)
	<-ran
	place()
	pool.mu.Lock()
	pool.callStandby(fn, time.Now().Add(-time.Hour))
	pool.mu.Unlock()
	pool.standby.wake()
	<-ran
	await("it waits for the poller again", func() bool { return len(pool.idle) == 1 })
	pool.run(fn)
	<-ran
	await("it waits for the poller again", func() bool { return len(pool.idle) == 1 })
	place()
}

// TestPoolStartsBesideStandby holds that the standby is left alone while another function runs, and
// one more may be started.
func TestPoolStartsBesideStandby(t *testing.T) {
	pool := openPool(3)
	defer pool.close()
	pool.mu.Lock()
	pool.n, pool.stands = 1, standsIdle // nobody is behind it: what it is given does not run
	pool.mu.Unlock()
	pool.running.Add(1)
	defer pool.running.Add(-1)
	ran := make(chan struct{})
	pool.run(func() { close(ran) })
	select {
	case <-ran:
	case <-time.After(time.Minute):
		t.Fatal("the standby has it")
	}
}
