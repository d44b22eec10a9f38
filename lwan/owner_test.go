//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The owner rule: code that goes on with a request when its handler has ended gets an error, and no
// data of another request.

// TestOwnerStrayReadsNoOthersBody: a goroutine keeps the body of a request that is over, and reads
// while the same worker serves another one.
func TestOwnerStrayReadsNoOthersBody(t *testing.T) {
	for name, mw := range modes {
		t.Run(name, func(t *testing.T) {
			srv := &Server{Loops: 1}
			kept := make(chan io.Reader, 1)
			second, go2 := make(chan struct{}), make(chan struct{})
			srv.Handle("POST /first", func(req *Request, resp *Response) Status {
				kept <- req.Body()
				return resp.Text(200, "first")
			}, mw...)
			srv.Handle("POST /second", func(req *Request, resp *Response) Status {
				close(second)
				if err := req.Await(func(context.Context) error { <-go2; return nil }); err != nil {
					return resp.Fail(err)
				}
				b, err := req.BodyBytes()
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, string(b))
			}, mw...)
			addr := serveTest(t, srv)
			dial(t, addr).post("/first", "").want("POST", 200, "first")
			b := dial(t, addr)
			b.send("POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
			<-second
			b.send("secret")
			p := make([]byte, 6)
			n, err := (<-kept).Read(p)
			want := ErrForeign // the worker is on its thread
			if mw != nil {
				want = ErrOver
			}
			if n != 0 || !errors.Is(err, want) {
				t.Errorf("the stray has read %q, %v; want %v", p[:n], err, want)
			}
			close(go2)
			b.want("POST", 200, "secret")
		})
	}
}

// post sends a request with a body.
func (w *client) post(path, body string) *client {
	w.send(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
		path, len(body), body))
	return w
}

// TestOwnerKeptBodyInAnotherHandler: a handler that reads what another one has left behind is on
// the right thread, and still gets nothing.
func TestOwnerKeptBodyInAnotherHandler(t *testing.T) {
	srv := &Server{Loops: 1}
	var kept io.Reader
	srv.Handle("POST /keep", func(req *Request, resp *Response) Status {
		kept = req.Body()
		return resp.Text(200, "kept")
	})
	srv.Handle("POST /use", func(req *Request, resp *Response) Status {
		n, err := kept.Read(make([]byte, 10))
		return resp.Text(200, fmt.Sprint(n, err == ErrOver))
	})
	w := dial(t, serveTest(t, srv))
	w.post("/keep", "").want("POST", 200, "kept")
	w.post("/use", "secret").want("POST", 200, "0 true")
}

// Invariant 5: on a loop only the coroutine that runs the handler may wait. Another goroutine's
// waits say ErrForeign, while the handler runs, while it is parked, and when it has ended.
func TestOwnerForeignWaits(t *testing.T) {
	for _, threads := range []Threads{ThreadsPinned, ThreadsFree} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			srv := &Server{Loops: 1, Threads: threads, StallAfter: -1}
			var req1 *Request
			var resp1 *Response
			var body io.Reader
			var events *Events
			var queue Queue[int]
			over := make(chan struct{})
			waits := func() map[string]error {
				_, read := body.Read(make([]byte, 1))
				_, whole := req1.BodyBytes()
				_, form := req1.Form()
				_, popped := queue.Pop(req1)
				_, upgraded := resp1.Upgrade("x")
				return map[string]error{
					"Sleep": req1.Sleep(time.Millisecond),
					"Await": req1.Await(func(context.Context) error { return nil }), "Body": read,
					"BodyBytes": whole, "Form": form, "Queue": popped, "Upgrade": upgraded,
					"Flush": resp1.Flush(), "SendHead": resp1.SendHead(200),
					"EarlyHints": resp1.EarlyHints("</a>"), "Events": events.Send(Event{Data: "x"}),
				}
			}
			elsewhere := func(when string) {
				done := make(chan map[string]error)
				go func() { done <- waits() }()
				for name, err := range <-done {
					if err != ErrForeign {
						t.Errorf("%s, %s: %v", name, when, err)
					}
				}
			}
			srv.Handle("POST /events", func(req *Request, resp *Response) Status {
				req1, resp1, body, events = req, resp, req.Body(), resp.Events()
				elsewhere("while it runs")
				_ = req.Await(func(context.Context) error {
					elsewhere("while it is parked")
					return nil
				})
				close(over)
				return 200
			})
			w := dial(t, serveTest(t, srv))
			w.send("POST /events HTTP/1.1\r\nHost: x\r\n" +
				"Content-Type: application/x-www-form-urlencoded\r\n" +
				"Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\na=b")
			if a := w.answer("POST"); a.status != 200 || a.body != "" || a.err != nil {
				t.Errorf("%v", a)
			}
			<-over
			if !debugBuild { // with lwandebug they panic
				elsewhere("when it has ended")
			}
		})
	}
}

