//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestKeepAlive: who wants the connection to go on, and whether it does (RFC 9112 section 9.3).
func TestKeepAlive(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", text("hello"))
	srv.Handle("GET /close", func(req *Request, resp *Response) Status {
		resp.SetHeader("Connection", "close")
		return resp.Text(200, "bye")
	})
	addr := serveTest(t, srv)
	for _, c := range []struct {
		name, request string
		keeps         bool
		connection    string // the answer's field
	}{
		{"1.1", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", true, ""},
		{"1.1 keep-alive", "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", true, ""},
		{"1.1 close", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false, "close"},
		{"1.1 close in a list", "GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n",
			false, "close"},
		{"1.0", "GET / HTTP/1.0\r\n\r\n", false, "close"},
		{"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, "keep-alive"},
		{"1.0 keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
			false, "close"},
		{"the handler closes", "GET /close HTTP/1.1\r\nHost: x\r\n\r\n", false, "close"},
		{"the handler closes 1.0", "GET /close HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
			false, "close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := dial(t, addr)
			w.send(c.request)
			a := w.answer("GET")
			got := ""
			if a.close {
				got = "close"
			} else if strings.EqualFold(a.header.Get("Connection"), "keep-alive") {
				got = "keep-alive"
			}
			if a.status != 200 || got != c.connection || a.proto != "HTTP/1.1" {
				t.Errorf("%v, connection %q, proto %s", a, got, a.proto)
			}
			if c.keeps {
				w.open("/")
			} else {
				w.ended()
			}
		})
	}
}

// TestPipelinedInOneWrite: requests that came together are answered in order, and in one write: the
// answers come in one segment.
func TestPipelinedInOneWrite(t *testing.T) {
	const n = 16
	srv := &Server{Loops: 1}
	srv.Handle("GET /{i}", func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Param("i"))
	})
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.open("/warm")
	var batch strings.Builder
	for i := range n {
		fmt.Fprintf(&batch, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
	}
	w.send(batch.String())
	var segment [16 << 10]byte
	size, err := w.c.Read(segment[:]) // one read of what one write brought
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(segment[:size]), "HTTP/1.1 200 OK\r\n"); got != n {
		t.Fatalf("%d answers in the first segment, want %d", got, n)
	}
	r := newClient(t, w.c)
	r.r.Reset(strings.NewReader(string(segment[:size])))
	for i := range n {
		r.want("GET", 200, fmt.Sprint(i))
	}
}

// TestPipelinedPastWaits: a request in the middle of a pipeline that waits, reads its body or
// streams does not change the order.
func TestPipelinedPastWaits(t *testing.T) {
	srv := &Server{}
	misbehaving(srv)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n"+post("/echo", "one")+
			"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"+chunked("/echo", []string{"t", "wo"}, "")+
			"GET /blocking HTTP/1.1\r\nHost: x\r\n\r\nHEAD /ok HTTP/1.1\r\nHost: x\r\n\r\n"+
			"GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /panic HTTP/1.1\r\nHost: x\r\n\r\n"+
			"GET /await HTTP/1.1\r\nHost: x\r\n\r\n")
	w.want("GET", 200, "ok")
	w.want("GET", 200, "slept")
	w.want("POST", 200, "one")
	w.want("GET", 200, strings.Repeat("y", 100_000))
	w.want("POST", 200, "two")
	w.want("GET", 200, "blocked")
	w.want("HEAD", 200, "")
	w.want("GET", 200, strings.Repeat("x", 300_000))
	if a := w.answer("GET"); a.status != 500 {
		t.Fatal(a)
	}
	w.want("GET", 200, "awaited")
}

// TestAnswersBeforeACut: a handler that gives up its answer does not take those with it that are
// held back before it.
func TestAnswersBeforeACut(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /ok", text("ok"))
	srv.Handle("GET /gone", func(req *Request, resp *Response) Status { return StatusClientGone })
	srv.Handle("GET /half", func(req *Request, resp *Response) Status {
		resp.WriteString("half")
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		return 500
	})
	addr := serveTest(t, srv)
	for _, path := range []string{"/gone", "/half"} {
		w := dial(t, addr)
		w.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\nGET /ok HTTP/1.1\r\nHost: x\r\n\r\nGET " + path +
			" HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("GET", 200, "ok")
		w.want("GET", 200, "ok")
		if path == "/gone" {
			w.ended()
			continue
		}
		if a := w.answer("GET"); a.status != 200 || a.err == nil {
			t.Errorf("%s: %v: the client cannot see that it was cut", path, a)
		}
	}
}

