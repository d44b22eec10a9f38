//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h1"
)

// worker is what the protocol lets tests see of the worker that serves req.
func worker(req *Request) h1.Inspected { return req.by.(h1.Inspected) }

// givesBack waits until the worker of req has no read buffer any more, but for what it must keep.
func givesBack(t *testing.T, req *Request) {
	t.Helper()
	settled(t, "a worker that waits with a large buffer", 0, func() int64 {
		held := make(chan int64, 1)
		req.x.loop.Post(func() { held <- int64(worker(req).Held() >> 10) })
		return <-held
	})
}

// TestSlowBodyHeldReadBuffer: a client that sends a head, and then the body as slowly as it may,
// held 16 KiB of the server. What the handler sees of the request afterwards is what it saw before,
// and what comes behind the body is not lost.
func TestSlowBodyHeldReadBuffer(t *testing.T) {
	for _, c := range []struct{ name, first, rest string }{
		{"by length",
			"POST /b?q=v%20w HTTP/1.1\r\nHost: x\r\nX-A: one\r\nContent-Length: 10\r\n\r\n01234",
			"56789"},
		{"nothing of it",
			"POST /b?q=v%20w HTTP/1.1\r\nHost: x\r\nX-A: one\r\nContent-Length: 10\r\n\r\n",
			"0123456789"},
		{"in chunks", "POST /b?q=v%20w HTTP/1.1\r\nHost: x\r\nX-A: one\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n", "5\r\n56789\r\n0\r\n\r\n"},
		{"in the middle of a chunk's size", "POST /b?q=v%20w HTTP/1.1\r\nHost: x\r\nX-A: one\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n0", "5;e=f\r\n56789\r\n0\r\n\r\n"},
		{"in the middle of a trailer", "POST /b?q=v%20w HTTP/1.1\r\nHost: x\r\nX-A: one\r\n" +
			"Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\nX-T: a", "b\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			workers := make(chan *Request, 1)
			srv := &Server{Loops: 1}
			srv.Handle("POST /{p}", func(req *Request, resp *Response) Status {
				before := req.Query("q")
				workers <- req
				b, err := req.BodyBytes()
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200,
					fmt.Sprintf("%s %s %s %s %s %s",
						before, req.Query("q"), req.Path(), req.Param("p"), req.Header("X-A"), b))
			})
			srv.Handle("GET /next", text("next"))
			w := dial(t, serveTest(t, srv))
			w.send(c.first)
			givesBack(t, received(t, workers))
			w.send(c.rest + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
			w.want("POST", 200, "v w v w /b b one 0123456789")
			w.want("GET", 200, "next")
			w.open("/next")
		})
	}
}

