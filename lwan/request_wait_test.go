//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// both runs a test with handlers on the loop and on goroutines.
func both(t *testing.T, test func(t *testing.T, mw ...Middleware)) {
	t.Run("inline", func(t *testing.T) { test(t) })
	t.Run("blocking", func(t *testing.T) { test(t, Blocking) })
}

// TestContextEndsWithTheClient: the context ends when the client leaves, and its cause says why.
func TestContextEndsWithTheClient(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		begun, ends := make(chan struct{}), make(chan string, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ctx := req.Context()
			close(begun)
			err := req.Await(func(inner context.Context) error {
				<-ctx.Done()
				return inner.Err()
			})
			ends <- fmt.Sprint(ctx.Err(), "; ", context.Cause(ctx) == ErrGone, "; ", err == ErrGone)
			return resp.Fail(err)
		}, mw...)
		addr := serveTest(t, srv)
		w := dial(t, addr)
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		received(t, begun)
		w.reset()
		if got := received(t, ends); got != "context canceled; true; true" {
			t.Error(got)
		}
	})
}

// TestTimeout: from the head of the request to that of the answer; then the context and all waits
// end with ErrTimeout, and 503 is sent. A stream that has begun is not bound by it.
func TestTimeout(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Limits: Limits{Timeout: 30 * time.Millisecond}}
		report := make(chan string, 4)
		srv.Handle("GET /sleep", func(req *Request, resp *Response) Status {
			err := req.Sleep(time.Hour)
			report <- fmt.Sprint(err == ErrTimeout)
			return resp.Fail(err)
		}, mw...)
		srv.Handle("GET /await", func(req *Request, resp *Response) Status {
			err := req.Await(func(ctx context.Context) error {
				<-ctx.Done()
				_, has := ctx.Deadline()
				report <- fmt.Sprint(has, ctx.Err() == context.DeadlineExceeded,
					context.Cause(ctx) == ErrTimeout)
				return ctx.Err()
			})
			return resp.Fail(err)
		}, mw...)
		srv.Handle("POST /body", echo, mw...)
		srv.Handle("GET /stream", func(req *Request, resp *Response) Status {
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			if err := req.Sleep(60 * time.Millisecond); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("late but good")
			return 200
		}, mw...)
		srv.Handle("GET /longer", func(req *Request, resp *Response) Status {
			if err := req.Sleep(60 * time.Millisecond); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "in time")
		}, append(mw, WithLimits(Limits{Timeout: -1}))...)
		addr := serveTest(t, srv)
		for path, want := range map[string]string{"/sleep": "true", "/await": "true true true"} {
			if a := get(t, addr, path); a.status != 503 || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %v", path, a)
			}
			if got := received(t, report); got != want {
				t.Errorf("%s: %s", path, got)
			}
		}
		const cut = "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
		if a := once(t, addr, "POST", cut); a.status != 503 {
			t.Errorf("%v", a)
		}
		if a := get(t, addr, "/stream"); a.body != "late but good" || a.err != nil {
			t.Errorf("%v", a)
		}
		if a := get(t, addr, "/longer"); a.body != "in time" {
			t.Errorf("%v", a)
		}
	})
}

// TestContextOutlivesTheRequest: a goroutine may keep it; it ends with the request, and the next
// one has its own.
func TestContextOutlivesTheRequest(t *testing.T) {
	type mark struct{}
	srv := &Server{Loops: 1}
	kept := make(chan context.Context, 2)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if req.Context().Value(mark{}) != nil {
			return 500
		}
		req.SetContext(context.WithValue(req.Context(), mark{}, "yes"))
		kept <- req.Context()
		return resp.Text(200, fmt.Sprint(req.Context().Value(mark{})))
	})
	addr := serveTest(t, srv)
	w := dial(t, addr)
	for range 2 {
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("GET", 200, "yes")
		ctx := received(t, kept)
		received(t, ctx.Done())
		if ctx.Err() != context.Canceled || ctx.Value(mark{}) != "yes" {
			t.Errorf("%v %v", ctx.Err(), ctx.Value(mark{}))
		}
	}
}

