//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// places notes which code has run, and whether on the loop. Its lock tells the race detector about
// an order that the sockets impose unseen.
type places struct {
	mu     sync.Mutex
	onLoop map[string]bool
}

func (p *places) note(name string, req *Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.onLoop == nil {
		p.onLoop = map[string]bool{}
	}
	p.onLoop[name] = req.on.Inline()
}

// seen returns what was noted since the last call.
func (p *places) seen() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.onLoop
	p.onLoop = nil
	return seen
}

// whereabouts is middleware that notes where it runs.
func whereabouts(name string, at *places) Middleware {
	return func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			at.note(name, req)
			return next(req, resp)
		}
	}
}

// Wherever Blocking stands in the chain of a route, all of it runs on the goroutine, from the
// outermost middleware on: a session store that is asked before it must not hold the loop.
func TestBlockingRunsTheWholeChain(t *testing.T) {
	inner := func(at *places) Handler {
		return func(req *Request, resp *Response) Status {
			at.note("handler", req)
			resp.BeforeHead(func(Status) { at.note("hook", req) })
			return resp.Text(200, "ok")
		}
	}
	pass := func(h http.Handler) http.Handler { return h }
	for name, register := range map[string]func(srv *Server, session Middleware, h Handler){
		"group": func(srv *Server, session Middleware, h Handler) {
			srv.Group("", session, Blocking).Handle("GET /", h)
		},
		"outer": func(srv *Server, session Middleware, h Handler) {
			srv.Group("", Blocking, session).Handle("GET /", h)
		},
		"route": func(srv *Server, session Middleware, h Handler) {
			srv.Handle("GET /", h, session, Blocking)
		},
		"handler": func(srv *Server, session Middleware, h Handler) {
			srv.Handle("GET /", Blocking(h), session)
		},
		"nested": func(srv *Server, session Middleware, h Handler) {
			srv.Handle("GET /", Blocking(Blocking(h)), session, Blocking)
		},
		"middleware": func(srv *Server, session Middleware, h Handler) {
			srv.Handle("GET /", h, session, FromHTTPMiddleware(pass))
		},
		"use": func(srv *Server, session Middleware, h Handler) {
			srv.Use(session, Blocking)
			srv.Handle("GET /", h)
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &Server{Loops: 1}
			var at places
			register(srv, whereabouts("session", &at), inner(&at))
			dial(t, serveTest(t, srv)).open("/")
			seen := at.seen()
			if len(seen) != 3 {
				t.Fatalf("only %v have run", seen)
			}
			for who, on := range seen {
				if on {
					t.Errorf("%s ran on the loop", who)
				}
			}
		})
	}
}

// The answers 404, 405 and OPTIONS of a Blocking group come from inside its middleware, and so run
// on the goroutine too.
func TestBlockingMisses(t *testing.T) {
	srv := &Server{Loops: 1}
	var at places
	srv.Use(whereabouts("session", &at), Blocking)
	srv.Handle("GET /x", text("ok"))
	addr := serveTest(t, srv)
	for raw, want := range map[string]int{
		get1("/nowhere"): 404, "OPTIONS /x HTTP/1.1\r\nHost: x\r\n\r\n": 204,
		"DELETE /x HTTP/1.1\r\nHost: x\r\n\r\n": 405, get1("/a/../x"): 307,
	} {
		method, _, _ := strings.Cut(raw, " ")
		a := once(t, addr, method, raw)
		if on, run := at.seen()["session"]; a.status != want || on || !run {
			t.Errorf("%q: %v, want %d; middleware has run: %v, on the loop: %v",
				raw, a, want, run, on)
		}
	}
}

// sometimes is middleware that is Blocking for some requests only, which does not show when it is
// registered.
func sometimes(next Handler) Handler {
	aside := Blocking(next)
	return func(req *Request, resp *Response) Status {
		if req.Query("aside") != "" {
			return aside(req, resp)
		}
		return next(req, resp)
	}
}

