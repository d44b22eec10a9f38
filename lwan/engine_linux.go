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
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/h1"
	"github.com/golwan/golwan/lwan/internal/h2"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/seams"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// hasLoops reports whether there are event loops.
const hasLoops = true

// loopSeams are those of the loops to the system. The zero value is the system itself.
type loopSeams = seams.Seams

func init() {
	seams.Put = func(server any, s seams.Seams) { server.(*Server).life.seams = s }
}

// loopEngine serves HTTP/1 and HTTP/2 on event loops.
type loopEngine struct {
	core      *process
	eng       *conn.Engine
	ends      []opened      // by lane
	tables    []*loopTables // by loop
	lanes     []*conn.Lane
	listeners []net.Listener // of the caller's
	refused   error          // of closing them when draining began
	dog       *watchdog      // nil: none
	resumed   atomic.Int64   // handshakes that went on with a session
	h2        *h2.Protocol   // nil: no endpoint speaks it
}

// startEngine serves endpoints on loops, each with the table of its routes.
func startEngine(s *Server, places []opened, left *inheritance) (engine, []net.Addr, error) {
	core := s.life.core
	if _, err := conn.RaiseDescriptorLimit(); err != nil {
		core.log.Warn("lwan: cannot raise the limit of descriptors", "err", err)
	}
	core.laggards = make([]laggards, s.loops())
	e := &loopEngine{core: core}
	e.ends = places
	for range s.loops() {
		h := e.hold(s.life.current)
		e.tables = append(e.tables, &loopTables{now: h})
		s.life.current.life.holdings = append(s.life.current.life.holdings, h)
	}
	addrs, err := e.listen(places, left)
	if err != nil {
		return nil, nil, errors.Join(err, e.closeListeners())
	}
	cfg := conn.Config{
		Protocol: e.protocols(s, places), Loops: s.loops(), Threads: loop.Threads(s.Threads),
		MaxConns: max(s.MaxConns, 0), PerAddr: max(s.MaxConnsPerAddr, 0),
		FirstByte: orPause(s.HeaderTimeout, defaultHead), Linger: s.LingerTimeout,
		Handshakes:  orCount(s.MaxHandshakes, defaultHandshakes),
		LingerBytes: s.LingerBytes, Log: core.log,
		Kernel: s.life.seams.Kernel, Poller: s.life.seams.Poller,
		Clock: s.life.seams.Clock,
	}
	if err = s.confine(); err == nil {
		e.eng, err = conn.New(cfg)
	}
	if err == nil {
		e.dog = watch(s, core, e.eng)
		err = e.eng.Start(e.lanes)
	}
	if err != nil {
		e.dog.stop()
		return nil, nil, errors.Join(err, e.closeListeners())
	}
	core.goroutine.open()
	return e, addrs, nil
}

// protocols is what the connections speak: HTTP/1, and HTTP/2 where an endpoint asks for it.
func (e *loopEngine) protocols(s *Server, places []opened) conn.Protocol {
	first := e.http1(s)
	first.Bare = bareEndpoints(places)
	front := &h2.Front{Protocol: first, Resume: first.Resume}
	some := false
	for _, p := range places {
		if p.Conn != nil {
			front.Speaks = append(front.Speaks, h2.Speaks{HTTP1: true})
			continue
		}
		speaks := h2.Speaks{HTTP1: p.versions()&HTTP1 != 0, HTTP2: p.versions()&HTTP2 != 0}
		if some = some || speaks.HTTP2; p.encrypted() { // ALPN decides: loopSecurity
			speaks = h2.Speaks{HTTP1: true}
		}
		front.Speaks = append(front.Speaks, speaks)
	}
	if !some {
		return first
	}
	e.h2 = e.http2(s)
	front.HTTP2 = e.h2
	return front
}

// exchange makes the exchange of a worker.
func (e *loopEngine) exchange(on transport.Loop) transport.Exchange {
	x := &exchange{core: e.core, loop: on}
	e.tables[on.Number()].add(x)
	return x
}

// http2 is HTTP/2 as the server wants it.
func (e *loopEngine) http2(s *Server) *h2.Protocol {
	return h2.New(h2.Config{
		NewExchange: e.exchange, Loops: s.loops(), Limits: e.core.head,
		Idle:     conn.Seconds(orPause(s.IdleTimeout, defaultIdle)),
		Header:   conn.Seconds(orPause(s.HeaderTimeout, defaultHead)),
		Turn:     orCount(s.MaxPipelined, 64),
		Requests: uint32(min(max(s.MaxRequests, 0), math.MaxInt32)),
		Watched:  orPause(s.StallAfter, defaultStall) > 0,
		Log:      e.core.log,
		Calm:     h2.Calm(s.HTTP2.orDefault()),
	})
}

