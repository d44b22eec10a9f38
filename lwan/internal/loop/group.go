//go:build linux

package loop

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Config of a Group. The zero value is usable.
type Config struct {
	Loops   int               // 0: GOMAXPROCS
	Threads Threads           // Pinned
	Log     *slog.Logger      // nil: slog.Default(). Loops write to it: it must not wait
	Clock   Clock             // nil: the system's
	Poller  NewPoller         // makes each loop's; nil: NewEpoll
	Pin     func(n int) error // ties a thread to the n-th CPU, for PinnedCPU; nil: the system's
}

// Group is a set of loops with one clock.
type Group struct {
	// constant after Start
	loops   []*Loop
	threads Threads
	log     *slog.Logger
	clock   Clock
	pin     func(n int) error

	spare   spare
	watched atomic.Bool // a watchdog sleeps until a loop wakes
	rouse   chan struct{}
	runners sync.WaitGroup
	ended   chan struct{} // closed when every runner has ended
}

// New makes a group that does not run yet. Each loop needs a driver (Drive) before Start; a group
// that is not started is closed (Close).
func New(cfg Config) (*Group, error) {
	g := &Group{
		threads: cfg.Threads, log: cfg.Log, clock: cfg.Clock, pin: cfg.Pin,
		rouse: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	if g.clock == nil {
		g.clock = systemClock{time.Now()}
	}
	if g.pin == nil {
		g.pin = pinThread
	}
	if cfg.Poller == nil {
		cfg.Poller = NewEpoll
	}
	g.spare.init(cfg.Threads, os.Getenv("GODEBUG"))
	if cfg.Loops <= 0 {
		cfg.Loops = runtime.GOMAXPROCS(0)
	}
	for i := range cfg.Loops {
		l := &Loop{group: g, id: i}
		l.refresh()
		l.swept = l.sec
		var err error
		if l.poller, err = cfg.Poller(); err != nil {
			g.Close()
			return nil, err
		}
		g.loops = append(g.loops, l)
	}
	return g, nil
}

// Drive names what the loop turns for.
func (l *Loop) Drive(d Driver) { l.driver = d }

// Loops returns the loops.
func (g *Group) Loops() []*Loop { return g.loops }

// Start lets the loops turn. When all of them have ended, ended is called, and Wait returns after
// it. If a thread cannot be pinned there is an error: the loops turn even so, until they are
// drained.
func (g *Group) Start(ended func()) error {
	ready := make(chan error, len(g.loops))
	var errs []error
	for _, l := range g.loops {
		r := newRunner(l, g.threads)
		l.runners.Store(&[]*runner{})
		l.adopt(r)
		go r.start(ready)
		errs = append(errs, <-ready)
		l.give(r, nil)
	}
	go func() {
		g.runners.Wait()
		ended()
		g.Close()
		close(g.ended)
	}()
	return errors.Join(errs...)
}

// Close closes the pollers. It is for a group that was not started, and has no other user: Start
// closes them at the end.
func (g *Group) Close() {
	for _, l := range g.loops {
		l.closePoller()
	}
}

// closePoller waits for those who are just about to wake the loop: a write to a descriptor that has
// been given to somebody else in the meantime would end up there.
func (l *Loop) closePoller() {
	for l.wakers.Load() > 0 {
		runtime.Gosched()
	}
	l.poller.Close()
}

// Ended is closed when every loop has ended.
func (g *Group) Ended() <-chan struct{} { return g.ended }

// Wait waits until every loop has ended.
func (g *Group) Wait(ctx context.Context) error {
	select {
	case <-g.ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
