//go:build linux

package lwan

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAccessors: what a request is made of.
func TestAccessors(t *testing.T) {
	inTheClear(t, "the scheme is another one")
	srv := &Server{}
	srv.Handle("POST /a/{b}/", func(req *Request, resp *Response) Status {
		var names []string
		for name, value := range req.Headers() {
			names = append(names, name+"="+value)
		}
		return resp.Text(200,
			fmt.Sprint(req.Method(), " ", req.Proto(), " ", req.Scheme(), " ", req.TLS() == nil,
				" ", req.Param("b"), " ", req.Rest(), " ", req.Header("x-A"), " ",
				req.HeaderAll("X-a"), " ", string(req.HeaderBytes("X-A")), " ",
				req.HeaderBytes("none") == nil, " ", req.Cookie("c"), " ", req.QueryAll("q"), " ",
				req.QueryAll("none") == nil, " ", req.Server() == srv, " ", names))
	})
	addr := serveTest(t, srv)
	a := once(t, addr, "POST", "POST /a/p/r/s?q=1&q=2 HTTP/1.1\r\nhOST: x\r\nX-A: one\r\n"+
		"x-a:  two \t\r\nCookie: c=d; e=f\r\n\r\n")
	want := "POST HTTP/1.1 http true p r/s one [one two] one true d [1 2] true true [hOST=x " +
		"X-A=one x-a=two Cookie=c=d; e=f]"
	if !onLoops { // net/http has spelled and sorted the fields
		want, _, _ = strings.Cut(want, "[hOST")
		a.body, _, _ = strings.Cut(a.body, "[Host")
	}
	if a.body != want {
		t.Errorf("%s\nwant %s", a.body, want)
	}
}

// TestStringsAreCopies: what a handler keeps is not overwritten by the next request on the same
// worker.
func TestStringsAreCopies(t *testing.T) {
	kept := make(chan []string, 2)
	srv := &Server{Loops: 1}
	srv.Handle("GET /{a}/{b...}", func(req *Request, resp *Response) Status {
		kept <- []string{req.Path(), req.Param("a"), req.Rest(), req.Query("q"), req.Header("X"),
			req.Host(), req.Target(), req.Cookie("c")}
		return 204
	})
	addr := serveTest(t, srv)
	w := dial(t, addr)
	for _, s := range []string{"1", "2"} {
		w.send("GET /a" + s + "/b" + s + "?q=q" + s + " HTTP/1.1\r\nHost: h" + s + "\r\nX: x" + s +
			"\r\nCookie: c=c" + s + "\r\n\r\n")
		w.want("GET", 204, "")
	}
	if got := fmt.Sprint(received(t, kept)); got != "[/a1/b1 a1 b1 q1 x1 h1 /a1/b1?q=q1 c1]" {
		t.Error(got)
	}
}

// TestKeys: values go from middleware to handlers and into the context, before and after it was
// made, and not into the next request.
func TestKeys(t *testing.T) {
	user, other := NewKey[string]("user"), NewKey[string]("user")
	srv := &Server{Loops: 1}
	srv.Handle("GET /set", func(req *Request, resp *Response) Status {
		user.Set(req, "ann")
		ctx := req.Context()
		other.Set(req, "bob")
		user.Set(req, "ann2")
		a, ok := user.Get(req)
		b, okCtx := user.From(ctx)
		c, okOther := other.From(req.Context())
		return resp.Text(200, fmt.Sprintln(a, ok, b, okCtx, c, okOther, user.Must(req)))
	})
	srv.Handle("GET /get", func(req *Request, resp *Response) Status {
		_, ok := user.Get(req)
		_, okCtx := user.From(req.Context())
		return resp.Text(200, fmt.Sprint(ok, okCtx))
	})
	srv.Handle("GET /must", func(req *Request, resp *Response) Status {
		return resp.Text(200, user.Must(req))
	})
	book := logged(srv)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /set HTTP/1.1\r\nHost: x\r\n\r\nGET /get HTTP/1.1\r\nHost: x\r\n\r\n" +
		"GET /must HTTP/1.1\r\nHost: x\r\n\r\n")
	if a := w.answer("GET"); a.body != "ann2 true ann2 true bob true ann2\n" {
		t.Errorf("%v", a)
	}
	w.want("GET", 200, "false false")
	if a := w.answer("GET"); a.status != 500 ||
		book.lines("user is not set", "middleware is missing") == 0 {
		t.Errorf("%v", a)
	}
}

// TestDefer: in reverse order, after the last byte of the answer, once, also when the handler dies;
// one that panics does not keep the others.
func TestDefer(t *testing.T) {
	for _, end := range []string{"ok", "panic", "goexit", "stream", "blocking"} {
		t.Run(end, func(t *testing.T) {
			read, order := make(chan struct{}), make(chan string, 8)
			srv := &Server{}
			misbehaving(srv)
			h := func(req *Request, resp *Response) Status {
				req.Defer(func() { order <- "first" })
				req.Defer(func() { panic("in Defer") })
				req.Defer(func() {
					<-read // the client has its answer
					order <- "second"
				})
				switch end {
				case "panic":
					panic("on purpose")
				case "goexit":
					runtime.Goexit()
				case "stream":
					if err := resp.Flush(); err != nil {
						return resp.Fail(err)
					}
				}
				return 200
			}
			mw := []Middleware{}
			if end == "blocking" {
				mw = append(mw, Blocking)
			}
			srv.StallAfter = -1 // the client is waited for on the loop: that is the point
			srv.Handle("GET /", h, mw...)
			book := logged(srv)
			addr := serveTest(t, srv)
			w := dial(t, addr)
			w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if a := w.answer("GET"); a.err != nil {
				t.Errorf("%v", a)
			}
			close(read)
			if a, b := received(t, order), received(t, order); a != "second" || b != "first" {
				t.Errorf("%s, %s", a, b)
			}
			dial(t, addr).open("/ok")
			if len(order) != 0 || book.lines("panic in Defer") != 1 {
				t.Errorf("%d more\n%s", len(order), book)
			}
		})
	}
}