// TestAwait: results, errors, panics and Goexits are those of the handler.
func TestAwait(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		await := func(fn func(ctx context.Context) (string, error)) Handler {
			return func(req *Request, resp *Response) Status {
				s, err := Await(req, fn)
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, s)
			}
		}
		srv.Handle("GET /result",
			await(func(context.Context) (string, error) { return "result", nil }), mw...)
		srv.Handle("GET /error",
			await(func(context.Context) (string, error) { return "", &Error{Status: 418} }), mw...)
		panics := func(context.Context) (string, error) { panic("in Await") }
		srv.Handle("GET /panic", await(panics), mw...)
		srv.Handle("GET /goexit",
			await(func(context.Context) (string, error) { runtime.Goexit(); return "", nil }),
			mw...)
		srv.Handle("GET /nested", func(req *Request, resp *Response) Status {
			s := ""
			for i := range 3 {
				v, err := Await(req, func(context.Context) (int, error) { return i, nil })
				if err != nil {
					return resp.Fail(err)
				}
				s += fmt.Sprint(v)
				if err := req.Sleep(time.Microsecond); err != nil {
					return resp.Fail(err)
				}
			}
			return resp.Text(200, s)
		}, mw...)
		book := logged(srv)
		addr := serveTest(t, srv)
		for path, want := range map[string]string{
			"/result": "200 result",
			"/error":  "418 418 I'm a teapot\n", "/nested": "200 012",
			"/panic":  "500 500 Internal Server Error\n",
			"/goexit": "500 500 Internal Server Error\n",
		} {
			if a := get(t, addr, path); fmt.Sprint(a.status, " ", a.body) != want {
				t.Errorf("%s: %v", path, a)
			}
		}
		if book.lines("level=ERROR", "in Await", "request_wait_test.go") != 1 {
			t.Errorf("the stack of the panic is not that of the function:\n%s", book)
		}
	})
}

// TestBusy: beyond Server.Goroutines and a queue as long, Await and Blocking fail at once.
func TestBusy(t *testing.T) {
	if !onLoops {
		t.Skip("Server.Goroutines means nothing on net/http")
	}
	srv := &Server{Goroutines: 2}
	release := make(chan struct{})
	running := make(chan struct{}, 16)
	srv.Handle("GET /await", func(req *Request, resp *Response) Status {
		err := req.Await(func(context.Context) error {
			running <- struct{}{}
			<-release
			return nil
		})
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "waited")
	})
	srv.Handle("GET /blocking", text("ran"), Blocking)
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	var waiting []*client
	for range 4 {
		w := dial(t, addr)
		w.send("GET /await HTTP/1.1\r\nHost: x\r\n\r\n")
		waiting = append(waiting, w)
	}
	received(t, running)
	received(t, running)
	settled(t, "queued", 2, func() int64 { return srv.Stats().Queued })
	if n := srv.Stats().Awaiting; n != 2 {
		t.Errorf("%d run", n)
	}
	for _, path := range []string{"/await", "/blocking"} {
		if a := get(t, addr, path); a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %v", path, a)
		}
	}
	dial(t, addr).open("/ok")
	close(release)
	for _, w := range waiting {
		w.want("GET", 200, "waited")
	}
	if a := get(t, addr, "/blocking"); a.body != "ran" {
		t.Errorf("%v", a)
	}
	settled(t, "running", 0, func() int64 { return srv.Stats().Awaiting })
}

// TestUnwinding: a handler that ignores that its client has left is ended where it waits again. Its
// deferred functions run, once; Await works in them, other waits fail; a broad recover does not
// keep it alive.
func TestUnwinding(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		begun, trace := make(chan struct{}), make(chan string, 8)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			defer func() { trace <- "last" }()
			defer func() {
				n, err := Await(req, func(context.Context) (int, error) { return 7, nil })
				trace <- fmt.Sprint(n, " ", err, " ", req.Sleep(time.Hour) == ErrGone)
			}()
			defer func() { trace <- fmt.Sprint("recover ", recover()) }()
			close(begun)
			for {
				if err := req.Sleep(time.Hour); err != ErrGone {
					return 500
				}
			}
		}, mw...)
		srv.Handle("GET /ok", text("ok"))
		o := make(observed, 4)
		srv.Observe(o)
		addr := serveTest(t, srv)
		w := dial(t, addr)
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		received(t, begun)
		w.reset()
		for _, want := range []string{"recover <nil>", "7 <nil> true", "last"} {
			if got := received(t, trace); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if got := o.next(t); got != "GET GET / 499 "+ErrGone.Error() {
			t.Errorf("observed %q", got)
		}
		dial(t, addr).open("/ok")
		settled(t, "active", 0, func() int64 { return srv.Stats().Conns.Active })
	})
}

