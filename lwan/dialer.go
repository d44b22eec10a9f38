package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Waiter is who waits for a connection: a *Request whose handler runs, or the *Conn that an
// Endpoint's Conn function serves. Nobody else implements it.
type Waiter interface {
	Context() context.Context
	waiter() *Request
}

func (r *Request) waiter() *Request { return r }

// Dialer opens connections for handlers, and keeps those that are idle: each loop its own, so that
// taking one costs no lock and no system call. A connection is driven by the loop on which it was
// opened, and what waits on it parks. Opened by a Blocking handler, or where there are no loops, it
// is one of package net, and those that are idle are shared behind a mutex.
//
// Fields are read at the first use and must not change then. For numbers and times zero means the
// default and negative none. A server closes the idle connections that were opened in it when it
// has drained; a Dialer may serve several servers.
type Dialer struct {
	// Network is "tcp", "tcp4", "tcp6" or "unix"; "": tcp, or unix for an Address that begins with
	// "/" or "@".
	Network string
	// Address is "host:port", or a path. A host that is a name is looked up on a goroutine, and
	// never on a loop.
	Address string
	// Timeout is the time to connect, to greet, and to shake hands: 5 s; then
	// os.ErrDeadlineExceeded.
	Timeout time.Duration
	// Resolve is after which a name is looked up again: 10 s. A look-up that fails leaves the last
	// addresses.
	Resolve time.Duration
	// TLS, if not nil, encrypts. ServerName is Address's host unless set.
	TLS *tls.Config
	// Local is the address that connections come from; the zero value: the system chooses.
	Local netip.Addr
	// Greet is called once for each new connection: AUTH, the start of a protocol. It parks as a
	// handler does. A connection whose greeting fails is closed.
	Greet func(c *Conn) error
	// Via is how a connection is opened where there is no loop; nil: net.Dialer. For tests:
	// net.Pipe.
	Via func(ctx context.Context, network, address string) (net.Conn, error)

	MaxIdle   int           // idle connections kept by each loop: 128; negative: none is kept
	Idle      time.Duration // how long, in whole seconds: 60 s; KeepFor may make it shorter
	MaxAge    time.Duration // of a connection that is kept: 1 h
	MaxUses   int           // of a connection: none
	MaxOpen   int           // open ones, of all loops and idle ones included: none; then the handler waits for one
	MaxWait   int           // handlers that wait for one: 1024; then ErrBusy
	QueueTime time.Duration // how long: 5 s; then ErrBusy

	once   sync.Once
	at     dialTarget // what the fields come to
	pools  atomic.Pointer[[]*dialerPool]
	places dialPlaces
	spare  sparePool
	past   dialerCounts // of pools that are no more
	mu     sync.Mutex   // guards changes of pools
	over   atomic.Bool
}

// Defaults of Dialer.
const (
	defaultDial      = 5 * time.Second
	defaultResolve   = 10 * time.Second
	defaultMaxIdle   = 128
	defaultKept      = 60 * time.Second
	defaultMaxAge    = time.Hour
	defaultMaxWait   = 1024
	defaultQueueTime = 5 * time.Second
)

// Get takes an idle connection, the one that was used last, or opens one, and parks meanwhile. Its
// errors: what the system says, as a *net.OpError; os.ErrDeadlineExceeded; ErrBusy; net.ErrClosed;
// and ErrGone, ErrTimeout and ErrStopping when the request is over. Fail answers the first with
// 502, the second with 504, ErrBusy with 503. That this machine has no descriptors or memory left,
// which the system says too, is a kind of ErrBusy.
func (d *Dialer) Get(w Waiter) (*Conn, error) { return d.get(w, reuseAny) }

// Open is Get without a look at the idle ones.
func (d *Dialer) Open(w Waiter) (*Conn, error) { return d.get(w, reuseNone) }

func (d *Dialer) get(w Waiter, idle reuse) (*Conn, error) {
	req := w.waiter()
	if req == nil {
		return nil, net.ErrClosed
	}
	req.mustLive()
	if err := req.beginWait(); err != nil {
		return nil, err
	}
	if d.over.Load() {
		return nil, net.ErrClosed
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	pool := d.poolFor(req)
	if idle != reuseNone {
		if c := pool.take(req, idle == reuseFresh); c != nil {
			return c, nil
		}
	}
	c, err := d.open(req, pool, idle == reuseAny)
	pool.counts().opened(err)
	return c, req.endWait(err)
}

// Close closes the idle connections and refuses new ones with net.ErrClosed; those in use are
// closed when they are kept. Who waits for one gets net.ErrClosed.
func (d *Dialer) Close() error {
	if d.over.Swap(true) {
		return nil
	}
	d.places.close()
	d.dropIdle(nil)
	return nil
}

// dropIdle closes the idle connections of a server; nil: of all.
func (d *Dialer) dropIdle(of *process) {
	d.spare.drop(of)
	for _, p := range d.loopPools() {
		if of == nil || p.core == of {
			p.loop.Post(p.drop)
		}
	}
}

// leave forgets a server whose loops have ended.
func (d *Dialer) leave(of *process) {
	d.spare.drop(of)
	d.mu.Lock()
	defer d.mu.Unlock()
	var left []*dialerPool
	for _, p := range d.loopPools() {
		if p.core == of {
			d.past.add(&p.count)
		} else {
			left = append(left, p)
		}
	}
	d.pools.Store(&left)
}

// loopPools are the pools of loops; a slice that never changes.
func (d *Dialer) loopPools() []*dialerPool {
	if all := d.pools.Load(); all != nil {
		return *all
	}
	return nil
}

// Stats counts, over all loops.
func (d *Dialer) Stats() DialerStats {
	var n dialerCounts
	n.add(&d.past)
	n.add(&d.spare.count)
	for _, p := range d.loopPools() {
		n.add(&p.count)
	}
	s := DialerStats{
		InUse: n.inUse.Load(), Idle: n.idle.Load(),
		Opened: n.fresh.Load(), Reused: n.reused.Load(), Failed: n.failed.Load(),
		TimedOut: n.late.Load(), Busy: n.busy.Load(), Stale: n.stale.Load(),
	}
	s.Waiting = d.places.waiting()
	return s
}

// DialerStats are of a Dialer's life, but for the first three, which are of now.
type DialerStats struct {
	InUse, Idle, Waiting                   int64
	Opened, Reused, Failed, TimedOut, Busy int64
	// Stale is of idle ones that the peer has closed, or has sent something on.
	Stale int64
}

// dialerCounts are those of one pool. They are atomic for who reads them; only the pool's loop, or
// a holder of its mutex, changes them.
type dialerCounts struct {
	inUse, idle                              atomic.Int64
	fresh, reused, failed, late, busy, stale atomic.Int64
}

func (n *dialerCounts) add(o *dialerCounts) {
	to := n.all()
	for i, from := range o.all() {
		to[i].Add(from.Load())
	}
}

func (n *dialerCounts) all() [8]*atomic.Int64 {
	return [...]*atomic.Int64{
		&n.inUse, &n.idle, &n.fresh, &n.reused, &n.failed, &n.late, &n.busy, &n.stale,
	}
}

// opened counts an attempt to open a connection.
func (n *dialerCounts) opened(err error) {
	switch {
	case err == nil:
	case errors.Is(err, ErrBusy):
		n.busy.Add(1)
	case isTimeout(err):
		n.late.Add(1)
	default:
		n.failed.Add(1)
	}
}
