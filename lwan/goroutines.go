package lwan

import (
	"context"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// goroutines is the pool on which Await and Blocking run: at most max at a time, with as many more
// in a queue.
type goroutines struct {
	max  int
	idle chan func() // goroutines that have nothing to do receive here

	mu    sync.Mutex
	n     int      // running or idle
	queue []func() // waiting for one of n to be free

	running, queued atomic.Int64
	// handlers that were started before the body of their request was there, and it is not yet
	early atomic.Int64
	quit  chan struct{} // closed at the end of the server: idle ones end at once
}

const (
	defaultGoroutines = 4096
	goroutineIdle     = 10 * time.Second // an idle one ends after it
)

func newGoroutines(n int) *goroutines {
	switch {
	case n == 0:
		n = defaultGoroutines
	case n < 0:
		n = 1<<31 - 1
	}
	return &goroutines{max: n, idle: make(chan func()), quit: make(chan struct{})}
}

// run starts fn soon, without waiting. It reports false when everything is in use.
func (g *goroutines) run(fn func()) bool {
	select {
	case g.idle <- fn:
		return true
	default:
	}
	g.mu.Lock()
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
	// those of the loop that started it are not its own
	pprof.SetGoroutineLabels(context.Background())
	for fn != nil {
		g.call(fn)
		fn = g.next(idle)
	}
}

func (g *goroutines) call(fn func()) {
	g.running.Add(1)
	defer g.running.Add(-1)
	fn()
}

// next is what the goroutine does after its last function: what is queued, or what comes within a
// while.
func (g *goroutines) next(t *time.Timer) func() {
	if fn := g.dequeue(); fn != nil {
		return fn
	}
	t.Reset(goroutineIdle)
	select {
	case fn := <-g.idle:
		return fn
	case <-t.C:
		return nil
	case <-g.quit:
		return nil
	}
}

// close lets idle goroutines end. What is asked of the pool later is still run.
func (g *goroutines) close() { close(g.quit) }

func (g *goroutines) dequeue() func() {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.first()
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
