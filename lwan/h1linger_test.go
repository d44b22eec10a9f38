//go:build linux && !golwan_nethttp

package lwan

import (
	"io"
	"runtime"
	"testing"
	"time"
)

// lingers fails unless the server, which has sent its FIN, still takes what the client sends: a
// closed connection is reset by the first byte, and the reset may overtake what the client has not
// read yet.
func (w *client) lingers() {
	w.t.Helper()
	for range 3 {
		w.send("more")
	}
	if n, err := w.c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		w.t.Fatalf("behind the answer: %d bytes, %v", n, err)
	}
}

// lingering is a server that lingers for as long as the test runs.
func lingering() *Server { return &Server{LingerTimeout: 1000 * time.Hour} }

// TestLingerBehind408: the connection of a request that did not arrive in time was closed at once.
func TestLingerBehind408(t *testing.T) {
	t.Parallel()
	srv := lingering()
	srv.HeaderTimeout = time.Second
	srv.Handle("GET /", text("hello"))
	clock := stopTime(srv)
	w := dial(t, serveTest(t, srv))
	w.send("GET / HTTP/1.1\r\nHo")
	clock.rush(t)
	if a := w.answer("GET"); a.status != 408 {
		t.Fatal(a)
	}
	w.ended()
	w.lingers()
}

// TestLingerBehindDeath: the answer for a handler that has ended by Goexit was followed by a reset.
func TestLingerBehindDeath(t *testing.T) {
	srv := lingering()
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		runtime.Goexit()
		return 200
	})
	w := dial(t, serveTest(t, srv))
	w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbegin")
	if a := w.answer("POST"); a.status != 500 {
		t.Fatal(a)
	}
	w.ended()
	w.lingers()
}

// TestLingerBehindACut: an answer that was given up destroyed complete ones before it, whose client
// was still sending.
func TestLingerBehindACut(t *testing.T) {
	srv := lingering()
	srv.Handle("GET /ok", text("ok"))
	srv.Handle("POST /gone", func(req *Request, resp *Response) Status { return StatusClientGone })
	w := dial(t, serveTest(t, srv))
	w.send(get1("/ok") + "POST /gone HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbegin")
	w.want("GET", 200, "ok")
	w.ended()
	w.lingers()
}

// TestLingerBehindAnUpgrade: bytes that the client sent meanwhile destroyed the protocol's last
// message.
func TestLingerBehindAnUpgrade(t *testing.T) {
	t.Parallel()
	srv := lingering()
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		conn, err := resp.Upgrade("bye")
		if err != nil {
			return resp.Fail(err)
		}
		if _, err := io.WriteString(conn, "bye"); err != nil {
			return resp.Fail(err)
		}
		return 101
	})
	w := dial(t, serveTest(t, srv))
	w.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: bye\r\n\r\n")
	if a, _ := w.head("GET"); a.status != 101 {
		t.Fatal(a)
	}
	if rest, err := io.ReadAll(w.r); string(rest) != "bye" || err != nil {
		t.Fatalf("%q, %v", rest, err)
	}
	w.lingers()
}

// TestLingerBehindTheLastEvent: a topic's subscribers, whose stream the server ends.
func TestLingerBehindTheLastEvent(t *testing.T) {
	srv := lingering()
	var topic Topic
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{})
	})
	w := dial(t, serveTest(t, srv))
	w.send(get1("/"))
	settled(t, "subscribed", 1, func() int64 { return srv.Stats().Conns.Subscribed })
	topic.Close()
	if a := w.answer("GET"); a.status != 200 || a.err != nil {
		t.Fatal(a)
	}
	w.ended()
	w.lingers()
}
