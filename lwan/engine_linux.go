//go:build !golwan_nethttp

package lwan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/seams"
)

// loopSeams are those of the loops to the system. The zero value is the system itself.
type loopSeams = seams.Seams

func init() {
	seams.Put = func(server any, s seams.Seams) { server.(*Server).life.seams = s }
}

// loopEngine serves HTTP/1 on event loops.
type loopEngine struct {
	core      *core
	eng       *conn.Engine
	tables    []*table // by lane
	trusted   []bool   // by lane: Endpoint.TrustPeers
	lanes     []*conn.Lane
	listeners []net.Listener // of the caller's
	refused   error          // of closing them when draining began
	idle      uint32         // seconds
	header    uint32         // seconds
	pipelined int
	requests  uint32     // of one connection; 0: no limit
	dog       *watchdog  // nil: none
	buffers   sync.Pool  // of *[readBuffer]byte, for workers that have given theirs back
	laggards  []laggards // by loop
}

func startEngine(s *Server, ends []Endpoint, left *inheritance) (engine, []net.Addr, error) {
	core := s.life.core
	if _, err := conn.RaiseDescriptorLimit(); err != nil {
		core.log.Warn("lwan: cannot raise the limit of descriptors", "err", err)
	}
	e := &loopEngine{
		core: core, laggards: make([]laggards, s.loops()), tables: s.life.tables, pipelined: orCount(s.MaxPipelined, 64),
		requests: uint32(min(max(s.MaxRequests, 0), math.MaxInt32)),
		idle:     conn.Seconds(orPause(s.IdleTimeout, defaultIdle)),
		header:   conn.Seconds(orPause(s.HeaderTimeout, defaultHead)),
	}
	addrs, err := e.listen(ends, left)
	if err != nil {
		return nil, nil, errors.Join(err, e.closeListeners())
	}
	cfg := conn.Config{
		Protocol: e, Loops: s.loops(), Threads: loop.Threads(s.Threads), MaxConns: max(s.MaxConns, 0), PerAddr: max(s.MaxConnsPerAddr, 0),
		FirstByte: orPause(s.HeaderTimeout, defaultHead), Linger: s.LingerTimeout, LingerBytes: s.LingerBytes, Log: core.log,
		Kernel: s.life.seams.Kernel, Poller: s.life.seams.Poller, Clock: s.life.seams.Clock,
	}
	if e.eng, err = conn.New(cfg); err == nil {
		e.dog = watch(s, core, e.eng)
		err = e.eng.Start(e.lanes)
	}
	if err != nil {
		e.dog.stop()
		return nil, nil, errors.Join(err, e.closeListeners())
	}
	return e, addrs, nil
}

// listen opens every endpoint, or none.
func (e *loopEngine) listen(ends []Endpoint, left *inheritance) (addrs []net.Addr, err error) {
	for i, end := range ends {
		lane, err := e.open(end, left)
		if err != nil {
			return nil, fmt.Errorf("lwan: endpoint %d (%s): %w", i, end.where(), err)
		}
		e.lanes = append(e.lanes, lane)
		e.trusted = append(e.trusted, end.TrustPeers)
		addrs = append(addrs, lane.Addr())
	}
	return addrs, nil
}

func (e *loopEngine) open(end Endpoint, left *inheritance) (*conn.Lane, error) {
	if end.TLS != nil {
		return nil, errNoTLS
	}
	if end.Listener != nil {
		e.listeners = append(e.listeners, end.Listener)
		return conn.FromListener(end.Listener)
	}
	cfg := conn.ListenConfig{FastOpen: end.FastOpen, DeferAccept: end.DeferAccept, Mode: end.Mode}
	if file := left.take(end.where()); file != nil {
		return conn.Inherit(file, end.where(), cfg)
	}
	return conn.Listen(end.where(), cfg)
}

