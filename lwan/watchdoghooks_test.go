//go:build linux && !golwan_nethttp

package lwan

import (
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// snag is code of a program's that blocks when the test wants it to.
type snag struct {
	armed   atomic.Bool
	in      chan struct{}
	release chan struct{}
	onLoop  atomic.Int64 // how often it was called on the loop
}

func newHold() *snag { return &snag{in: make(chan struct{}, 1), release: make(chan struct{})} }

// here blocks once.
func (h *snag) here() {
	if h.armed.CompareAndSwap(true, false) {
		h.in <- struct{}{}
		<-h.release
	}
}

func (h *snag) Done(*Request, *Response, time.Duration) { h.here() }
func (h *snag) Close() error                            { return nil }

// holdFilter blocks when it is closed.
type holdFilter struct {
	io.Writer
	h *snag
}

func (f holdFilter) Close() error {
	f.h.here()
	return nil
}

// TestInvariant7AllCodeIsWatched: whatever blocks around a request is reported by its place, and
// costs the others of its loop no more than TakeOverAfter. (Only watched code gives up a loop.)
func TestInvariant7AllCodeIsWatched(t *testing.T) {
	middleware := func(s *Server, h *snag) {
		s.Use(func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				h.here()
				return next(req, resp)
			}
		})
	}
	page := func(s *Server, h *snag) {
		s.ErrorPage = func(req *Request, resp *Response, st Status) Status {
			h.here()
			return st
		}
	}
	type snagging func(h *snag, req *Request, resp *Response)
	route := func(handler snagging, mw ...Middleware) func(*Server, *snag) {
		return func(s *Server, h *snag) {
			s.Handle("GET /x", func(req *Request, resp *Response) Status {
				handler(h, req, resp)
				return resp.Text(200, "x")
			}, mw...)
		}
	}
	beforeHead := func(h *snag, req *Request, resp *Response) {
		resp.BeforeHead(func(Status) {
			h.here()
		})
	}
	filter := func(h *snag, req *Request, resp *Response) {
		resp.Filter(func(w io.Writer) io.WriteCloser { return holdFilter{w, h} })
	}
	deferred := func(h *snag, req *Request, resp *Response) { req.Defer(h.here) }
	for name, c := range map[string]struct {
		prepare  func(*Server, *snag)
		request  string
		status   int
		in, of   string
		observer bool
	}{
		"middleware of 404": {
			prepare: middleware, request: get1("/nowhere"), status: 404, in: "handler",
		},
		"middleware of 501": {
			prepare: middleware, request: "FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
			status: 501, in: "handler",
		},
		"middleware of 400": {
			prepare: middleware, request: get1("/%00"), status: 400, in: "handler",
		},
		"middleware of OPTIONS *": {
			prepare: middleware, request: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
			status: 204, in: "handler",
		},
		"middleware of a redirect": {
			prepare: middleware, request: get1("/a/../ok"), status: 307,
			in: "handler", of: "GET /ok",
		},
		"and one to nowhere": {
			prepare: middleware, request: get1("/a/../b"), status: 307, in: "handler",
		},
		"middleware of 405": {
			prepare: middleware,
			request: "POST /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", status: 405,
			in: "handler", of: "GET /ok",
		},
		"middleware of OPTIONS": {
			prepare: middleware, request: "OPTIONS /ok HTTP/1.1\r\nHost: x\r\n\r\n", status: 204,
			in: "handler", of: "GET /ok",
		},
		"page of 404": {
			prepare: page, request: get1("/nowhere"), status: 404, in: "ErrorPage",
		},
		"page of a bad request": {
			prepare: page, request: "GET / HTTP/1.1\r\nHo st: x\r\n\r\n",
			status: 400, in: "ErrorPage",
		},
		"page of a Goexit": {prepare: func(s *Server, h *snag) {
			page(s, h)
			route(func(*snag, *Request, *Response) { runtime.Goexit() })(s, h)
		}, request: get1("/x"), status: 500, in: "ErrorPage", of: "GET /x"},
		"before the head": {
			prepare: route(beforeHead), request: get1("/x"), status: 200,
			in: "BeforeHead", of: "GET /x",
		},
		"filter": {
			prepare: route(filter), request: get1("/x"), status: 200, in: "Filter", of: "GET /x",
		},
		"deferred": {
			prepare: route(deferred), request: get1("/x"), status: 200, in: "Defer", of: "GET /x",
		},
		"deferred by a Blocking route": {
			prepare: route(deferred, Blocking), request: get1("/x"), status: 200,
			in: "Defer", of: "GET /x",
		},
		"observer": {
			prepare: route(func(*snag, *Request, *Response) {}), request: get1("/x"), status: 200,
			in: "Observer", of: "GET /x", observer: true,
		},
		"observer of a bad request": {
			prepare: func(*Server, *snag) {}, request: "nonsense\r\n\r\n", status: 400,
			in: "Observer", observer: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHold()
			srv := &Server{
				Loops: 1, StallAfter: 10 * time.Millisecond, TakeOverAfter: 30 * time.Millisecond,
			}
			c.prepare(srv, h)
			if c.observer {
				srv.Observe(h)
			}
			srv.Handle("GET /ok", text("ok"))
			addr := serveTest(t, srv)
			o, w := dial(t, addr), dial(t, addr)
			o.open("/ok")
			release := sync.OnceFunc(func() { close(h.release) })
			t.Cleanup(release)
			h.armed.Store(true)
			w.send(c.request)
			received(t, h.in)
			o.open("/ok")
			release()
			method, _, _ := strings.Cut(c.request, " ")
			if a := w.answer(method); a.status != c.status {
				t.Errorf("%v, want %d", a, c.status)
			}
			for _, s := range srv.Stats().Stalls {
				if s.Pattern == c.of && s.In == c.in && s.Wait == "channel" && s.Count == 1 {
					return
				}
			}
			t.Errorf("%+v", srv.Stats().Stalls)
		})
	}
}