// TestSlowReaderHeldReadBuffer: so did one that asks for something large and does not read it.
func TestSlowReaderHeldReadBuffer(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	large := strings.Repeat("0123456789abcdef", size/16)
	name := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(name, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, answer := range map[string]Handler{
		"/held": text(large),
		"/streamed": func(req *Request, resp *Response) Status {
			if _, err := io.WriteString(resp, large); err != nil {
				return resp.Fail(err)
			}
			return 200
		},
		"/file": func(req *Request, resp *Response) Status {
			f, err := os.Open(name)
			if err != nil {
				return resp.Fail(err)
			}
			defer f.Close()
			if err := resp.SendFile(f, 0, size); err != nil {
				return resp.Fail(err)
			}
			return 200
		},
	} {
		t.Run(path, func(t *testing.T) {
			workers := make(chan *Request, 1)
			srv := &Server{Loops: 1}
			srv.Handle("GET "+path, func(req *Request, resp *Response) Status {
				workers <- req
				return answer(req, resp)
			})
			srv.Handle("GET /next", text("next"))
			w := dial(t, serveTest(t, srv))
			w.send("GET " + path +
				" HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
			givesBack(t, received(t, workers))
			if a := w.answer("GET"); a.status != 200 || a.body != large {
				t.Errorf("%d, %d bytes, %v", a.status, len(a.body), a.err)
			}
			w.want("GET", 200, "next")
			w.open("/next")
		})
	}
}

// TestBytesOutliveAWait: what a handler holds of the request stays what it is, however many read
// buffers are used meanwhile.
func TestBytesOutliveAWait(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.Handle("POST /held", func(req *Request, resp *Response) Status {
		agent := req.HeaderBytes("User-Agent")
		req.Borrow(func() { _ = req.HeaderBytes("Host") })
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, string(agent))
	})
	srv.Handle("POST /other", echo)
	addr := serveTest(t, srv)
	slow := dial(t, addr)
	slow.send("POST /held HTTP/1.1\r\nHost: x\r\nUser-Agent: mine\r\nContent-Length: 4\r\n\r\nbo")
	for range 50 {
		w := dial(t, addr)
		w.send(post("/other", strings.Repeat("z", 10_000)))
		w.answer("POST")
	}
	slow.send("dy")
	slow.want("POST", 200, "mine")
}

// TestBorrowedBytesHoldNoBuffer: in contrast to those that are held until the handler returns.
func TestBorrowedBytesHoldNoBuffer(t *testing.T) {
	req := &Request{}
	req.buf = []byte("Mine: yes")
	req.Borrow(func() { req.aliased = true })
	if req.aliased {
		t.Error("borrowed bytes are held")
	}
	req.aliased = true
	req.Borrow(func() {})
	if !req.aliased {
		t.Error("bytes that were held before are not any more")
	}
}

// TestAnnouncedBodyIsNotBelieved: memory for a body comes with the body. A client that announced 1
// MiB got 64 KiB of the server for nothing, and one that announced 1 GiB, where that is allowed,
// all of it for these.
func TestAnnouncedBodyIsNotBelieved(t *testing.T) {
	req := &Request{table: &table{core: &core{process: new(process)}}}
	req.body.length = 10 << 20
	for int64(len(req.body.whole)) < req.body.length {
		req.growWhole()
		have, room := len(req.body.whole), cap(req.body.whole)
		if room > max(believed*have, firstBite) {
			t.Fatalf("room for %d bytes when %d have come", room, have)
		}
		req.body.whole = req.body.whole[:min(room, int(req.body.length))]
	}
}

// TestBodiesOfOneWorker has two clients send contents of all sizes in pieces, each in the middle of
// the other's.
func TestBodiesOfOneWorker(t *testing.T) {
	sizes := []int{511, 512, 2 << 10, 2<<10 + 1, 16 << 10, 33_000, maxKept, maxKept + 1, 1 << 20}
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1, Limits: Limits{Body: 2 << 20}}
		srv.Handle("POST /", echo, mw...)
		addr := serveTest(t, srv)
		one, two := dial(t, addr), dial(t, addr)
		for i, size := range sizes {
			first := strings.Repeat("a", size)
			second := strings.Repeat("b", sizes[len(sizes)-1-i])
			text := post("/", first)
			one.send(text[:len(text)/2], text[len(text)/2:len(text)-size/3])
			two.send(chunked("/", []string{second[:len(second)/2], second[len(second)/2:]}, ""))
			two.want("POST", 200, second)
			one.send(text[len(text)-size/3:])
			one.want("POST", 200, first)
			one.send(post("/", "short"))
			one.want("POST", 200, "short")
		}
	})
}

// TestBodyThatStopsGrows is the same on a connection: with a part of the body there, the rest is
// not yet.
func TestBodyThatStopsGrows(t *testing.T) {
	workers := make(chan *Request, 1)
	srv := &Server{Loops: 1}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		workers <- req
		return echo(req, resp)
	})
	w := dial(t, serveTest(t, srv))
	body := strings.Repeat("x", 1<<20)
	w.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(body)),
		body[:5000])
	req := received(t, workers)
	settled(t, "bytes of the body that have come", 5000, func() int64 {
		n := make(chan int64, 1)
		req.x.loop.Post(func() { n <- int64(len(req.body.whole)) })
		return <-n
	})
	room := make(chan int, 1)
	req.x.loop.Post(func() { room <- cap(req.body.whole) })
	if n := <-room; n > 32*5000 {
		t.Errorf("room for %d bytes when 5000 have come", n)
	}
	w.send(body[5000:])
	w.want("POST", 200, body)
}

// TestWaitingHandlerHoldsNoReadBuffer: a handler that waited before it had answered held 16 KiB for
// a request of 100 bytes.
func TestWaitingHandlerHoldsNoReadBuffer(t *testing.T) {
	var q Queue[string]
	for name, wait := range map[string]func(req *Request) error{
		"sleep": func(req *Request) error { return req.Sleep(time.Hour) },
		"queue": func(req *Request) error { _, err := q.Pop(req); return err },
	} {
		t.Run(name, func(t *testing.T) {
			workers := make(chan *Request, 1)
			srv := &Server{Loops: 1}
			srv.Handle("GET /{p}", func(req *Request, resp *Response) Status {
				before := req.Query("q")
				workers <- req
				err := wait(req)
				if err != ErrGone || before != req.Query("q") || req.Header("X-A") != "one" {
					t.Errorf("%v, %q, %q", err, req.Query("q"), req.Header("X-A"))
				}
				return resp.Fail(err)
			})
			w := dial(t, serveTest(t, srv))
			w.send("GET /p?q=v HTTP/1.1\r\nHost: x\r\nX-A: one\r\n\r\n")
			givesBack(t, received(t, workers))
			w.reset()
			settled(t, "requests", 1, func() int64 { return srv.Stats().Requests })
		})
	}
}