// TestLogOfARequest: what SetLog adds is in the server's own line as well, and not in the next
// request's.
func TestLogOfARequest(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.Handle("GET /set", func(req *Request, resp *Response) Status {
		req.SetLog(req.Log().With("trace", "t1"))
		req.Log().Info("from the handler")
		return resp.Fail(errSecret)
	})
	srv.Handle("GET /next", func(req *Request, resp *Response) Status {
		return resp.Fail(errSecret)
	})
	book := logged(srv)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /set HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
	w.answer("GET")
	w.answer("GET")
	if book.lines("from the handler", "trace=t1") != 1 ||
		book.lines("request failed", "/set", "trace=t1", "secret") != 1 ||
		book.lines("/next", "trace=t1") != 0 {
		t.Error(book)
	}
}

// TestLevels: 5xx is an error of the server, 4xx is not, and a client that left is nothing.
func TestLevels(t *testing.T) {
	srv := &Server{}
	for status, level := range map[int]slog.Level{
		500: slog.LevelError, 503: slog.LevelError, 404: slog.LevelDebug,
	} {
		srv.Handle(fmt.Sprintf("GET /%d", status), func(req *Request, resp *Response) Status {
			return resp.Fail(&Error{Status: Status(status), Message: level.String()})
		})
	}
	srv.Handle("GET /gone", func(req *Request, resp *Response) Status { return resp.Fail(ErrGone) })
	book := logged(srv)
	addr := serveTest(t, srv)
	for _, status := range []string{"500", "503", "404"} {
		get(t, addr, "/"+status)
	}
	w := dial(t, addr)
	w.send("GET /gone HTTP/1.1\r\nHost: x\r\n\r\n")
	w.ended()
	if book.lines("level=ERROR", "/500") != 1 || book.lines("level=ERROR", "/503") != 1 ||
		book.lines("level=DEBUG", "/404") != 1 || book.lines("/gone") != 0 {
		t.Error(book)
	}
}

// TestWithLimits: the innermost that sets a limit wins, and what it does not set stays.
func TestWithLimits(t *testing.T) {
	srv := &Server{Limits: Limits{Body: 10}}
	g := srv.Group("/g", WithLimits(Limits{Body: 20, Buffer: 5}))
	srv.Handle("POST /root", echo)
	g.Handle("POST /group", echo)
	g.Handle("POST /route", echo, WithLimits(Limits{Body: 30}))
	g.Handle("POST /nested", echo, WithLimits(Limits{Body: 1}), WithLimits(Limits{Body: -1}))
	g.Handle("POST /buffer", func(req *Request, resp *Response) Status {
		resp.WriteString("123456")
		return resp.Text(200, fmt.Sprint(resp.HeadSent()))
	}, WithLimits(Limits{Body: 30}))
	addr := serveTest(t, srv)
	for path, limit := range map[string]int{
		"/root": 10, "/g/group": 20, "/g/route": 30, "/g/nested": 1 << 20,
	} {
		w := dial(t, addr)
		w.send(post(path, strings.Repeat("x", limit)))
		w.want("POST", 200, strings.Repeat("x", limit))
		w.send(post(path, strings.Repeat("x", limit+1)))
		if a := w.answer("POST"); (a.status == 413) != (path != "/g/nested") {
			t.Errorf("%s: %v", path, a)
		}
	}
	if a := once(t, addr, "POST", post("/g/buffer", "")); a.body != "123456true" {
		t.Errorf("%v", a)
	}
	// the limits of a route are not those of the next request
	if a := once(t, addr, "POST", post("/root", "")); a.status != 200 {
		t.Errorf("%v", a)
	}
}

// TestObservers see everything that was answered, once, with its outcome.
func TestObservers(t *testing.T) {
	srv := &Server{Loops: 1}
	misbehaving(srv)
	o := make(observed, 16)
	srv.Observe(o)
	srv.Observe(observerFunc(func() { panic("an observer of no use") }))
	addr := serveTest(t, srv)
	for _, path := range []string{"/ok", "/panic", "/goexit", "/stream", "/none"} {
		get(t, addr, path)
	}
	want := []string{"GET GET /ok 200 <nil>", "GET GET /panic 500 panic: on purpose",
		"GET GET /goexit 500 " + errGoexit.Error(), "GET GET /stream 200 <nil>", "GET  404 <nil>"}
	if onLoops { // net/http refuses it by itself
		once(t, addr, "GET", "GET /ok HTTP/1.1\r\n\r\n")
		want = append(want, "  400 <nil>")
	}
	var got []string
	for range want {
		got = append(got, o.next(t))
	}
	if !slices.Equal(got, want) || len(o) != 0 {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// observerFunc is an observer that does that.
type observerFunc func()

func (f observerFunc) Done(*Request, *Response, time.Duration) { f() }
func (f observerFunc) Close() error                            { return nil }