// TestMissesMove: the answers 404, 405 and OPTIONS are made on a goroutine once their middleware
// has held a loop.
func TestMissesMove(t *testing.T) {
	for name, request := range map[string]string{
		"404": get1("/nowhere"), "501": "FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
		"redirect": get1("/a/../ok"),
		"405":      "POST /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"OPTIONS":  "OPTIONS /ok HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHold()
			srv := &Server{
				Loops: 1, StallAfter: 10 * time.Millisecond, TakeOverAfter: 30 * time.Millisecond,
			}
			srv.Use(func(next Handler) Handler {
				return func(req *Request, resp *Response) Status {
					if req.on.Inline() {
						h.onLoop.Add(1)
					}
					h.here()
					return next(req, resp)
				}
			})
			srv.Handle("GET /ok", text("ok"))
			addr := serveTest(t, srv)
			o, w := dial(t, addr), dial(t, addr)
			o.open("/ok")
			release := sync.OnceFunc(func() { close(h.release) })
			t.Cleanup(release)
			h.armed.Store(true)
			w.send(request)
			received(t, h.in)
			o.open("/ok")
			release()
			method, _, _ := strings.Cut(request, " ")
			first := w.answer(method)
			before := h.onLoop.Load()
			w.send(request)
			if again := w.answer(method); again.status != first.status || again.body != first.body {
				t.Errorf("%v, then %v", first, again)
			}
			if h.onLoop.Load() != before {
				t.Error("it still runs on the loop")
			}
		})
	}
}

// TestHookThatBlocksAgain: a hook cannot be moved; the second time it loses the loop at once.
func TestHookThatBlocksAgain(t *testing.T) {
	h := newHold()
	h.in, h.release = make(chan struct{}), make(chan struct{}, 2)
	srv := &Server{
		Loops: 1, StallAfter: 10 * time.Millisecond, TakeOverAfter: 150 * time.Millisecond,
	}
	srv.Observe(h)
	srv.Handle("GET /x", text("x"))
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	o, w := dial(t, addr), dial(t, addr)
	o.open("/ok")
	l := srv.life.engine.(*loopEngine).eng.Loops()[0]
	for i := range 3 {
		h.armed.Store(true)
		w.send(get1("/x"))
		received(t, h.in)
		begin := time.Now()
		o.open("/ok") // has the loop been taken over by now
		if _, _, _, ok := l.Beat(); ok {
			t.Error("the hook has the loop still")
		}
		t.Logf("%d: %v", i, time.Since(begin))
		h.release <- struct{}{}
		w.want("GET", 200, "x")
	}
	if s := srv.Stats().Stalls; len(s) != 1 || s[0].Count != 3 || s[0].Moved {
		t.Errorf("%+v", s)
	}
}

// TestMutexHeldAcrossAPark: the log says that a handler waits for a mutex, and names the handlers
// that are parked meanwhile, one of which must hold it.
func TestMutexHeldAcrossAPark(t *testing.T) {
	for name, lock := range map[string]func(*sync.RWMutex){
		"sync.Mutex": nil, "sync.RWMutex": (*sync.RWMutex).RLock,
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			var mu sync.Mutex
			var rw sync.RWMutex
			var goOn Queue[string]
			srv := &Server{Loops: 1, StallAfter: 10 * time.Millisecond,
				TakeOverAfter: 30 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))}
			srv.Handle("GET /holder", func(req *Request, resp *Response) Status {
				mu.Lock()
				rw.Lock()
				if _, err := goOn.Pop(req); err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, "held")
			})
			srv.Handle("GET /bystander", func(req *Request, resp *Response) Status {
				return resp.Fail(req.Sleep(time.Hour))
			})
			srv.Handle("GET /wanter", func(req *Request, resp *Response) Status {
				if lock != nil {
					lock(&rw)
				} else {
					mu.Lock()
				}
				return resp.Text(200, "got it")
			})
			srv.Handle("GET /ok", text("ok"))
			addr := serveTest(t, srv)
			holder, by, wanter, o := dial(t, addr), dial(t, addr), dial(t, addr), dial(t, addr)
			holder.send(get1("/holder"))
			by.send(get1("/bystander"))
			settled(t, "parked", 2, func() int64 { return srv.Stats().Conns.Parked })
			wanter.send(get1("/wanter"))
			o.open("/ok")
			settled(t, "told", 1, func() int64 {
				if strings.Contains(log.String(), `route="GET /wanter" in=handler`) &&
					strings.Contains(log.String(), "parked=\"[GET /bystander GET /holder]\"") {
					return 1
				}
				return 0
			})
			if s := srv.Stats().Stalls; len(s) != 1 || s[0].Wait != name {
				t.Errorf("%+v", s)
			}
			mu.Unlock() // in the holder's place, which is behind the one that waits for it
			rw.Unlock()
			wanter.want("GET", 200, "got it")
			goOn.Push("go on")
			holder.want("GET", 200, "held")
			if err := by.c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
