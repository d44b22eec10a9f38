//go:build linux

package lwan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// waits is every way in which a handler waits for something that does not come before its client
// leaves.
var waits = map[string]func(req *Request, resp *Response) error{
	"Sleep": func(req *Request, resp *Response) error { return req.Sleep(time.Hour) },
	"Await": func(req *Request, resp *Response) error {
		return req.Await(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
	},
	"Every": func(req *Request, resp *Response) error {
		for range req.Every(time.Hour) {
		}
		return nil
	},
	"Pop": func(req *Request, resp *Response) error {
		_, err := new(Queue[int]).Pop(req)
		return err
	},
	"Send": func(req *Request, resp *Response) error {
		ev := resp.Events()
		for {
			if err := ev.Send(Event{Data: strings.Repeat("x", 32<<10)}); err != nil {
				return err
			}
		}
	},
	"Flush": func(req *Request, resp *Response) error {
		for {
			resp.WriteString(strings.Repeat("x", 32<<10))
			if err := resp.Flush(); err != nil {
				return err
			}
		}
	},
	"Body": func(req *Request, resp *Response) error {
		_, err := io.Copy(io.Discard, req.Body())
		return err
	},
}

// modes is where handlers run.
var modes = map[string][]Middleware{"inline": nil, "blocking": {Blocking}}

// visit counts what happens to a handler.
type visit struct {
	begun, defers, deferred atomic.Int64
	err                     error // of the wait
	cause                   error // of the context's end, as Go's defer sees it
}

// watched waits and ends as it should, or ignores the error and waits again, for which it is
// unwound.
func (v *visit) watched(wait func(req *Request, resp *Response) error, heeds bool) Handler {
	return func(req *Request, resp *Response) Status {
		v.begun.Add(1)
		ctx := req.Context()
		req.Defer(func() { v.deferred.Add(1) })
		defer func() {
			if !req.on.Inline() { // the loop may tell of the end after the goroutine has read of it
				select {
				case <-ctx.Done():
				case <-time.After(patience):
				}
			}
			v.cause = context.Cause(ctx)
			v.defers.Add(1)
		}()
		v.err = wait(req, resp)
		if heeds {
			return resp.Fail(cmp.Or(v.err, ErrGone))
		}
		for {
			_ = req.Sleep(time.Hour)
		}
	}
}

// TestClientLeavesWhoIsWaitedFor: whatever a handler waits for, and however the client goes, the
// handler learns of it. It is alone, since it counts the descriptors of the process.
func TestClientLeavesWhoIsWaitedFor(t *testing.T) {
	ways := map[string]func(w *client){
		"close": func(w *client) { w.c.Close() },
		"reset": (*client).reset,
		"half":  (*client).closeWrite, // counts as gone too for who waits
	}
	for name, wait := range waits {
		for mode, mw := range modes {
			for way, leave := range ways {
				if way == "half" && (name == "Send" || name == "Flush") {
					continue // it may still read; see TestSlowReader for one that does not
				}
				for _, heeds := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s/%s/%s/heeds=%v", name, mode, way, heeds),
						func(t *testing.T) {
							v := new(visit)
							streams := name == "Send" || name == "Flush"
							abandon(t, v, v.watched(wait, heeds), mw, streams, leave)
							if v.cause != ErrGone {
								t.Errorf("the context ended with %v", v.cause)
							}
							if want := endOf(name, way); v.err != want {
								t.Errorf("the wait ended with %v, want %v", v.err, want)
							}
						})
				}
			}
		}
	}
}

// endOf is how a wait ends when the client goes that way.
func endOf(wait, way string) error {
	switch {
	case wait == "Every":
		return nil
	case wait == "Body" && way != "reset":
		// an incomplete message, which may still be answered (RFC 9112 section 8)
		return io.ErrUnexpectedEOF
	}
	return ErrGone
}