// TestEvery: a tick at once, then more; the sequence ends when the client leaves.
func TestEvery(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ended := make(chan error, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ticks := 0
			for range req.Every(time.Millisecond) {
				if ticks++; ticks <= 3 {
					resp.Printf("%d ", ticks)
					if err := resp.Flush(); err != nil {
						return resp.Fail(err)
					}
				}
			}
			ended <- context.Cause(req.Context())
			return 200
		}, mw...)
		addr := serveTest(t, srv)
		w := dial(t, addr)
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, resp := w.head("GET")
		var b [6]byte
		if _, err := io.ReadFull(resp.Body, b[:]); err != nil || string(b[:]) != "1 2 3 " {
			t.Errorf("%q %v", b, err)
		}
		w.reset()
		if err := received(t, ended); !errors.Is(err, ErrGone) {
			t.Errorf("%v", err)
		}
	})
}

// TestFullDuplex: a handler reads and writes in turns while the client does.
func TestFullDuplex(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("POST /", func(req *Request, resp *Response) Status {
			buf := make([]byte, 100)
			for {
				n, err := req.Body().Read(buf)
				resp.WriteString(strings.ToUpper(string(buf[:n])))
				if e := resp.Flush(); e != nil {
					return resp.Fail(e)
				}
				if err == io.EOF {
					return 200
				}
				if err != nil {
					return resp.Fail(err)
				}
			}
		}, mw...)
		addr := serveTest(t, srv)
		w := dial(t, addr)
		w.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		w.send("5\r\nhello\r\n")
		_, resp := w.head("POST")
		for _, word := range []string{"hello", "world", "again"} {
			if word != "hello" {
				w.send("5\r\n" + word + "\r\n")
			}
			var b [5]byte
			_, err := io.ReadFull(resp.Body, b[:])
			if err != nil || string(b[:]) != strings.ToUpper(word) {
				t.Fatalf("%q %v", b, err)
			}
		}
		w.send("0\r\n\r\n")
		if rest, err := io.ReadAll(resp.Body); len(rest) != 0 || err != nil {
			t.Errorf("%q %v", rest, err)
		}
	})
}

// TestQueue: values in order, to a handler that waits; io.EOF when it is closed and empty, and an
// error when the client has left, without losing a value.
func TestQueue(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		q := &Queue[int]{Cap: 3}
		gone := make(chan error, 1)
		srv.Handle("GET /pop", func(req *Request, resp *Response) Status {
			v, err := q.Pop(req)
			if err != nil {
				gone <- err
				return resp.Fail(err)
			}
			return resp.Text(200, fmt.Sprint(v))
		}, mw...)
		srv.Handle("GET /all", func(req *Request, resp *Response) Status {
			for v := range q.All(req) {
				resp.Printf("%d,", v)
			}
			return 200
		}, mw...)
		addr := serveTest(t, srv)
		w := dial(t, addr)
		w.send("GET /pop HTTP/1.1\r\nHost: x\r\n\r\n")
		settled(t, "waiting", 1, func() int64 {
			q.mu.Lock()
			defer q.mu.Unlock()
			return int64(len(q.waiting))
		})
		w.reset()
		if err := received(t, gone); err != ErrGone {
			t.Errorf("%v", err)
		}
		for i := range 3 {
			if !q.Push(i) {
				t.Errorf("%d was not taken", i)
			}
		}
		if q.Push(3) {
			t.Error("more than Cap")
		}
		if a := get(t, addr, "/pop"); a.body != "0" {
			t.Errorf("%v", a)
		}
		q.Close()
		if q.Push(9) {
			t.Error("a closed queue took a value")
		}
		if a := get(t, addr, "/all"); a.body != "1,2," {
			t.Errorf("%v", a)
		}
		w = dial(t, addr)
		w.send("GET /pop HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := received(t, gone); err != io.EOF {
			t.Errorf("%v", err)
		}
	})
}

// TestLeavingAfterTheAnswer: a client that leaves while the rest of its body is thrown away, or
// while its answers are written, must not end the next request of that worker.
func TestLeavingAfterTheAnswer(t *testing.T) {
	srv := &Server{Loops: 1}
	if !onLoops {
		srv.LingerTimeout = 10 * time.Millisecond // the answer waits for the rest of the body
	}
	srv.Handle("POST /", text("unread"))
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if err := req.Context().Err(); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "alive")
	})
	addr := serveTest(t, srv)
	for range 20 {
		w := dial(t, addr)
		w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
		w.want("POST", 200, "unread")
		w.reset()
		settled(t, "active", 0, func() int64 { return srv.Stats().Conns.Active })
		next := dial(t, addr)
		next.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		next.want("GET", 200, "alive")
		next.c.Close()
	}
}
