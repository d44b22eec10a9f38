//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"io"
	"strconv"
	"testing"
)

// What a worker has of one request is not to be found by the next one, which may be another
// client's.

// TestTrailersAreTheRequests: a request without trailers was given those of the one before.
func TestTrailersAreTheRequests(t *testing.T) {
	for what, mw := range map[string][]Middleware{"loop": nil, "Blocking": {Blocking}} {
		t.Run(what, func(t *testing.T) {
			srv := &Server{Loops: 1}
			srv.Handle("POST /x", func(req *Request, resp *Response) Status {
				b, err := io.ReadAll(req.Body())
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, fmt.Sprintf("%s|%s", b, req.Trailer("X-Secret")))
			}, mw...)
			addr := serveTest(t, srv)
			a, b := dial(t, addr), dial(t, addr)
			a.send(chunked("/x", []string{"one"}, "X-Secret: mine\r\n"))
			a.want("POST", 200, "one|mine")
			b.send(post("/x", "two"))
			b.want("POST", 200, "two|")
			a.send(chunked("/x", []string{"three"}, "X-Secret: again\r\n"), post("/x", "four"))
			a.want("POST", 200, "three|again")
			a.want("POST", 200, "four|")
		})
	}
}

// TestUnreadEndsWithItsRequest: behind a Blocking handler that had left a body that was being read
// ahead, the next one of that worker waited for its own for ever.
func TestUnreadEndsWithItsRequest(t *testing.T) {
	for what, size := range map[string]int{"read": 30, "closed": 8 << 20} {
		t.Run(what, func(t *testing.T) {
			srv := &Server{Loops: 1}
			asked, leave := make(chan bool, 1), make(chan bool)
			srv.Handle("POST /leave", func(req *Request, resp *Response) Status {
				if _, err := io.ReadFull(req.Body(), make([]byte, 20)); err != nil {
					return resp.Fail(err)
				}
				asked <- true
				<-leave
				return resp.Text(200, "left")
			}, Blocking, WithLimits(Limits{Body: 16 << 20}))
			srv.Handle("POST /echo", echo, Blocking)
			srv.Handle("GET /ok", text("ok"))
			addr := serveTest(t, srv)
			w := dial(t, addr)
			w.send("POST /leave HTTP/1.1\r\nHost: x\r\nContent-Length: "+strconv.Itoa(size)+"\r\n\r\n", "0123456789")
			o := dial(t, addr)
			o.open("/ok")
			w.send("0123456789")
			received(t, asked)
			w.send("0123456789") // the last ones, or not
			o.open("/ok")
			o.open("/ok")
			leave <- true
			if a := w.answer("POST"); a.body != "left" {
				t.Fatalf("%v", a)
			}
			if size > 30 {
				w.leaves()
			}
			for range 4 {
				w := dial(t, addr)
				for range 2 {
					w.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
					o.open("/ok")
					w.send("a")
					o.open("/ok")
					w.send("bcd")
					w.want("POST", 200, "abcd")
				}
			}
		})
	}
}

// TestLastWaitKnowsThatTheReaderHasGone: before a worker waits it sends what it holds back, which
// may take long. A second worker that had gone meanwhile was waited for for ever.
func TestLastWaitKnowsThatTheReaderHasGone(t *testing.T) {
	woken := 0
	wake := func() { woken++ }
	a := new(aside)
	if a.armLast(wake); woken != 0 {
		t.Error("the reader is still there")
	}
	a.wake, a.readDone = nil, true
	if a.armLast(wake); woken != 1 {
		t.Error("the reader has gone, and nobody is told any more")
	}
}
