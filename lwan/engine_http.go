//go:build !linux || golwan_nethttp

package lwan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/nethttp"
)

// httpEngine serves through net/http, where there is no epoll: a goroutine a connection, and waiting
// blocks it. Handlers see no difference. Outside of them:
//
//   - Loops, Threads, MaxPipelined, StallAfter and what belongs to it, FastOpen, DeferAccept and
//     Congestion mean nothing. Nor does Goroutines: what Await and Blocking run has the
//     connection's own.
//   - An answer waits for what the handler has left of the body, for LingerTimeout, and ends the connection if it does not
//     come. A handler that has begun to answer may read on only if it has begun to read before.
//   - A handler that waits before it has read the body learns that the client has left when it reads or writes.
//   - A request that is unwound ends its connection.
//   - Fields come with the spelling of net/http, and in any order.
//   - Heads are limited as a whole, by MaxLineBytes + MaxHeaderBytes and the 4 KiB that net/http adds; MaxFields and
//     MaxChunkExtensions are not looked at. A head that is refused is answered by net/http, and no observer sees it; one that is late gets no answer.
//   - Who waits in the queue of a listener when draining begins is reset, unless another process has taken over.
//   - A handshake of TLS that is under way when idle connections are closed is cut.
//   - Of HTTP2 only Streams, Window, ConnWindow and Table count; net/http has bounds of its own for
//     the others.
//   - Stats knows nothing of parked and subscribed connections, workers and turns.
//
// The build tag golwan_nethttp chooses it on Linux too, for its tests.
type httpEngine struct {
	// constant after startEngine
	core    *process
	servers []*http.Server
	bare    []*connServer // of endpoints that have a function for their connections
	lanes   []*countingListener
	shakers []*shakingListener // of the lanes that have them: handshakes
	shaking chan struct{}      // holds one for each handshake under way; nil: no limit

	conns    atomic.Int64 // open
	busy     atomic.Int64 // of those, with a request under way
	accepted atomic.Int64
	rejected atomic.Int64
	refusing atomic.Int64 // connections over a limit that linger
	addrs    addrCounts
	in, out  atomic.Int64    // bytes
	requests [6]atomic.Int64 // by class of their status
	secure   handshakeCounts

	current sync.Mutex // held for a moment; guards the field below, and who holds what it was
	now     *holding

	calls   callSet
	closing atomic.Bool   // the next answer of a connection is its last
	quiet   chan struct{} // has a value after the last connection was closed
	ended   chan struct{} // closed when nothing is left to wait for
	shut    context.CancelFunc
}

// startNetHTTP serves endpoints through net/http.
func startNetHTTP(s *Server, places []opened, left *inheritance) (engine, []net.Addr, error) {
	e := &httpEngine{
		core: s.life.core, ended: make(chan struct{}), quiet: make(chan struct{}, 1),
		addrs: addrCounts{max: s.MaxConnsPerAddr},
	}
	if most := orCount(s.MaxHandshakes, defaultHandshakes); most > 0 {
		e.shaking = make(chan struct{}, most)
	}
	e.now = e.core.srv.life.current.hold(nil)
	var addrs []net.Addr
	for _, p := range places {
		ln, err := listen(p.Endpoint, left.take(p.where()))
		if err != nil {
			return nil, nil, errors.Join(p.failed(err), e.closeListeners())
		}
		addrs = append(addrs, ln.Addr())
		e.lanes = append(e.lanes, &countingListener{
			Listener: ln, eng: e, max: int64(max(s.MaxConns, 0)), given: p.Listener != nil,
			end: p.Endpoint, addrs: e.countsFor(p.Endpoint),
		})
	}
	if err := s.confine(); err != nil {
		return nil, nil, errors.Join(err, e.closeListeners())
	}
	for i, p := range places {
		ln := e.handshakes(e.lanes[i], p.security)
		if p.Conn != nil {
			c := &connServer{eng: e, place: p, ln: ln}
			e.bare = append(e.bare, c)
			c.under.Add(1)
			go c.run(s.life.failed)
			continue
		}
		srv := e.server(s, p)
		e.servers = append(e.servers, srv)
		go e.serve(srv, ln, s.life.failed)
	}
	return e, addrs, nil
}

