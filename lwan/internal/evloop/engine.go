//go:build linux

package evloop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/logring"
)

// Config of an Engine. The zero value of each field but Protocol is usable.
type Config struct {
	Protocol  Protocol
	Loops     int           // 0: GOMAXPROCS
	Threads   Threads       // Pinned
	MaxSlots  int           // highest descriptor + 1 that a connection may have; 0: RLIMIT_NOFILE; at most 1 Mi
	MaxConns  int           // open connections; 0: as many as there are slots
	PerAddr   int           // open connections of one remote address; 0: no limit
	FirstByte time.Duration // a connection that sends nothing at all is closed after it; 0: never
	Linger    time.Duration // how long a peer may send less than 16 KiB in a lingering close, to the second; 0: 2 s; negative: none
	Log       *slog.Logger  // nil: slog.Default(). Loops write to it: it must not wait
	Kernel    Kernel        // nil: linux
	Clock     Clock         // nil: the system's
	Poller    NewPoller     // makes each loop's; nil: NewEpoll

	LingerBytes int64 // what is thrown away in a lingering close; 0: 64 MiB; negative, and above 2 GiB: all that comes in its time
}

// Engine is a set of loops that share listeners and a slot table.
type Engine struct {
	// constant after Start
	protocol  Protocol
	loops     []*Loop
	lanes     []*Lane
	slots     []slot
	peers     []peerAddr // by descriptor, as slots
	clock     Clock
	threads   Threads
	firstByte uint32 // seconds
	linger    lingerBudget
	maxConns  int
	addrs     *addrCounts // nil: no limit for an address
	log       *slog.Logger
	repeats   logring.Repeats // for lines that strangers can cause

	serving      atomic.Int64 // loops that may still accept a connection, for themselves or for another one
	refused      atomic.Int64 // connections that linger behind a refusal
	workerNumber atomic.Uint64
	watched      atomic.Bool // a watchdog sleeps until a loop wakes
	rouse        chan struct{}
	runners      sync.WaitGroup
	ended        chan struct{} // closed when every runner has ended
	deaf         chan struct{} // closed when no loop accepts any more
	closing      sync.Once
	grace        atomic.Uint32 // seconds that draining leaves to idle connections
}

// New makes an engine that does not run yet.
func New(cfg Config) (*Engine, error) {
	e := &Engine{
		protocol: cfg.Protocol, threads: cfg.Threads, maxConns: cfg.MaxConns, log: cfg.Log, clock: cfg.Clock,
		firstByte: Seconds(cfg.FirstByte), linger: newLingerBudget(&cfg), ended: make(chan struct{}), deaf: make(chan struct{}), rouse: make(chan struct{}, 1),
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	e.repeats.Log = e.log
	if e.clock == nil {
		e.clock = systemClock{time.Now()}
	}
	if cfg.Kernel == nil {
		cfg.Kernel = linux{}
	}
	if cfg.Poller == nil {
		cfg.Poller = NewEpoll
	}
	slots, err := slotTable(slotCount(cfg.MaxSlots))
	if err != nil {
		return nil, err
	}
	e.slots = slots
	if e.peers, err = peerTable(len(slots)); err != nil {
		e.free()
		return nil, err
	}
	if cfg.PerAddr > 0 {
		e.addrs = newAddrCounts(cfg.PerAddr, len(slots))
	}
	n := cfg.Loops
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for i := range n {
		l, err := newLoop(e, i, cfg.Kernel, cfg.Poller)
		if err != nil {
			e.free()
			return nil, err
		}
		e.loops = append(e.loops, l)
	}
	return e, nil
}

// Seconds rounds d up to whole seconds, the grain of the expiry wheel; 0 and less: 0, at most 1<<30.
func Seconds(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min((d-1)/time.Second+1, 1<<30))
}

func newLoop(e *Engine, id int, k Kernel, newPoller NewPoller) (*Loop, error) {
	l := &Loop{eng: e, id: id, kernel: k, slots: e.slots}
	l.wheel.init(e.slots)
	l.refresh()
	var err error
	l.poller, err = newPoller()
	return l, err
}

// closePoller waits for those who are just about to wake the loop: a write to a descriptor that has been given to
// somebody else in the meantime would end up there.
func (l *Loop) closePoller() {
	for l.wakers.Load() > 0 {
		runtime.Gosched()
	}
	l.poller.close()
}

// Start begins to serve the listeners. The engine does not close them.
func (e *Engine) Start(lanes []*Lane) error {
	if len(lanes) > maxLanes {
		return fmt.Errorf("evloop: %d listeners, at most %d are possible", len(lanes), maxLanes)
	}
	e.lanes = lanes
	e.serving.Store(int64(len(e.loops)))
	ready := make(chan error, len(e.loops))
	var errs []error
	for _, l := range e.loops {
		r := newRunner(l, e.threads)
		l.runner.Store(r)
		l.runners.Store(&[]*runner{})
		l.adopt(r)
		l.watchListeners(true)
		go r.start(ready)
		errs = append(errs, <-ready)
		r.token <- nil
	}
	go func() {
		e.runners.Wait()
		e.repeats.Close()
		e.free()
		close(e.ended)
	}()
	if err := errors.Join(errs...); err != nil {
		return errors.Join(err, e.Close(context.Background()))
	}
	return nil
}

func (e *Engine) free() {
	for _, l := range e.loops {
		l.closePoller()
	}
	if e.slots != nil {
		if err := freeSlots(e.slots); err != nil {
			e.log.Error("evloop: unmap the slots", "err", err)
		}
		e.slots = nil
	}
	if e.peers != nil {
		if err := freePeers(e.peers); err != nil {
			e.log.Error("evloop: unmap the addresses", "err", err)
		}
		e.peers = nil
	}
}

// Loops returns the loops; for tests, benchmarks and those who post to all.
func (e *Engine) Loops() []*Loop { return e.loops }

// conns counts the open connections, without those that linger behind a refusal.
func (e *Engine) conns() (n int64) {
	for _, l := range e.loops {
		n += l.conns.Load()
	}
	return n
}
