package lwan

import (
	"context"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// goroutines is the pool on which Await and Blocking run: at most max at a time, with as many more
// in a queue.
type goroutines struct {
	max int

	mu     sync.Mutex
	n      int           // running or idle
	queue  []func()      // waiting for one of n to be free; empty while one is idle
	idle   []chan func() // of those that have nothing to do: the last one was busy last
	closed bool

	standby *standby // nil: there is none
	stands  standing
	shunned time.Time // nobody takes the standby's place until then

	running, queued atomic.Int64
	// handlers that were started before the body of their request was there, and it is not yet
	early atomic.Int64
	quit  chan struct{} // closed at the end of the server: idle ones end at once
}

// standing is what the goroutine does that waits as the standby.
type standing uint8

const (
	standsNobody standing = iota // the next goroutine that is idle takes the place
	standsIdle
	standsCalled // it has been given something, and has not taken it yet
)

const (
	defaultGoroutines = 4096
	goroutineIdle     = 10 * time.Second // an idle one ends after it, but for the standby

	// The standby runs late while no thread waits for the scheduler's poller, though processors
	// are free: the one that did runs something long that the poller woke. After 10 ms the
	// scheduler looks itself. So one that was late is done without for a while.
	standbyLate = time.Millisecond
	standbyShun = 10 * time.Second
)

func newGoroutines(n int) *goroutines {
	switch {
	case n == 0:
		n = defaultGoroutines
	case n < 0:
		n = 1<<31 - 1
	}
	return &goroutines{max: n, quit: make(chan struct{})}
}

// run starts fn soon, without waiting. It reports false when everything is in use.
func (g *goroutines) run(fn func()) bool {
	g.mu.Lock()
	// While one of the pool runs the thread that looks at the poller may be the one that runs it:
	// then another goroutine is started sooner.
	if g.stands == standsIdle && (g.running.Load() == 0 || len(g.idle) == 0 && g.n >= g.max) {
		s := g.standby
		g.callStandby(fn, time.Now())
		g.mu.Unlock()
		s.wake()
		return true
	}
	if last := len(g.idle) - 1; last >= 0 {
		given := g.idle[last]
		g.idle = g.idle[:last]
		g.mu.Unlock()
		given <- fn // it has room, and nobody else sends
		return true
	}
	defer g.mu.Unlock()
	switch {
	case g.n < g.max:
		g.n++
		go g.work(fn)
	case len(g.queue) < g.max:
		g.queue = append(g.queue, fn)
		g.queued.Add(1)
	default:
		return false
	}
	return true
}

// startEarly counts a handler that is to run before the body of its request is there. It reports
// false when half of what may run are such handlers: clients that send slowly are to leave the
// other half to others. It counts who is about to run: a flood that comes at once would have taken
// everything before it is found waiting.
func (g *goroutines) startEarly() bool {
	if g.early.Add(1) <= int64(g.max+1)/2 {
		return true
	}
	g.early.Add(-1)
	return false
}

// work runs fn and whatever comes after it. A function that ends by Goexit takes the goroutine with
// it.
func (g *goroutines) work(fn func()) {
	defer g.leave()
	idle := time.NewTimer(goroutineIdle)
	defer idle.Stop()
	given := make(chan func(), 1)
	// those of the loop that started it are not its own
	pprof.SetGoroutineLabels(context.Background())
	for fn != nil {
		g.call(fn)
		fn = g.next(given, idle)
	}
}

func (g *goroutines) call(fn func()) {
	g.running.Add(1)
	defer g.running.Add(-1)
	fn()
}

// next is what the goroutine does after its last function: what is queued, or what comes within a
// while.
func (g *goroutines) next(given chan func(), t *time.Timer) func() {
	g.mu.Lock()
	if fn := g.first(); fn != nil || g.closed {
		g.mu.Unlock()
		return fn
	}
	if g.stands == standsNobody && g.standby != nil && !time.Now().Before(g.shunned) {
		g.stands = standsIdle
		g.mu.Unlock()
		return g.stand()
	}
	g.idle = append(g.idle, given)
	g.mu.Unlock()
	t.Reset(goroutineIdle)
	select {
	case fn := <-given:
		return fn
	case <-t.C:
	case <-g.quit:
	}
	g.mu.Lock()
	i := slices.Index(g.idle, given)
	if i >= 0 {
		g.idle = slices.Delete(g.idle, i, i+1)
	}
	g.mu.Unlock()
	if i >= 0 {
		return nil
	}
	return <-given // it was given something meanwhile, or is about to be
}

// open gives the pool of a server that starts on loops a standby.
func (g *goroutines) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.standby = newStandby()
}

// callStandby gives it fn; mu is held. Behind it the caller wakes it.
func (g *goroutines) callStandby(fn func(), now time.Time) {
	g.standby.fn, g.standby.since, g.stands = fn, now, standsCalled
	g.standby.called.Store(true)
}

// stand waits as the standby until it is given something, or the pool is closed: nil.
func (g *goroutines) stand() func() {
	s := g.standby
	s.wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	fn := s.fn
	if fn != nil {
		if now := time.Now(); now.Sub(s.since) > standbyLate {
			g.shunned = now.Add(standbyShun)
		}
	}
	s.fn, g.stands = nil, standsNobody
	s.called.Store(false)
	return fn
}

// close lets idle goroutines end. What is asked of the pool later is still run.
func (g *goroutines) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	close(g.quit)
	if g.standby != nil {
		g.standby.close()
	}
}

// first takes the head of the queue; mu is held.
func (g *goroutines) first() func() {
	if len(g.queue) == 0 {
		return nil
	}
	fn := g.queue[0]
	g.queue[0] = nil
	g.queue = g.queue[1:]
	g.queued.Add(-1)
	return fn
}

// leave ends the goroutine, or gives its place to a new one if something was queued meanwhile.
func (g *goroutines) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if fn := g.first(); fn != nil {
		go g.work(fn)
		return
	}
	g.n--
}
