//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inner makes a handler Blocking where the table does not see it.
func inner(next Handler) Handler {
	b := Blocking(next)
	return func(req *Request, resp *Response) Status { return b(req, resp) }
}

var asideModes = map[string][]Middleware{"inline": nil, "blocking": {Blocking}, "inner": {inner}}

func forAside(t *testing.T, fn func(t *testing.T, mw []Middleware)) {
	for name, mw := range asideModes {
		t.Run(name, func(t *testing.T) { fn(t, mw) })
	}
}

// Trailers that are set before the head leaves make the answer chunked, and are sent.
func TestBlockingTrailersBeforeHead(t *testing.T) {
	forAside(t, func(t *testing.T, mw []Middleware) {
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			resp.SetHeader("Content-Length", "5")
			resp.SetTrailer("X-Sum", "1")
			resp.WriteString("he")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("llo")
			resp.SetTrailer("X-Sum", "2")
			return 200
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.want("GET", 200, "hello")
		if a.trailer.Get("X-Sum") != "2" || !a.chunked {
			t.Errorf("%v %v %v", a, a.trailer, a.chunked)
		}
	})
}

// A subscription is served wherever its handler has run.
func TestBlockingSubscribe(t *testing.T) {
	forAside(t, func(t *testing.T, mw []Middleware) {
		srv := &Server{}
		topic := &Topic{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			return topic.Subscribe(resp, Subscription{First: []Event{{Data: "first"}}})
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		w.c.SetDeadline(time.Now().Add(patience))
		_, r := w.head("GET")
		p := make([]byte, 100)
		n, err := r.Body.Read(p)
		if !strings.Contains(string(p[:n]), "first") {
			t.Errorf("%q %v", p[:n], err)
		}
		w.c.Close()
		settled(t, "subs", 0, func() int64 { return int64(topic.Len()) })
	})
}

// Hooks of middleware around the handler run where the head is sent, on the answer that is sent.
func TestBlockingOuterHooks(t *testing.T) {
	forAside(t, func(t *testing.T, mw []Middleware) {
		for _, stream := range []bool{false, true} {
			srv := &Server{}
			outer := func(next Handler) Handler {
				return func(req *Request, resp *Response) Status {
					resp.BeforeHead(func(st Status) {
						resp.SetHeader("X-Outer", "1")
						resp.Filter(func(w io.Writer) io.WriteCloser { return shoutFilter{w} })
					})
					return next(req, resp)
				}
			}
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				resp.BeforeHead(func(st Status) { resp.SetHeader("X-Inner", "1") })
				resp.WriteString("hello")
				if stream {
					if err := resp.Flush(); err != nil {
						return resp.Fail(err)
					}
				}
				resp.WriteString(" world")
				return 200
			}, append([]Middleware{outer}, mw...)...)
			w := dial(t, serveTest(t, srv))
			w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			a := w.answer("GET")
			if a.body != "HELLO WORLD" || a.header.Get("X-Outer") != "1" ||
				a.header.Get("X-Inner") != "1" {
				t.Errorf("stream %v: %v", stream, a)
			}
			w.open("/")
		}
	})
}

type shoutFilter struct{ w io.Writer }

func (f shoutFilter) Write(p []byte) (int, error) {
	return f.w.Write([]byte(strings.ToUpper(string(p))))
}
func (f shoutFilter) Close() error { return nil }

// The time of a request is up for its handler too, when middleware around it has asked for the
// context.
func TestBlockingOuterContextTimeout(t *testing.T) {
	forAside(t, func(t *testing.T, mw []Middleware) {
		srv := &Server{Limits: Limits{Timeout: 300 * time.Millisecond}}
		outer := func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				req.Context()
				return next(req, resp)
			}
		}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			if err := req.Sleep(5 * time.Second); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "slept")
		}, append([]Middleware{outer}, mw...)...)
		w := dial(t, serveTest(t, srv))
		start := time.Now()
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if a := w.answer("GET"); a.status != 503 || time.Since(start) > 3*time.Second {
			t.Errorf("%v after %v", a, time.Since(start))
		}
	})
}

// What a Blocking handler has left of the body is there for the middleware around it.
func TestBlockingBodyAfterInner(t *testing.T) {
	for _, n := range []int{100, 300_000} {
		for _, chunk := range []bool{false, true} {
			t.Run(fmt.Sprint(n, chunk), func(t *testing.T) {
				srv := &Server{}
				outer := func(next Handler) Handler {
					return func(req *Request, resp *Response) Status {
						next(req, resp)
						rest, err := io.ReadAll(req.Body())
						if err != nil {
							return resp.Fail(err)
						}
						resp.Reset()
						return resp.Text(200,
							fmt.Sprint(len(rest), " ", strings.Trim(string(rest), "x")))
					}
				}
				srv.Handle("POST /", func(req *Request, resp *Response) Status {
					_, err := io.ReadFull(req.Body(), make([]byte, 10))
					if err != nil {
						return resp.Fail(err)
					}
					return resp.Text(200, "ok")
				}, outer, inner)
				w := dial(t, serveTest(t, srv))
				if chunk {
					w.send(fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\n"+
						"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
						n, fill(n-1)+"y"))
				} else {
					w.post("/", fill(n-1)+"y")
				}
				w.want("POST", 200, fmt.Sprint(n-10, " y"))
			})
		}
	}
}