// ends is how a handler can end.
var ends = map[string]func() Status{
	"return": func() Status { return 200 },
	"fail":   func() Status { return 500 },
	"panic":  func() Status { panic("as asked") },
	"goexit": func() Status { runtime.Goexit(); return 200 },
}

// Invariants 3 and 4: two goroutines read and write the streams of a Blocking handler across its
// end. They get ErrOver, the answer is whole or cut, and no byte of it, or of what they read, is of
// another request.
func TestOwnerStraysOfBlocking(t *testing.T) {
	t.Parallel()
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	srv := &Server{Loops: 1, Limits: Limits{Body: 8 << 20, Buffer: 4 << 10, Timeout: time.Second}}
	book := logged(srv)
	var strays sync.WaitGroup
	var wrong atomic.Int64
	srv.Handle("POST /{mark}/{end}/{after}", func(req *Request, resp *Response) Status {
		mark, body := req.Param("mark"), req.Body()
		after, _ := time.ParseDuration(req.Param("after"))
		piece := bytes.Repeat([]byte(mark), 1+len(mark)*int(after/time.Microsecond)%3000)
		strays.Go(func() { // reads
			buf := make([]byte, 3000)
			for {
				n, err := body.Read(buf)
				if strings.Trim(string(buf[:n]), mark) != "" {
					wrong.Add(1)
				}
				if err != nil {
					return
				}
			}
		})
		strays.Go(func() { // writes
			for {
				if _, err := resp.Write(piece); err != nil {
					return
				}
			}
		})
		time.Sleep(after)
		return ends[req.Param("end")]()
	}, Blocking)
	addr := serveTest(t, srv)
	var clients sync.WaitGroup
	var next atomic.Int64
	for id := range 8 {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(id)))
			for next.Add(1) < int64(rounds) {
				c, err := dialServer("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				mark := string(rune('a' + id))
				end := []string{"return", "fail", "panic", "goexit"}[random.IntN(4)]
				length := random.IntN(400_000)
				fmt.Fprintf(c, "POST /%s/%s/%dus HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
					mark, end, random.IntN(3000), length)
				some := bytes.Repeat([]byte(mark), random.IntN(length+1))
				go func() { _, _ = c.Write(some) }() // how much of it arrives is a matter of luck
				if random.IntN(4) == 0 {             // it leaves without a word
					_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
					_, _ = io.CopyN(io.Discard, c, int64(random.IntN(10_000)))
				} else {
					_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
					b, _ := io.ReadAll(io.LimitReader(c, 4<<20))
					_, content, _ := bytes.Cut(b, []byte("\r\n\r\n"))
					if bytes.HasPrefix(b, []byte("HTTP/1.1 200")) &&
						strings.Trim(string(content), mark+"0123456789abcdef\r\n") != "" {
						wrong.Add(1)
					}
					for other := range 8 { // a chunk's length has letters too, but never that many
						m := string(rune('a' + other))
						if m != mark && bytes.Contains(content, bytes.Repeat([]byte(m), 20)) {
							wrong.Add(1)
						}
					}
				}
				c.Close()
			}
		})
	}
	clients.Wait()
	settled(t, "handlers", 0, func() int64 { return srv.Stats().Awaiting })
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Active + s.Conns.Parked
	})
	ended := make(chan struct{})
	go func() { strays.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("a stray still waits")
	}
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d times somebody saw another one's bytes", n)
	}
	if n := book.lines("", "panic at the end of a handler"); n > 0 {
		t.Errorf("%d conclusions have panicked", n)
	}
}