// http1 is HTTP/1 as the server wants it.
func (e *loopEngine) http1(s *Server) *h1.Protocol {
	return h1.New(h1.Config{
		NewExchange: e.exchange,
		Limits:      e.core.head, Chunks: e.core.chunks,
		Idle:      conn.Seconds(orPause(s.IdleTimeout, defaultIdle)),
		Header:    conn.Seconds(orPause(s.HeaderTimeout, defaultHead)),
		Pipelined: orCount(s.MaxPipelined, 64),
		Requests:  uint32(min(max(s.MaxRequests, 0), math.MaxInt32)),
		Watched:   orPause(s.StallAfter, defaultStall) > 0,
		Refusal:   []byte(refusal), Log: e.core.log,
	})
}

// hold makes a configuration one that a loop has.
func (e *loopEngine) hold(c *core) *holding {
	sites := make([]endpointTable, len(e.ends))
	for i, p := range e.ends {
		sites[i] = endpointTable{c.tables[p.number], p.TrustPeers, p.security, p.Conn}
	}
	return c.hold(sites)
}

// replace implements engine.
func (e *loopEngine) replace(next *core, ending <-chan struct{}) {
	told := make(chan struct{}, len(e.tables))
	for i, l := range e.eng.Loops() {
		h := e.hold(next)
		next.life.holdings = append(next.life.holdings, h)
		l.Post(func() {
			e.tables[i].swap(h)
			told <- struct{}{}
		})
	}
	for range e.tables {
		select {
		case <-told:
		case <-ending: // a loop that is over reads no letters
			return
		}
	}
}

// expire implements engine.
func (e *loopEngine) expire(c *core) {
	for i, h := range c.life.holdings {
		e.eng.Loops()[i].Post(func() { e.tables[i].expire(h) })
	}
}

// listen opens every endpoint, or none.
func (e *loopEngine) listen(places []opened, left *inheritance) (addrs []net.Addr, err error) {
	for _, p := range places {
		lane, err := e.open(p.Endpoint, left)
		if err != nil {
			return nil, p.failed(err)
		}
		if p.security != nil {
			e.secure(lane, p.security)
		}
		if p.Conn != nil {
			lane.Bare()
		}
		lane.LimitPerAddr(max(p.MaxConnsPerAddr, 0))
		if len(p.Proxy) > 0 {
			lane.Announced(p.announces, orPause(e.core.srv.HandshakeTimeout, defaultHandshake))
		}
		e.lanes = append(e.lanes, lane)
		addrs = append(addrs, lane.Addr())
	}
	return addrs, nil
}

func (e *loopEngine) open(end Endpoint, left *inheritance) (*conn.Lane, error) {
	if end.Listener != nil {
		e.listeners = append(e.listeners, end.Listener)
		return conn.FromListener(end.Listener)
	}
	cfg := conn.ListenConfig{
		FastOpen: end.FastOpen, DeferAccept: end.DeferAccept, Congestion: end.Congestion,
		Mode: end.Mode,
	}
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

// closeLanes ends listening: whoever connects from now on is refused, and not left to wait for
// nobody.
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
			if rt := e.core.numbers.find(tag); rt != nil {
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
	n := &es.Loops.App
	s.Conns.Active, s.Conns.Parked = es.Busy+n[transport.CountActive], es.Loops.Parked
	s.Conns.Subscribed = n[countSubscribed]
	single := max(n[countSubscribed]-n[transport.CountGuests], 0) // on connections of their own
	s.Conns.Idle = max(es.Conns-es.Busy-n[transport.CountBusy]-single, 0)
	s.Accepted, s.Rejected, s.GivenUp = es.Accepted, es.Rejected, es.GivenUp
	s.BytesIn, s.BytesOut = es.BytesIn, es.BytesOut
	s.Requests = n[countRequests]
	copy(s.Status[:], n[:6])
	s.Secure.Handshakes, s.Secure.Resumed = es.Handshakes, e.resumed.Load()
	s.Secure.Failed, s.Secure.Pending = es.HandshakesFailed, es.Shaking
	s.Workers, s.Parks, s.Turns = es.Loops.Workers, es.Loops.Parks, es.Loops.Turns
	s.Stalls = e.dog.list()
}