// abandon serves one request, and leaves once its handler waits. Then everything must end, once.
func abandon(
	t *testing.T, v *visit, h Handler, mw []Middleware, streams bool, leave func(*client),
) {
	srv := &Server{Loops: 1}
	srv.Handle("POST /wait", h, mw...)
	book := logged(srv)
	addr := serveTest(t, srv)
	before := descriptors(t)
	w := dial(t, addr)
	if onLoops || strings.Contains(t.Name(), "/Body/") {
		w.send("POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	} else { // net/http does not listen for the client's leaving before the body is read
		w.send(post("/wait", ""))
	}
	settled(t, "handlers", 1, v.begun.Load)
	if onLoops {
		// a second worker may read ahead
		settled(t, "parked", 1, func() int64 { return min(srv.Stats().Conns.Parked, 1) })
	}
	if streams {
		w.head("POST")
	}
	leave(w)
	settled(t, "Request.Defer", 1, v.deferred.Load)
	w.c.Close()
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active + s.Conns.Parked
	})
	noMore(t, before)
	settled(t, "goroutines of handlers", 0, func() int64 { return srv.Stats().Awaiting })
	shutdown(t, srv)
	if v.begun.Load() != 1 || v.defers.Load() != 1 || v.deferred.Load() != 1 {
		t.Errorf("%d calls, %d defers, %d Request.Defers",
			v.begun.Load(), v.defers.Load(), v.deferred.Load())
	}
	if book.lines("level=ERROR") > 0 {
		t.Errorf("a client that left was logged:\n%s", book)
	}
}

func shutdown(t *testing.T, srv *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestShutdownWithThousandStreams: each is ended properly, and those of a topic are told when to
// come back.
func TestShutdownWithThousandStreams(t *testing.T) {
	const each = 250
	topic := &Topic{Retry: 4321 * time.Millisecond}
	var ended atomic.Int64
	srv := &Server{}
	srv.Handle("GET /topic", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{OnEnd: func(cause error) {
			if cause == ErrStopping {
				ended.Add(1)
			}
		}})
	})
	every := func(req *Request, resp *Response) Status {
		ev := resp.Events()
		ev.SetHeartbeat(-1) // a thousand handshakes can take that long
		for range req.Every(time.Hour) {
			if err := ev.Send(Event{Data: "tick"}); err != nil {
				return resp.Fail(err)
			}
		}
		ended.Add(1)
		return 200
	}
	var q Queue[string]
	srv.Handle("GET /every", every)
	srv.Handle("GET /blocking", every, Blocking)
	srv.Handle("GET /queue", func(req *Request, resp *Response) Status {
		ev := resp.Events()
		ev.SetHeartbeat(-1)
		for s := range q.All(req) {
			if err := ev.Send(Event{Data: s}); err != nil {
				return resp.Fail(err)
			}
		}
		ended.Add(1)
		return 200
	})
	addr := serveTest(t, srv)
	const retry, tick, back = "retry: 4321\n\n", "data: tick\n\n", "retry: 3000\n\n"
	var wg sync.WaitGroup
	for path, want := range map[string]string{
		"/topic": "id: " + topic.LastID() + "\n" + retry + retry, "/every": tick + back,
		"/blocking": tick + back, "/queue": back,
	} {
		for range each {
			w := dial(t, addr)
			w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
			_, resp := w.head("GET")
			begin := make([]byte, len(want)-len(strings.TrimPrefix(want, tick))) // before the stop
			if _, err := io.ReadFull(resp.Body, begin); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			wg.Go(func() {
				body, err := io.ReadAll(resp.Body)
				if all := string(begin) + string(body); all != want || err != nil {
					t.Errorf("%s: %q, %v, want %q", path, all, err, want)
				}
				// a reset could take the end from a slow client
				if rest, err := io.ReadAll(w.r); len(rest) > 0 || err != nil {
					t.Errorf("%s: behind the stream: %q, %v", path, rest, err)
				}
				w.c.Close() // else the server lingers
			})
		}
	}
	settled(t, "subscribers", each, func() int64 { return int64(topic.Len()) })
	settled(t, "open streams", 4*each, func() int64 {
		s := srv.Stats()
		return s.Conns.Active + s.Conns.Subscribed
	})
	shutdown(t, srv)
	wg.Wait()
	if n := ended.Load(); n != 4*each || topic.Len() != 0 {
		t.Errorf("%d streams ended, %d subscribers left", n, topic.Len())
	}
}