// Defer runs, and observers are told, also when a goroutine was writing at the end.
func TestBlockingTornDefers(t *testing.T) {
	for name, mw := range map[string]Middleware{"blocking": Blocking, "inner": inner} {
		t.Run(name, func(t *testing.T) {
			srv := &Server{Loops: 1}
			var deferred atomic.Int64
			obs := make(observed, 10)
			srv.Observe(obs)
			stuck := make(chan struct{}) // in the middle of a Write, as the client reads nothing
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				req.Defer(func() { deferred.Add(1) })
				if err := resp.Flush(); err != nil {
					return resp.Fail(err)
				}
				in := make(chan struct{})
				go func() {
					close(in)
					for {
						if _, err := resp.Write(make([]byte, 1<<20)); err != nil {
							return
						}
					}
				}()
				<-in
				var out int64
				before := int64(-1)
				for ; out != before || out < 100<<10; time.Sleep(50 * time.Millisecond) {
					before, out = out, srv.Stats().BytesOut
				}
				close(stuck)
				return 200
			}, mw)
			w := dial(t, serveTest(t, srv))
			w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			received(t, stuck)
			if a := w.answer("GET"); a.err == nil {
				t.Errorf("whole")
			}
			if o := obs.next(t); !strings.Contains(o, ErrOver.Error()) {
				t.Errorf("observed %q", o)
			}
			settled(t, "deferred", 1, deferred.Load)
		})
	}
}

// Close of an upgraded connection tells the client, while the handler goes on.
func TestBlockingUpgradedClose(t *testing.T) {
	forAside(t, func(t *testing.T, mw []Middleware) {
		srv := &Server{}
		release := make(chan struct{})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			conn, err := resp.Upgrade("echo")
			if err != nil {
				return resp.Fail(err)
			}
			io.WriteString(conn, "bye")
			conn.Close()
			_ = req.Await(func(context.Context) error { <-release; return nil })
			return 200
		}, mw...)
		addr := serveTest(t, srv)
		w := upgraded(t, addr, "")
		w.c.SetDeadline(time.Now().Add(patience))
		b, err := io.ReadAll(w.r)
		if string(b) != "bye" || err != nil {
			t.Errorf("%q %v", b, err)
		}
		close(release)
	})
}

// Where there is no descriptor for an upgraded connection the client gets an error, and not one
// behind a 101 response.
func TestBlockingUpgradeWithoutDescriptors(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		var old unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			return resp.Fail(err)
		}
		few := old
		few.Cur = 3
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			return resp.Fail(err)
		}
		conn, err := resp.Upgrade("echo")
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			panic(err)
		}
		if err != nil {
			return resp.Fail(err)
		}
		conn.Close()
		return 200
	}, Blocking)
	w := dial(t, serveTest(t, srv))
	w.send(upgradeRequest)
	if a := w.answer("GET"); a.status != 500 {
		t.Errorf("%v", a)
	}
	w.send(upgradeRequest)
	if a := w.answer("GET"); a.status != 500 {
		t.Errorf("%v", a)
	}
}

// A handler for which there is no goroutine leaves the whole body to the error page.
func TestBlockingBusyBody(t *testing.T) {
	forAside(t, func(t *testing.T, mw []Middleware) {
		if mw == nil {
			return
		}
		srv := &Server{Loops: 1, Goroutines: 1}
		release := make(chan struct{})
		srv.ErrorPage = func(req *Request, resp *Response, st Status) Status {
			b, err := req.BodyBytes()
			return resp.Text(st, fmt.Sprint(string(b), err))
		}
		srv.Handle("POST /wait",
			func(req *Request, resp *Response) Status { <-release; return resp.Text(200, "") },
			mw...)
		srv.Handle("POST /",
			func(req *Request, resp *Response) Status { return resp.Text(200, "") }, mw...)
		addr := serveTest(t, srv)
		for range 2 {
			dial(t, addr).post("/wait", "")
		}
		settled(t, "queued", 1, func() int64 { return srv.Stats().Queued })
		dial(t, addr).post("/", "hello").want("POST", 503, "hello<nil>")
		close(release)
		settled(t, "queued", 0, func() int64 { return srv.Stats().Queued })
		settled(t, "awaiting", 0, func() int64 { return srv.Stats().Awaiting })
	})
}

