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

// loopSeams are of loops, which are not there.
type loopSeams struct{}

// httpEngine serves through net/http, where there is no epoll: a goroutine a connection, and waiting blocks it. Handlers
// see no difference. Outside of them:
//
//   - Loops, Threads, MaxPipelined, StallAfter and what belongs to it, FastOpen and DeferAccept mean nothing.
//     Nor does Goroutines: what Await and Blocking run has the connection's own.
//   - An answer waits for what the handler has left of the body, for LingerTimeout, and ends the connection if it does not
//     come. A handler that has begun to answer may read on only if it has begun to read before.
//   - A handler that waits before it has read the body learns that the client has left when it reads or writes.
//   - A request that is unwound ends its connection.
//   - Fields come with the spelling of net/http, and in any order.
//   - Heads are limited as a whole, by MaxLineBytes + MaxHeaderBytes and the 4 KiB that net/http adds; MaxFields and
//     MaxChunkExtensions are not looked at. A head that is refused is answered by net/http, and no observer sees it; one that is late gets no answer.
//   - Who waits in the queue of a listener when draining begins is reset, unless another process has taken over.
//   - Stats knows nothing of parked and subscribed connections, workers and turns.
//
// The build tag golwan_nethttp chooses it on Linux too, for its tests.
type httpEngine struct {
	// constant after startEngine
	core    *core
	servers []*http.Server
	lanes   []*countingListener

	conns    atomic.Int64 // open
	accepted atomic.Int64
	rejected atomic.Int64
	refusing atomic.Int64 // connections over a limit that linger
	addrs    addrCounts
	in, out  atomic.Int64    // bytes
	requests [6]atomic.Int64 // by class of their status

	calls   callSet
	closing atomic.Bool   // the next answer of a connection is its last
	quiet   chan struct{} // has a value after the last connection was closed
	ended   chan struct{} // closed when nothing is left to wait for
	shut    context.CancelFunc
}

func startEngine(s *Server, ends []Endpoint, left *inheritance) (engine, []net.Addr, error) {
	e := &httpEngine{core: s.life.core, ended: make(chan struct{}), quiet: make(chan struct{}, 1), addrs: addrCounts{max: s.MaxConnsPerAddr}}
	e.core.observers = append([]Observer{(*requestCounter)(e)}, e.core.observers...) // first: the others may look at Stats
	var addrs []net.Addr
	for i, end := range ends {
		ln, err := listen(end, left.take(end.where()))
		if err != nil {
			err = fmt.Errorf("lwan: endpoint %d (%s): %w", i, end.where(), err)
			return nil, nil, errors.Join(err, e.closeListeners())
		}
		addrs = append(addrs, ln.Addr())
		e.lanes = append(e.lanes, &countingListener{Listener: ln, eng: e, max: int64(max(s.MaxConns, 0)), given: end.Listener != nil})
		e.servers = append(e.servers, e.server(s, s.life.tables[i], end.TrustPeers))
	}
	for i, srv := range e.servers {
		go e.serve(srv, e.lanes[i], s.life.failed)
	}
	return e, addrs, nil
}

// server sets a server of net/http as s is set, as far as it can be.
func (e *httpEngine) server(s *Server, t *table, trust bool) *http.Server {
	return &http.Server{
		Handler:           e.handler(t, trust),
		ReadHeaderTimeout: orPause(s.HeaderTimeout, defaultHead),
		IdleTimeout:       orPause(s.IdleTimeout, defaultIdle),
		MaxHeaderBytes:    e.core.head.Line + e.core.head.Fields,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
		ConnState: func(conn net.Conn, now http.ConnState) {
			if now == http.StateIdle || now == http.StateClosed { // net/http has sent the end of the answer, or never will
				conn.(*countingConn).answered()
			}
		},
		ErrorLog: slog.NewLogLogger(e.core.log.Handler(), slog.LevelWarn),

		DisableGeneralOptionsHandler: true,
	}
}

// serve accepts until the listener is closed. A listener that fails ends the server: Run returns its error.
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

// handler is toHTTP for requests that can be told to stop, of peers that are to be trusted or not.
func (e *httpEngine) handler(t *table, trust bool) http.Handler {
	most := e.core.srv.MaxRequests
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := r.Context().Value(connKey{}).(*countingConn)
		conn.requests++
		if e.closing.Load() || most > 0 && conn.requests >= most {
			w.Header().Set("Connection", "close")
		}
		c := newHTTPCall(w, r, t, nil)
		c.via.trusted = trust
		c.OnSent(func(fn func()) { conn.behind = fn })
		c.OnLeave(func() { e.calls.remove(c.Call) })
		e.calls.add(c.Call)
		c.Serve()
	})
}

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
				// An error of a listener's Close is found by closeListeners again, and that of ctx is nobody's.
				_ = srv.Shutdown(ctx)
			})
		}
		all.Wait()
		e.calls.wait()
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

// close implements engine: handlers are told first, so that they learn of the stop and not of a client that left.
func (e *httpEngine) close(ctx context.Context) error {
	e.calls.each(func(c *nethttp.Call) { c.End(ErrStopping) })
	var errs []error
	for _, srv := range e.servers {
		errs = append(errs, srv.Close())
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
	s.Conns.Active = e.calls.len()
	s.Conns.Idle = max(e.conns.Load()-s.Conns.Active, 0)
	s.Accepted, s.Rejected = e.accepted.Load(), e.rejected.Load()
	s.BytesIn, s.BytesOut = e.in.Load(), e.out.Load()
	for class := range e.requests {
		s.Status[class] = e.requests[class].Load()
		s.Requests += s.Status[class]
	}
}

// requestCounter is the observer that counts for Stats.
type requestCounter httpEngine

func (e *requestCounter) Done(_ *Request, resp *Response, _ time.Duration) {
	e.requests[statusClass(resp.Status())].Add(1)
}

func (e *requestCounter) Close() error { return nil }

// callSet is the requests under way.
type callSet struct {
	mu   sync.Mutex
	set  map[*nethttp.Call]struct{}
	busy sync.WaitGroup
}

func (s *callSet) add(c *nethttp.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = map[*nethttp.Call]struct{}{}
	}
	s.set[c] = struct{}{}
	s.busy.Add(1)
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

func (s *callSet) len() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.set))
}

// wait waits until nothing is under way; nothing new may begin.
func (s *callSet) wait() { s.busy.Wait() }