// heap is how much memory spans are in use, once what is garbage is gone.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

const (
	manyBytes = 100 << 20
	someBytes = 32 << 20 // more than the kernel's buffers of a connection, less than all of it
	heapGrows = 8 << 20  // at most
)

// TestSlowReaderOfALongStream: who reads slowly costs no memory, and keeps nobody waiting.
func TestSlowReaderOfALongStream(t *testing.T) {
	for mode, mw := range modes {
		t.Run(mode, func(t *testing.T) {
			var sent atomic.Int64
			srv := &Server{}
			srv.Handle("GET /long", func(req *Request, resp *Response) Status {
				piece := strings.Repeat("x", 32<<10)
				for sent.Load() < manyBytes {
					resp.WriteString(piece)
					if err := resp.Flush(); err != nil {
						return resp.Fail(err)
					}
					sent.Add(int64(len(piece)))
				}
				return 200
			}, mw...)
			srv.Handle("GET /ok", text("ok"))
			addr := serveTest(t, srv)
			others := []*client{dial(t, addr), dial(t, addr)} // on different loops
			slow := dial(t, addr)
			slow.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
			_, resp := slow.head("GET")
			before, buf := heap(), make([]byte, 64<<10)
			for read := int64(0); ; {
				slow.c.SetDeadline(time.Now().Add(patience))
				n, err := io.ReadFull(resp.Body, buf)
				read += int64(n)
				if err != nil {
					if err != io.EOF || read != manyBytes {
						t.Errorf("%d bytes, %v", read, err)
					}
					break
				}
				// the slow one reads no faster than others have requests answered
				for _, w := range others {
					w.open("/ok")
				}
				if ahead := sent.Load() - read; ahead > someBytes {
					t.Fatalf("the handler is %d bytes ahead of its client", ahead)
				}
				if more := grown(read, before); more > heapGrows {
					t.Fatalf("after %d bytes the heap has grown by %d", read, more)
				}
			}
		})
	}
}

// grown is how much the heap has grown. It is looked at every few megabytes.
func grown(done, before int64) int64 {
	if done%(4<<20) != 0 {
		return 0
	}
	return heap() - before
}

// TestBodyBackPressure: a handler that does not read stops its client, and gets everything once it
// does.
func TestBodyBackPressure(t *testing.T) {
	inTheClear(t, "a client of crypto/tls does not write on behind a timeout")
	for mode, mw := range modes {
		t.Run(mode, func(t *testing.T) {
			var begin Queue[bool]
			var waiting atomic.Int64
			srv := &Server{}
			srv.Handle("POST /", func(req *Request, resp *Response) Status {
				waiting.Add(1)
				if _, err := begin.Pop(req); err != nil {
					return resp.Fail(err)
				}
				n, err := io.Copy(io.Discard, req.Body())
				if err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, fmt.Sprint(n))
			}, append(mw, WithLimits(Limits{Body: -1}))...)
			addr := serveTest(t, srv)
			w := dial(t, addr)
			w.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
				manyBytes))
			settled(t, "handlers", 1, waiting.Load)
			before := heap()
			written := writeUntilStuck(t, w.c)
			if more := heap() - before; more > heapGrows {
				t.Errorf("the heap has grown by %d", more)
			}
			begin.Push(true)
			w = newClient(t, w.c) // with a deadline again
			for piece := make([]byte, 64<<10); written < manyBytes; {
				w.c.SetDeadline(time.Now().Add(patience))
				n, err := w.c.Write(piece[:min(len(piece), manyBytes-written)])
				if written += n; err != nil {
					t.Fatal(err)
				}
			}
			w.want("POST", 200, fmt.Sprint(manyBytes))
		})
	}
}

// writeUntilStuck writes until the other side takes nothing more, and fails the test if that does
// not happen in time.
func writeUntilStuck(t *testing.T, c net.Conn) (written int) {
	t.Helper()
	for piece := make([]byte, 64<<10); ; {
		if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(piece)
		written += n
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return written
		case err != nil:
			t.Fatal(err)
		case written > someBytes:
			t.Fatalf("%d bytes were taken of a body that nobody reads", written)
		}
	}
}
