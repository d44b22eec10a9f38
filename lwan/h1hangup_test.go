//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestRequestsBehindALargeAnswerOfAHalfClosedClient: the client closes its side while the first
// answer is written. What it had sent behind that request was thrown away.
func TestRequestsBehindALargeAnswerOfAHalfClosedClient(t *testing.T) {
	large := strings.Repeat("x", 16<<20) // more than two sockets hold
	srv := &Server{}
	srv.Handle("GET /large", func(req *Request, resp *Response) Status {
		resp.SetBody(large)
		return 200
	})
	srv.Handle("GET /ok", text("ok"))
	w := dial(t, serveTest(t, srv))
	w.send(get1("/large") + get1("/ok") + get1("/ok"))
	settled(t, "parked", 1, func() int64 { return srv.Stats().Conns.Parked })
	w.closeWrite()
	w.want("GET", 200, large)
	w.want("GET", 200, "ok")
	w.want("GET", 200, "ok")
	w.ended()
}

// TestRequestsBehindOneWhoseTimeIsUp: the deadline is the request's and not the connection's. The
// connection was closed behind the answer, which had not said so.
func TestRequestsBehindOneWhoseTimeIsUp(t *testing.T) {
	srv, soon := &Server{}, WithLimits(Limits{Timeout: 10 * time.Millisecond})
	srv.Handle("GET /inline", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Sleep(time.Hour))
	}, soon)
	srv.Handle("GET /blocking",
		func(req *Request, resp *Response) Status { return resp.Fail(req.Sleep(time.Hour)) },
		Blocking, soon)
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	for _, path := range []string{"/inline", "/blocking"} {
		w := dial(t, addr)
		for range 3 {
			w.send(get1(path) + get1("/ok"))
			if a := w.answer("GET"); a.status != 503 || a.close {
				t.Fatalf("%s: %v", path, a)
			}
			w.want("GET", 200, "ok")
		}
	}
}

// TestHangupWhileTheTimeIsUp: a client that leaves after its request's time is up, and before that
// request's handler has returned, must not be waited for by the next request's.
func TestHangupWhileTheTimeIsUp(t *testing.T) {
	srv := &Server{Loops: 1}
	late, left := make(chan struct{}), make(chan struct{})
	srv.Handle("GET /late", func(req *Request, resp *Response) Status {
		err := req.Sleep(time.Hour)
		close(late)
		<-left
		return resp.Fail(err)
	}, WithLimits(Limits{Timeout: 10 * time.Millisecond}), Blocking)
	srv.Handle("GET /forever", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Sleep(time.Hour))
	})
	srv.Handle("GET /ok", text("ok"))
	o := make(observed, 8)
	srv.Observe(o)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send(get1("/late") + get1("/forever"))
	received(t, late)
	w.closeWrite()
	dial(t, addr).open("/ok") // the loop has seen the end before
	close(left)
	for _, want := range []string{
		"GET GET /ok 200 <nil>", "GET GET /late 503 lwan: the time is up",
		"GET GET /forever 499 lwan: the client has left",
	} {
		if got := o.next(t); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestLastAnswerBeforePipelinedRequests: at a shutdown the server hangs up behind an answer, while
// the client has sent the next request already. That reset the connection, and what the client had
// not yet got of the answer was lost.
func TestLastAnswerBeforePipelinedRequests(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 120_000) // the kernel takes it, and the client does not
	srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	var q Queue[string]
	srv.Handle("GET /wait", func(req *Request, resp *Response) Status {
		if _, err := q.Pop(req); err != nil {
			return resp.Fail(err)
		}
		resp.SetBody(body)
		return 200
	})
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	received(t, srv.Ready())
	w := dial(t, srv.Addrs()[0].String())
	if err := w.c.(tcpConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	w.send(get1("/wait"))
	settled(t, "parked", 1, func() int64 { return srv.Stats().Conns.Parked })
	w.send(get1("/wait")) // which stays in the socket: nobody reads while the first one waits
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	settled(t, "listening", 0, func() int64 {
		c, err := dialServer("tcp", srv.Addrs()[0].String())
		if err != nil {
			return 0
		}
		c.Close()
		return 1
	})
	q.Push("go on")
	settled(t, "requests", 1, func() int64 { return srv.Stats().Requests })
	if a := w.want("GET", 200, body); !a.close {
		t.Errorf("%v does not say that the connection ends", a)
	}
	w.ended()
	if err := w.c.Close(); err != nil { // else the server lingers
		t.Error(err)
	}
	for _, ch := range []chan error{down, ended} {
		if err := received(t, ch); err != nil {
			t.Error(err)
		}
	}
}
