//go:build linux && !golwan_nethttp

package lwan

import (
	"io"
	"testing"
	"time"
)

// timeLimit is a limit of time, with what a client does to pass it, and what comes of that.
type timeLimit struct {
	name  string
	limit time.Duration
	srv   *Server
	do    func(w *client) // what passes the limit
	seen  func(w *client) // what the client sees then

	// keep is what stays within it and is answered with 200; pass lets all of the limit pass but
	// for a nanosecond. nil: nothing does.
	keep func(w *client, pass func())
}

var timeLimits = func() []timeLimit {
	return []timeLimit{
		{
			name: "first byte", limit: time.Minute, srv: &Server{HeaderTimeout: time.Minute},
			do:   func(w *client) {},
			seen: (*client).ended,
			keep: func(w *client, pass func()) { pass(); w.send(get1("/")) },
		},
		{
			name: "head", limit: time.Minute, srv: &Server{HeaderTimeout: time.Minute},
			do:   func(w *client) { w.send("GET / HTTP/1.1\r\n") },
			seen: func(w *client) { w.late() },
			keep: func(w *client, pass func()) {
				w.send("GET / HTTP/1.1\r\n")
				pass()
				w.send("Host: x\r\n\r\n")
			},
		},
		{
			name: "head that always goes on", srv: &Server{HeaderTimeout: time.Minute},
			do:   func(w *client) { w.send("GET / HTTP/1.1\r\nHost: x\r\nA: "); go w.trickle("x") },
			seen: func(w *client) { w.late() },
		},
		{
			name: "idle", limit: time.Minute, srv: &Server{IdleTimeout: time.Minute},
			do:   func(w *client) { w.open("/") },
			seen: (*client).ended,
			keep: func(w *client, pass func()) { w.open("/"); pass(); w.send(get1("/")) },
		},
		{
			name: "pause in a body", limit: time.Minute,
			srv: &Server{Limits: Limits{Read: time.Minute}},
			do: func(w *client) {
				w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
			},
			seen: func(w *client) { w.late() },
			keep: func(w *client, pass func()) {
				w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf")
				pass()
				w.send("half")
			},
		},
		{
			name: "body that always goes on",
			// The deadline of a request is one of the context's: it goes by the system's time.
			srv: &Server{Limits: Limits{Read: time.Hour, Timeout: 50 * time.Millisecond}},
			do: func(w *client) {
				w.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf")
				go w.trickle("x")
			},
			seen: func(w *client) {
				if a := w.answer("POST"); a.status != 503 || !a.close {
					w.t.Errorf("%v", a)
				}
			},
		},
		{
			name: "client that takes nothing", srv: &Server{Limits: Limits{Write: time.Minute}},
			do: func(w *client) { w.send(get1("/endless")) },
			seen: func(w *client) {
				received(w.t, endlessOver)
				a, answer := w.head("GET")
				if _, err := io.Copy(io.Discard, answer.Body); a.status != 200 || err == nil {
					w.t.Errorf("%v, %v: it looks complete", a, err)
				}
			},
		},
		{
			name: "lingering close", srv: &Server{LingerTimeout: time.Minute},
			do: func(w *client) {
				w.send("nonsense\r\n\r\n")
				if a := w.answer("GET"); a.status != 400 {
					w.t.Errorf("%v", a)
				}
			},
			// It is closed in the end, although the client goes on.
			seen: func(w *client) { go w.trickle("x"); w.ended() },
		},
	}
}

// endlessOver is told of the end of an endless answer.
var endlessOver = make(chan struct{}, 1)

func serveEndless(req *Request, resp *Response) Status {
	defer func() { endlessOver <- struct{}{} }()
	for {
		if _, err := resp.WriteString(fill(64 << 10)); err != nil {
			return resp.Fail(err)
		}
	}
}

// late expects 408, and the end of the connection.
func (w *client) late() {
	w.t.Helper()
	if a := w.answer("GET"); a.status != 408 || !a.close {
		w.t.Errorf("%v", a)
	}
	w.ended()
}

// trickle sends a little now and then, until nobody listens any more.
func (w *client) trickle(s string) {
	for {
		if _, err := w.c.Write([]byte(s)); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // the pace of the client
	}
}

// TestTimeLimits: each limit of time, passed and kept. In the end the server knows nothing of the
// connections any more.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	for _, c := range timeLimits() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.srv.Handle("GET /", text("ok"))
			c.srv.Handle("POST /", echo)
			c.srv.Handle("GET /endless", serveEndless)
			clock := stopTime(c.srv)
			addr := serveTest(t, c.srv)
			if c.keep != nil {
				within := dial(t, addr)
				c.keep(within, func() { clock.advance(c.limit - 1) })
				if a := within.answer("GET"); a.status != 200 {
					t.Errorf("within the limit: %v", a)
				}
				within.c.Close()
			}
			w := dial(t, addr)
			c.do(w)
			clock.rush(t)
			c.seen(w)
			settled(t, "connections", 0, func() int64 {
				s := c.srv.Stats()
				return s.Conns.Idle + s.Conns.Active
			})
		})
	}
}