var visitor = NewKey[string]("visitor")

// A handler that is Blocking inside of others, which run on the loop, is as good as one that is
// not: what it does to request and answer is seen outside, and the other way round.
func TestBlockingInTheMiddle(t *testing.T) {
	srv := &Server{Loops: 1}
	var mu sync.Mutex
	deferred := map[string]int{}
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		deferred[what]++
	}
	srv.Use(func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			visitor.Set(req, "outer")
			resp.SetHeader("X-Outer", "1")
			resp.BeforeHead(func(st Status) {
				resp.AddHeader("X-Hooks",
					fmt.Sprint("outer ", int(st), " ", resp.Header("X-Inner")))
			})
			req.Defer(func() { note("outer") })
			st := next(req, resp)
			v, _ := visitor.Get(req)
			resp.AddHeader("X-Seen", v)
			if err := req.Sleep(time.Millisecond); err != nil {
				return resp.Fail(err)
			}
			return st
		}
	}, sometimes)
	srv.Handle("POST /{what}", func(req *Request, resp *Response) Status {
		v, _ := visitor.Get(req)
		visitor.Set(req, v+" and inner")
		resp.SetHeader("X-Inner", "2")
		resp.BeforeHead(func(st Status) {
			resp.AddHeader("X-Hooks", fmt.Sprint("inner ", int(st), " ", resp.Header("X-Outer")))
		})
		req.Defer(func() { note("inner " + req.Param("what")) })
		body, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		switch req.Param("what") {
		case "whole":
			return resp.Text(201, string(body))
		case "panic":
			panic("as asked")
		case "filter":
			resp.Filter(func(w io.Writer) io.WriteCloser { return &upper{w: w} })
			return resp.Text(200, string(body))
		case "stream":
			resp.Filter(func(w io.Writer) io.WriteCloser { return &upper{w: w} })
			for range 3 {
				if _, err := resp.Write(body); err != nil {
					return resp.Fail(err)
				}
				if err := resp.Flush(); err != nil {
					return resp.Fail(err)
				}
			}
			resp.SetTrailer("X-End", "yes")
		case "events":
			ev := resp.Events()
			if err := ev.Send(Event{Data: string(body)}); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	})
	addr := serveTest(t, srv)
	for _, what := range []string{"whole", "panic", "filter", "stream", "events"} {
		var answers [2]string
		for i, query := range []string{"", "?aside=1"} {
			w := dial(t, addr)
			w.post("/"+what+query, "body")
			a := w.answer("POST")
			w.post("/whole", "next") // the connection is in step
			w.want("POST", 201, "next")
			a.header.Del("Date")
			answers[i] = fmt.Sprint(a, a.trailer, a.chunked, a.length)
			settled(t, "deferred", int64(i+1), func() int64 {
				mu.Lock()
				defer mu.Unlock()
				return int64(min(deferred["inner "+what], i+1))
			})
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: inline\n%s\naside\n%s", what, answers[0], answers[1])
		}
	}
}

