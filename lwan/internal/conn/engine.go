//go:build linux

package conn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/logring"
	"github.com/golwan/golwan/lwan/internal/loop"
)

// Config of an Engine. The zero value of each field but Protocol is usable.
type Config struct {
	Protocol Protocol
	Loops    int          // 0: GOMAXPROCS
	Threads  loop.Threads // Pinned
	// highest descriptor + 1 that a connection may have; 0: RLIMIT_NOFILE; at most 1 Mi
	MaxSlots  int
	MaxConns  int           // open connections; 0: as many as there are slots
	PerAddr   int           // open connections of one remote address; 0: no limit
	FirstByte time.Duration // a connection that sends nothing at all is closed after it; 0: never
	// that are under way at a time, on all loops; 0: any number. See Security
	Handshakes int

	// Linger is how long a peer may send less than 16 KiB in a lingering close, to the second;
	// 0: 2 s; negative: none.
	Linger time.Duration
	// LingerBytes is what is thrown away in a lingering close; 0: 64 MiB; negative, and above 2
	// GiB: all that comes in its time.
	LingerBytes int64

	Log    *slog.Logger      // nil: slog.Default(). Loops write to it: it must not wait
	Kernel Kernel            // nil: Linux
	Clock  loop.Clock        // nil: the system's
	Poller loop.NewPoller    // makes each loop's; nil: loop.NewEpoll
	Pin    func(n int) error // see loop.Config
}

// Engine is a group of loops that share listeners and a slot table.
type Engine struct {
	// constant after Start
	protocol  Protocol
	group     *loop.Group
	sets      []*Set
	lanes     []*Lane
	slots     []slot
	peers     []peerAddr // by descriptor, as slots
	firstByte uint32     // seconds
	linger    lingerBudget
	maxConns  int
	perAddr   int
	addrs     *addrCounts // from Start on; nil: no limit for an address
	log       *slog.Logger
	repeats   logring.Repeats // for lines that strangers can cause

	maxHandshakes int
	handshakes    atomic.Int64 // under way

	// loops that may still accept a connection, for themselves or for another one
	serving atomic.Int64
	refused atomic.Int64  // connections that linger behind a refusal
	deaf    chan struct{} // closed when no loop accepts any more
	closing sync.Once
	grace   atomic.Uint32 // seconds that draining leaves to idle connections
}

// New makes an engine that does not run yet.
func New(cfg Config) (*Engine, error) {
	e := &Engine{
		protocol: cfg.Protocol, maxConns: cfg.MaxConns, log: cfg.Log,
		firstByte: Seconds(cfg.FirstByte), linger: newLingerBudget(&cfg), deaf: make(chan struct{}),
		maxHandshakes: cfg.Handshakes,
	}
	if e.log == nil {
		e.log = slog.Default()
	}
	e.repeats.Log = e.log
	if cfg.Kernel == nil {
		cfg.Kernel = Linux{}
	}
	var err error
	if e.slots, err = slotTable(slotCount(cfg.MaxSlots)); err != nil {
		return nil, err
	}
	if e.peers, err = peerTable(len(e.slots)); err != nil {
		e.free()
		return nil, err
	}
	e.perAddr = cfg.PerAddr
	e.group, err = loop.New(loop.Config{
		Loops: cfg.Loops, Threads: cfg.Threads, Log: e.log, Clock: cfg.Clock,
		Poller: cfg.Poller, Pin: cfg.Pin,
	})
	if err != nil {
		e.free()
		return nil, err
	}
	for i, l := range e.group.Loops() {
		set := &Set{eng: e, loop: l, id: i, kernel: cfg.Kernel, poller: l.Poller(), slots: e.slots}
		set.wheel.init(e.slots)
		l.Drive(set)
		e.sets = append(e.sets, set)
	}
	return e, nil
}

// Seconds rounds d up to whole seconds, the grain of the expiry wheel; 0 and less: 0, at most
// 1<<30.
func Seconds(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min((d-1)/time.Second+1, 1<<30))
}

// Start begins to serve the listeners. The engine does not close them.
func (e *Engine) Start(lanes []*Lane) error {
	if len(lanes) > maxLanes {
		return fmt.Errorf("conn: %d listeners, at most %d are possible", len(lanes), maxLanes)
	}
	e.lanes = lanes
	var own []int
	for _, l := range lanes {
		own = append(own, l.perAddr)
	}
	e.addrs = newAddrCounts(e.perAddr, own, len(e.slots))
	e.serving.Store(int64(len(e.sets)))
	for _, set := range e.sets {
		set.watchListeners(true)
	}
	if err := e.group.Start(e.end); err != nil {
		return errors.Join(err, e.Close(context.Background()))
	}
	return nil
}

// end is called when no loop turns any more.
func (e *Engine) end() {
	e.repeats.Close()
	e.free()
}

// free unmaps the tables.
func (e *Engine) free() {
	if e.slots != nil {
		if err := freeSlots(e.slots); err != nil {
			e.log.Error("conn: unmap the slots", "err", err)
		}
		e.slots = nil
	}
	if e.peers != nil {
		if err := freePeers(e.peers); err != nil {
			e.log.Error("conn: unmap the addresses", "err", err)
		}
		e.peers = nil
	}
}

// Loops returns the loops, for those who post to all, and for a watchdog.
func (e *Engine) Loops() []*loop.Loop { return e.group.Loops() }

// Rouse is loop.Group's.
func (e *Engine) Rouse() <-chan struct{} { return e.group.Rouse() }

// Waiting returns the tags of the handlers of a loop that wait. It is for code on that loop.
func (e *Engine) Waiting(l *loop.Loop) (tags []uint64) {
	set := e.sets[l.Number()]
	for fd := range set.owned.all() {
		s := &set.slots[fd]
		if s.state != slotBusy || s.rec < 0 {
			continue
		}
		t := set.records.at(s.rec).at.task
		if tag, waits := t.Worker().Waiting(); waits && !seatOf(t).shakes {
			tags = append(tags, tag)
		}
	}
	return tags
}

// conns counts the open connections, without those that linger behind a refusal.
func (e *Engine) conns() (n int64) {
	for _, set := range e.sets {
		n += set.conns.Load()
	}
	return n
}