// countsFor is where the addresses of an endpoint's connections are counted.
func (e *httpEngine) countsFor(end Endpoint) *addrCounts {
	if end.MaxConnsPerAddr > 0 {
		return &addrCounts{max: end.MaxConnsPerAddr}
	}
	return &e.addrs
}

// server sets a server of net/http as s is set, as far as it can be.
func (e *httpEngine) server(s *Server, p opened) *http.Server {
	srv := &http.Server{
		Handler:           e.handler(p),
		ReadHeaderTimeout: orPause(s.HeaderTimeout, defaultHead),
		IdleTimeout:       orPause(s.IdleTimeout, defaultIdle),
		MaxHeaderBytes:    e.core.head.Line + e.core.head.Fields,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, counted(conn))
		},
		ConnState: func(conn net.Conn, now http.ConnState) {
			if now == http.StateIdle || now == http.StateClosed { // net/http has sent the end of the answer, or never will
				counted(conn).answered()
			}
		},
		ErrorLog: slog.NewLogLogger(e.core.log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true,

		Protocols: new(http.Protocols),
		HTTP2:     s.HTTP2.ofNetHTTP(),
	}
	versions := p.versions()
	srv.Protocols.SetHTTP1(versions&HTTP1 != 0)
	if p.security == nil {
		srv.Protocols.SetUnencryptedHTTP2(versions&HTTP2 != 0)
		return srv
	}
	srv.Protocols.SetHTTP2(versions&HTTP2 != 0)
	srv.TLSConfig = p.security.config
	return srv
}

// ofNetHTTP are the limits as far as net/http knows them.
func (l HTTP2Limits) ofNetHTTP() *http.HTTP2Config {
	l = l.orDefault()
	return &http.HTTP2Config{
		MaxConcurrentStreams:          l.Streams,
		MaxReceiveBufferPerStream:     l.Window,
		MaxReceiveBufferPerConnection: l.ConnWindow,
		MaxDecoderHeaderTableSize:     max(l.Table, 1), // 0 would be the default
	}
}

// serve accepts until the listener is closed. A listener that fails ends the server: Run returns
// its error.
func (e *httpEngine) serve(srv *http.Server, ln net.Listener, failed chan<- error) {
	err := srv.Serve(ln)
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return
	}
	select {
	case failed <- fmt.Errorf("lwan: %s: %w", ln.Addr(), err):
	default: // the server ends already
	}
}

// connKey is the key of a request's connection.
type connKey struct{}

// handler is toHTTP for requests that can be told to stop.
func (e *httpEngine) handler(p opened) http.Handler {
	most := int64(e.core.srv.MaxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !e.calls.enter() {
			panic(http.ErrAbortHandler)
		}
		conn := r.Context().Value(connKey{}).(*countingConn)
		if n := conn.requests.Add(1); e.closing.Load() || most > 0 && n >= most {
			w.Header().Set("Connection", "close")
		}
		h := e.hold()
		c := newHTTPCall(w, r, h.core.tables[p.number], nil)
		c.via.trusted = p.TrustPeers
		c.via.misdirected = p.security != nil && p.security.misdirected(r.Host, r.TLS.ServerName)
		c.via.count = e.count
		if r.ProtoMajor == 1 { // of HTTP/2 nobody knows when the end of an answer has been sent
			c.OnSent(func(fn func()) { conn.behind = fn })
		}
		conn.began()
		c.OnLeave(func() {
			conn.ended()
			e.calls.remove(c.Call)
			e.release(h)
		})
		e.calls.add(c.Call)
		c.Serve()
	})
}

// hold makes the current configuration one that a request has, until release.
func (e *httpEngine) hold() *holding {
	e.current.Lock()
	defer e.current.Unlock()
	e.now.held++
	return e.now
}

func (e *httpEngine) release(h *holding) {
	e.current.Lock()
	defer e.current.Unlock()
	h.release()
}

// replace implements engine.
func (e *httpEngine) replace(next *core, _ <-chan struct{}) {
	e.current.Lock()
	defer e.current.Unlock()
	was := e.now
	e.now = next.hold(nil)
	was.release()
}