// TestOwnerTornAnswer: what a goroutine is writing when its handler returns does not look whole.
func TestOwnerTornAnswer(t *testing.T) {
	srv := &Server{Loops: 1}
	stray := make(chan error, 1)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		go func() {
			for {
				if _, err := resp.Write(make([]byte, 1<<20)); err != nil {
					stray <- err
					return
				}
			}
		}()
		for len(stray) == 0 { // until it waits for the client, inside of Write
			if srv.Stats().BytesOut > 100<<10 {
				time.Sleep(50 * time.Millisecond)
				break
			}
			time.Sleep(time.Millisecond)
		}
		return 200
	}, Blocking)
	w := dial(t, serveTest(t, srv))
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-stray; !errors.Is(err, ErrOver) {
		t.Errorf("the stray got %v", err)
	}
	if a := w.answer("GET"); a.err == nil {
		t.Errorf("the answer looks whole: %d bytes", len(a.body))
	}
}

// TestOwnerUpgradedConn: the connection of an upgrade ends with its handler, also for goroutines
// that wait on it.
func TestOwnerUpgradedConn(t *testing.T) {
	for name, mw := range modes {
		t.Run(name, func(t *testing.T) {
			srv := &Server{Loops: 1}
			stray := make(chan error, 1)
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				conn, err := resp.Upgrade("echo")
				if err != nil {
					return resp.Fail(err)
				}
				go func() {
					_, err := conn.Read(make([]byte, 1))
					stray <- err
				}()
				_, _ = io.WriteString(conn, "bye")
				return 200
			}, mw...)
			srv.Handle("POST /", func(req *Request, resp *Response) Status {
				b, err := req.BodyBytes()
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, string(b))
			}, mw...)
			addr := serveTest(t, srv)
			upgraded(t, addr, "")
			dial(t, addr).post("/", "secret").want("POST", 200, "secret")
			if err := <-stray; !errors.Is(err, net.ErrClosed) && !errors.Is(err, ErrForeign) {
				t.Errorf("the stray got %v", err)
			}
		})
	}
}

// Invariant 8, at the level of requests: an ErrorPage that parks during a 408, while more of the
// request comes.
func TestOwnerErrorPageThatParks(t *testing.T) {
	inTheClear(t, "it counts the bytes of the socket")
	t.Parallel()
	release := make(chan struct{})
	begun := make(chan struct{}, 10)
	srv := &Server{Loops: 1, HeaderTimeout: time.Second}
	srv.ErrorPage = func(req *Request, resp *Response, st Status) Status {
		begun <- struct{}{}
		_ = req.Await(func(context.Context) error { <-release; return nil })
		return resp.Text(st, "page")
	}
	srv.Handle("GET /", text("hello"))
	clock := stopTime(srv)
	addr := serveTest(t, srv)
	a := dial(t, addr)
	a.send("GET / HTTP/1.1\r\nHost: x\r\n")
	settled(t, "bytes read", 25, func() int64 { return srv.Stats().BytesIn })
	clock.advance(2 * time.Second)
	received(t, begun)
	a.send("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
	b := dial(t, addr)
	b.open("/")
	close(release)
	a.want("GET", 408, "page")
	a.ended()
	b.open("/")
	if n := len(begun); n != 0 {
		t.Errorf("%d more pages were made", n)
	}
}