// A client that sends its body slowly holds no goroutine where the loop waits for the body first.
func TestBodyFirst(t *testing.T) {
	srv := &Server{Loops: 1, Goroutines: 1}
	echo := func(req *Request, resp *Response) Status {
		b, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, string(b))
	}
	srv.Handle("POST /first", echo, WithLimits(Limits{BodyFirst: 1 << 20}), Blocking)
	srv.Group("/limited", WithLimits(Limits{BodyFirst: 4})).Handle("POST /", echo, Blocking)
	addr := serveTest(t, srv)
	var slow []*client
	for range 5 {
		w := dial(t, addr)
		w.send("POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nslow")
		slow = append(slow, w)
	}
	chunked := dial(t, addr)
	chunked.send("POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n" +
		"slow\r\n")
	settled(t, "parked", 6, func() int64 { return srv.Stats().Conns.Parked })
	if n := srv.Stats().Awaiting; n != 0 {
		t.Errorf("%d goroutines wait for slow clients", n)
	}
	dial(t, addr).post("/first", "quick").want("POST", 200, "quick")
	for _, w := range slow {
		w.send("body")
		w.want("POST", 200, "slowbody")
	}
	chunked.send("4\r\nbody\r\n0\r\n\r\n")
	chunked.want("POST", 200, "slowbody")
	part := dial(t, addr)
	part.send("POST /limited/ HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n" +
		"Expect: 100-continue\r\n\r\n")
	if a, _ := part.head("POST"); a.status != 100 {
		t.Errorf("%v, want 100 Continue", a)
	}
	part.send("slow")
	// it has what it was to have first
	settled(t, "handlers", 1, func() int64 { return srv.Stats().Awaiting })
	part.send("body")
	part.want("POST", 200, "slowbody")
}

// Clients that send their bodies slowly cannot take all goroutines, whatever BodyFirst is, and also
// where they come at once: before the first handler is seen to wait for a body.
func TestSlowBodiesLeaveGoroutines(t *testing.T) {
	srv := &Server{Loops: 1, Goroutines: 4}
	begin := make(chan struct{})
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		<-begin
		b, err := io.ReadAll(req.Body())
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, string(b))
	}, Blocking)
	addr := serveTest(t, srv)
	var slow []*client
	for range 20 {
		w := dial(t, addr)
		w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nslow")
		slow = append(slow, w)
	}
	settled(t, "requests under way", 20, func() int64 { return srv.Stats().Conns.Parked })
	if n := srv.Stats().Awaiting; n > 2 {
		t.Errorf("%d of 4 goroutines run for clients that send slowly", n)
	}
	close(begin)
	dial(t, addr).post("/", "quick").want("POST", 200, "quick")
	for _, w := range slow {
		w.send("body")
		w.want("POST", 200, "slowbody")
	}
	settled(t, "handlers that wait for bodies", 0, func() int64 {
		return srv.life.core.goroutine.early.Load()
	})
}

// The deadline of a context that SetContext has put in place of the request's own ends its waits.
func TestDeadlineOfSetContext(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1}
		var queue Queue[int]
		srv.Handle("GET /{wait}", func(req *Request, resp *Response) Status {
			ctx, cancel := context.WithTimeoutCause(req.Context(), time.Millisecond, nil)
			defer cancel()
			req.SetContext(ctx)
			var err error
			switch req.Param("wait") {
			case "sleep":
				err = req.Sleep(time.Hour)
			case "queue":
				_, err = queue.Pop(req)
			case "every":
				for range req.Every(time.Hour) {
				}
			case "await":
				err = req.Await(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			}
			if req.Param("wait") != "every" && err == nil {
				return resp.Text(200, "nothing has ended it")
			}
			return resp.Text(200, "ended")
		}, mw...)
		addr := serveTest(t, srv)
		for _, wait := range []string{"sleep", "queue", "every", "await"} {
			w := dial(t, addr)
			w.send(get1("/" + wait))
			w.want("GET", 200, "ended")
		}
	})
}

// A goroutine that sleeps on the request of a Blocking handler gets an error when the handler has
// ended, and so does one that begins to sleep later.
func TestStraySleeps(t *testing.T) {
	srv := &Server{Loops: 1}
	stray := make(chan error, 2)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		begun := make(chan struct{})
		go func() {
			close(begun)
			stray <- req.Sleep(time.Hour)
			stray <- req.Sleep(time.Millisecond)
		}()
		<-begun
		return resp.Text(200, "ok")
	}, Blocking)
	dial(t, serveTest(t, srv)).open("/")
	for range 2 {
		if err := received(t, stray); err != ErrOver {
			t.Errorf("the stray got %v, want %v", err, ErrOver)
		}
	}
}