// TestPipelineSharesTheLoop: a connection with more requests than MaxPipelined gives the others a
// turn in between.
func TestPipelineSharesTheLoop(t *testing.T) {
	const many = 200
	srv := &Server{Loops: 1, MaxPipelined: 4}
	order := make(chan string, many+1)
	other := make(chan struct{})
	srv.Handle("GET /many", func(req *Request, resp *Response) Status {
		order <- "many"
		// now the other one may come; it is in the kernel before the next request is looked at
		if len(order) == 1 {
			other <- struct{}{}
			<-other
		}
		return 204
	})
	srv.Handle("GET /other", func(req *Request, resp *Response) Status {
		order <- "other"
		return 204
	})
	srv.StallAfter = -1
	addr := serveTest(t, srv)
	w, o := dial(t, addr), dial(t, addr)
	w.send(strings.Repeat("GET /many HTTP/1.1\r\nHost: x\r\n\r\n", many))
	received(t, other)
	o.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n")
	other <- struct{}{}
	for range many {
		w.want("GET", 204, "")
	}
	o.want("GET", 204, "")
	place := 0
	for received(t, order) != "other" {
		place++
	}
	if place > 16 {
		t.Errorf("the other connection waited for %d pipelined requests with MaxPipelined 4", place)
	}
}

// TestIdleTimeout closes connections without a request, and says nothing.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	srv := &Server{IdleTimeout: time.Minute, HeaderTimeout: time.Minute}
	srv.Handle("GET /", text("hello"))
	clock := stopTime(srv)
	addr := serveTest(t, srv)
	silent, idle := dial(t, addr), dial(t, addr)
	idle.open("/")
	clock.rush(t)
	idle.ended()
	silent.ended()
	if n := srv.Stats().Requests; n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestRequestTimeout: a head that does not come to its end gets 408, however slowly it goes on (RFC
// 9110 section 15.5.9).
func TestRequestTimeout(t *testing.T) {
	t.Parallel()
	srv := &Server{HeaderTimeout: time.Minute}
	srv.Handle("GET /", text("hello"))
	o := make(observed, 8)
	srv.Observe(o)
	clock := stopTime(srv)
	addr := serveTest(t, srv)
	half, later := dial(t, addr), dial(t, addr)
	half.send("GET / HTTP/1.1\r\nHo")
	later.open("/")
	if got := o.next(t); got != "GET GET / 200 <nil>" {
		t.Error(got)
	}
	later.send("G")
	clock.rush(t)
	for _, w := range []*client{half, later} {
		a := w.answer("GET")
		if a.status != 408 || !a.close {
			t.Errorf("%v", a)
		}
		w.ended()
		if got := o.next(t); got != "  408 <nil>" {
			t.Errorf("observed %q", got)
		}
	}
}

// TestMaxConns: one connection more than allowed gets 503; there is room again when another one is
// closed.
func TestMaxConns(t *testing.T) {
	inTheClear(t, "a refusal in the clear is none")
	srv := &Server{MaxConns: 3, Loops: 1}
	srv.Handle("GET /", text("hello"))
	addr := serveTest(t, srv)
	var open []*client
	for range 3 {
		w := dial(t, addr)
		w.open("/")
		open = append(open, w)
	}
	dial(t, addr).refused()
	settled(t, "rejected", 1, func() int64 { return srv.Stats().Rejected })
	for _, w := range open {
		w.open("/")
	}
	open[0].c.Close()
	settled(t, "connections", 2, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active
	})
	dial(t, addr).open("/")
}

// TestHalfClosedClient: a client that closes its side behind its last request, as nc does at the
// end of its input, gets its answers.
func TestHalfClosedClient(t *testing.T) {
	srv := &Server{}
	misbehaving(srv)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n" + post("/echo", "body") +
		"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	w.closeWrite()
	w.want("GET", 200, "ok")
	w.want("POST", 200, "body")
	w.want("GET", 200, strings.Repeat("x", 300_000))
	w.ended()
}

// TestAnswerBeforeAnUnaskedClose: a client that did not ask for the end may have sent the next
// request when the server closes behind an answer. A reset because of it could destroy that answer
// (RFC 9112 section 9.6).
func TestAnswerBeforeAnUnaskedClose(t *testing.T) {
	srv := &Server{}
	entered, sent := make(chan struct{}), make(chan struct{})
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		entered <- struct{}{}
		<-sent
		resp.SetHeader("Connection", "close")
		return resp.Text(200, "bye")
	}, Blocking)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send(get1("/"))
	received(t, entered)
	w.send(get1("/")) // is in the kernel before the answer is given
	close(sent)
	w.want("GET", 200, "bye")
	w.ended()
}