// A hook of middleware around the handler dies, while that one sends the head.
func TestBlockingOuterHookDies(t *testing.T) {
	for name, end := range map[string]func(){
		"panic": func() { panic("as asked") }, "goexit": runtime.Goexit,
	} {
		forAside(t, func(t *testing.T, mw []Middleware) {
			srv := &Server{Loops: 1}
			outer := func(next Handler) Handler {
				return func(req *Request, resp *Response) Status {
					resp.BeforeHead(func(st Status) { end() })
					return next(req, resp)
				}
			}
			left := make(chan error, 1)
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				returned := false
				defer func() {
					if !returned {
						left <- nil
					}
				}()
				resp.WriteString("hello")
				err := resp.Flush()
				returned = true
				left <- err
				return resp.Fail(err)
			}, append([]Middleware{outer}, mw...)...)
			addr := serveTest(t, srv)
			w := dial(t, addr)
			w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if a := w.answer("GET"); a.status != 500 || strings.Contains(a.body, "hello") {
				t.Errorf("%s: %v", name, a)
			}
			received(t, left)
			settled(t, "awaiting", 0, func() int64 { return srv.Stats().Awaiting })
		})
	}
}

// TestGoneBehindStuckHandler: a handler waits for its client behind one that is stuck, and the
// client leaves: whenever it goes on it gets an error, and one that is documented.
func TestGoneBehindStuckHandler(t *testing.T) {
	for name, mw := range asideModes {
		t.Run(name, func(t *testing.T) {
			srv := &Server{
				Loops: 1, StallAfter: 10 * time.Millisecond, TakeOverAfter: 30 * time.Millisecond,
			}
			outcome := make(chan error, 1)
			stuck, release := make(chan struct{}), make(chan struct{})
			srv.Handle("POST /body", func(req *Request, resp *Response) Status {
				_, err := req.BodyBytes()
				outcome <- err
				return resp.Fail(err)
			}, mw...)
			srv.Handle("GET /stuck", func(req *Request, resp *Response) Status {
				close(stuck)
				<-release
				return resp.Text(200, "free")
			})
			srv.Handle("GET /ok", text("ok"))
			addr := serveTest(t, srv)
			a := dial(t, addr)
			a.send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
			// a second worker may read ahead
			settled(t, "parked", 1, func() int64 { return min(srv.Stats().Conns.Parked, 1) })
			b := dial(t, addr)
			b.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
			<-stuck
			c := dial(t, addr)
			c.open("/ok")
			a.reset()
			settled(t, "connections", 2, func() int64 {
				s := srv.Stats().Conns
				return s.Active + s.Idle
			})
			close(release)
			b.want("GET", 200, "free")
			if err := received(t, outcome); err != ErrGone {
				t.Errorf("the handler got %v", err)
			}
		})
	}
}

// Goroutines use everything that can wait across the end of their handler, however that ends.
func TestBlockingStraysEverywhere(t *testing.T) {
	t.Parallel()
	srv := &Server{Loops: 1, Limits: Limits{FormMemory: 1, Timeout: time.Second}, Goroutines: 64}
	srv.Handle("POST /{what}", func(req *Request, resp *Response) Status {
		what := req.Param("what")
		in := make(chan struct{})
		go func() {
			close(in)
			for {
				var err error
				switch what {
				case "form":
					_, err = req.Form()
				case "flush":
					_, err = resp.Write(make([]byte, 1000))
					if err == nil {
						err = resp.Flush()
					}
				case "sleep":
					err = req.Sleep(10 * time.Second)
				case "await":
					err = req.Await(func(ctx context.Context) error {
						<-ctx.Done()
						return ctx.Err()
					})
				case "upgrade":
					_, err = resp.Upgrade("echo")
				}
				if err != nil {
					return
				}
			}
		}()
		<-in
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		switch rand.IntN(4) {
		case 0:
			panic("as asked")
		case 1:
			runtime.Goexit()
		case 2:
			return 404
		}
		return 200
	}, Blocking)
	addr := serveTest(t, srv)
	for i := range 200 {
		what := []string{"form", "flush", "sleep", "await", "upgrade"}[i%5]
		w := dial(t, addr)
		w.send("POST /" + what + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" +
			"Upgrade: echo\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
			"Content-Length: 3000\r\n\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" +
			fill(2000))
		if i%2 == 0 { // some leave at once
			_ = w.c.SetDeadline(time.Now().Add(20 * time.Millisecond))
			_, _ = io.CopyN(io.Discard, w.r, 1<<20)
		}
		w.c.Close()
	}
	settled(t, "handlers", 0, func() int64 { return srv.Stats().Awaiting })
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Active + s.Conns.Parked
	})
}