// sockets implements engine.
func (e *loopEngine) sockets() (files []*os.File, err error) {
	for _, l := range e.lanes {
		f, err := l.Duplicate()
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// share implements engine.
func (e *loopEngine) share() {
	for _, l := range e.lanes {
		l.Share()
	}
}

// own implements engine.
func (e *loopEngine) own() {
	for _, l := range e.lanes {
		l.Own()
	}
}

func (e *loopEngine) closeListeners() error {
	e.dog.stop()
	return errors.Join(e.refused, e.closeLanes())
}

// closeLanes ends listening: whoever connects from now on is refused, and not left to wait for nobody.
func (e *loopEngine) closeLanes() error {
	var errs []error
	for _, l := range e.lanes {
		errs = append(errs, l.Close())
	}
	for _, l := range e.listeners {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	e.lanes, e.listeners = nil, nil
	return errors.Join(errs...)
}

// NewState implements conn.Protocol.
func (e *loopEngine) NewState(w *loop.Worker) any {
	h := &h1{core: e.core, eng: e, w: w}
	h.unlike()
	return h
}

// Serve implements conn.Protocol.
func (e *loopEngine) Serve(w *loop.Worker, c conn.Conn, why conn.Why) conn.Verdict {
	h := w.State.(*h1)
	if why == conn.Expired {
		return h.expire(c)
	}
	return h.serve(c)
}

// Died implements conn.Protocol.
func (e *loopEngine) Died(w *loop.Worker, c conn.Conn, state, value any, stack []byte) conn.Verdict {
	return state.(*h1).died(w, value, stack)
}

// Waits and Rests implement conn.Protocol.
func (e *loopEngine) Waits(w *loop.Worker) { w.State.(*h1).waits() }
func (e *loopEngine) Rests(w *loop.Worker) { w.State.(*h1).rests() }

// takeBuffer returns a read buffer.
func (e *loopEngine) takeBuffer() []byte {
	if b, ok := e.buffers.Get().(*[readBuffer]byte); ok {
		return b[:]
	}
	return make([]byte, readBuffer)
}

// giveBuffer takes one back. Those that have grown are left to the collector.
func (e *loopEngine) giveBuffer(b []byte) {
	if len(b) == readBuffer {
		poison(b)
		e.buffers.Put((*[readBuffer]byte)(b))
	}
}

// Refuse implements conn.Protocol.
func (e *loopEngine) Refuse(fd int) {
	_, _ = unix.Write(fd, []byte(refusal)) // a courtesy: a client that is gone already needs none
}

func (e *loopEngine) drain(grace time.Duration) { e.eng.Drain(grace) }

// close implements engine. The error names the routes whose handlers hold their threads.
func (e *loopEngine) close(ctx context.Context) error {
	err := e.eng.Close(ctx)
	if err == nil {
		return nil
	}
	held := map[string]bool{}
	for _, l := range e.eng.Loops() {
		for _, tag := range l.Held() {
			if rt := e.core.routeOf(tag); rt != nil {
				held[rt.pattern] = true
			}
		}
	}
	if len(held) == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(slices.Sorted(maps.Keys(held)), ", "), err)
}

// wait closes the listeners as soon as no loop watches them any more.
func (e *loopEngine) wait(ctx context.Context) error {
	select {
	case <-e.eng.Deaf():
		e.refused = e.closeLanes()
	case <-ctx.Done():
	}
	return e.eng.Wait(ctx)
}

func (e *loopEngine) stats(s *Stats) {
	es := e.eng.Stats()
	s.Conns.Active, s.Conns.Parked = es.Busy, es.Loops.Parked
	s.Conns.Subscribed = es.Loops.App[countSubscribed]
	s.Conns.Idle = max(es.Conns-es.Busy-s.Conns.Subscribed, 0)
	s.Accepted, s.Rejected, s.GivenUp = es.Accepted, es.Rejected, es.GivenUp
	s.BytesIn, s.BytesOut = es.BytesIn, es.BytesOut
	s.Requests = es.Loops.App[countRequests]
	copy(s.Status[:], es.Loops.App[:6])
	s.Workers, s.Parks, s.Turns = es.Loops.Workers, es.Loops.Parks, es.Loops.Turns
	s.Stalls = e.dog.list()
}