// expire implements engine: who waits has been told already, since there is no loop to tell it.
func (e *httpEngine) expire(*core) {}

// count counts an answer for Stats.
func (e *httpEngine) count(st Status) { e.requests[statusClass(st)].Add(1) }

// drain implements engine.
func (e *httpEngine) drain(grace time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	e.shut = cancel
	if grace > 0 {
		e.closing.Store(true)
		for _, l := range e.lanes {
			_ = l.Close() // whose error is found by closeListeners again
		}
	}
	go func() {
		e.idle(ctx, grace)
		var all sync.WaitGroup
		for _, srv := range e.servers {
			all.Go(func() {
				// An error of a listener's Close is found by closeListeners again, and that of ctx
				// is nobody's.
				_ = srv.Shutdown(ctx)
			})
		}
		for _, c := range e.bare {
			all.Go(func() { c.drain(ctx) })
		}
		for _, l := range e.shakers {
			all.Go(l.wait)
		}
		all.Wait()
		e.calls.wait()
		e.emptied(ctx)
		close(e.ended)
	}()
}

// idle waits until grace is over, or no connection is left.
func (e *httpEngine) idle(ctx context.Context, grace time.Duration) {
	over := time.NewTimer(grace)
	defer over.Stop()
	for grace > 0 && e.conns.Load() > 0 {
		select {
		case <-e.quiet:
		case <-over.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// emptied waits for the end of connections that were already being closed when net/http looked.
func (e *httpEngine) emptied(ctx context.Context) {
	for e.conns.Load() > 0 {
		select {
		case <-e.quiet:
		case <-ctx.Done():
			return
		}
	}
}

// wait implements engine.
func (e *httpEngine) wait(ctx context.Context) error {
	select {
	case <-e.ended:
		e.shut()
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close implements engine: handlers are told first, so that they learn of the stop and not of a
// client that left.
func (e *httpEngine) close(ctx context.Context) error {
	e.calls.each(func(c *nethttp.Call) { c.Kill(ErrStopping) })
	var errs []error
	for _, srv := range e.servers {
		errs = append(errs, srv.Close())
	}
	for _, c := range e.bare {
		c.hard.Store(true)
		_ = c.ln.Close() // whose error is found by closeListeners again
	}
	e.shut()
	return errors.Join(append(errs, e.wait(ctx))...)
}

// closeListeners implements engine. The servers have closed most of them.
func (e *httpEngine) closeListeners() error {
	var errs []error
	for _, l := range e.lanes {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// stats implements engine. There are no loops to count for.
func (e *httpEngine) stats(s *Stats) {
	s.Conns.Active = e.busy.Load()
	s.Conns.Idle = max(e.conns.Load()-s.Conns.Active, 0)
	s.Secure.Handshakes, s.Secure.Resumed = e.secure.done.Load(), e.secure.resumed.Load()
	s.Secure.Failed, s.Secure.Pending = e.secure.failed.Load(), e.secure.pending.Load()
	s.Accepted, s.Rejected = e.accepted.Load(), e.rejected.Load()
	s.BytesIn, s.BytesOut = e.in.Load(), e.out.Load()
	for class := range e.requests {
		s.Status[class] = e.requests[class].Load()
		s.Requests += s.Status[class]
	}
}

// callSet is the requests under way.
type callSet struct {
	mu   sync.Mutex
	set  map[*nethttp.Call]struct{}
	busy sync.WaitGroup
	over bool // no request begins any more
}

// enter begins a request, whose call is added and removed; false: the server has ended before.
// net/http may still call the handler of a connection that it has closed.
func (s *callSet) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.busy.Add(1)
	}
	return !s.over
}

func (s *callSet) add(c *nethttp.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = map[*nethttp.Call]struct{}{}
	}
	s.set[c] = struct{}{}
}

func (s *callSet) remove(c *nethttp.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, c)
	s.busy.Done()
}

func (s *callSet) each(f func(*nethttp.Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.set {
		f(c)
	}
}

// wait waits until nothing is under way. Nothing new begins.
func (s *callSet) wait() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.busy.Wait()
}
