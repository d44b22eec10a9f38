//go:build linux

package lwan

import (
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestSubscriptionEndsOnce: a handler that dies behind Subscribe, with an answer that must not be
// sent, ends its subscription once.
func TestSubscriptionEndsOnce(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		var topic Topic
		ends := make(chan error, 2)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			resp.SetHeader("X-Bad", "a\r\nb")
			resp.Filter(func(w io.Writer) io.WriteCloser { return keptOpen{w} })
			topic.Subscribe(resp, Subscription{OnEnd: func(err error) { ends <- err }})
			runtime.Goexit()
			return 200
		}, mw...)
		a := get(t, serveTest(t, srv), "/")
		if a.status != 500 || topic.Len() != 0 {
			t.Errorf("%v, %d subscribers", a, topic.Len())
		}
		if err := received(t, ends); !errors.Is(err, ErrDropped) {
			t.Errorf("%v", err)
		}
		if len(ends) != 0 {
			t.Error("the subscription has ended twice")
		}
	})
}

type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }

// TestFailureBehindSubscribe: a failure that middleware returns cuts the stream and ends the
// subscription, on a loop and behind a Filter.
func TestFailureBehindSubscribe(t *testing.T) {
	plain := func(next Handler) Handler { return next }
	filter := filtered(func(w io.Writer) io.WriteCloser { return keptOpen{w} })
	for name, mw := range map[string]Middleware{"plain": plain, "filter": filter} {
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			t.Run(name+" "+version, func(t *testing.T) {
				srv := &Server{}
				var topic Topic
				ends := make(chan error, 2)
				srv.Handle("GET /", func(req *Request, resp *Response) Status {
					topic.Subscribe(resp, Subscription{OnEnd: func(err error) { ends <- err }})
					return resp.Fail(errSecret)
				}, mw)
				a := ask(t, serveTest(t, srv), "/", version)
				if a.status != 200 || a.err == nil || topic.Len() != 0 {
					t.Errorf("%v, %d subscribers", a, topic.Len())
				}
				if err := received(t, ends); !errors.Is(err, ErrDropped) {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// doneFunc is an Observer.
type doneFunc func(req *Request, resp *Response)

func (f doneFunc) Done(req *Request, resp *Response, _ time.Duration) { f(req, resp) }
func (f doneFunc) Close() error                                       { return nil }

// TestEndRunsOnce: each observer and each function of Defer runs once, whichever of them ends the
// goroutine, the context ends, and the client has its answer.
func TestEndRunsOnce(t *testing.T) {
	for _, where := range []string{"observer", "defer", "handler", "nowhere"} {
		t.Run(where, func(t *testing.T) {
			log := make(chan string, 20)
			over := make(chan context.Context, 1)
			note := func(what string) {
				log <- what
				if strings.HasPrefix(what, where) {
					runtime.Goexit()
				}
			}
			srv := &Server{}
			srv.Observe(doneFunc(func(*Request, *Response) { note("observer1") }))
			srv.Observe(doneFunc(func(*Request, *Response) { note("observer2") }))
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				over <- req.Context()
				for _, name := range []string{"defer1", "defer2", "defer3"} {
					req.Defer(func() { note(name) })
				}
				note("handler")
				return resp.Text(200, "ok")
			})
			want := map[string]int{"handler": 500}[where]
			if a := get(t, serveTest(t, srv), "/"); a.status != max(want, 200) || a.err != nil {
				t.Errorf("%v", a)
			}
			received(t, received(t, over).Done())
			for _, want := range []string{
				"handler", "observer1", "observer2", "defer3", "defer2", "defer1",
			} {
				if got := received(t, log); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
			if len(log) > 0 {
				t.Errorf("once more: %s", <-log)
			}
		})
	}
}

// TestBytesOfNoContent: what was written of an answer that has no content was not sent.
func TestBytesOfNoContent(t *testing.T) {
	srv := &Server{}
	sent := make(chan int64, 1)
	srv.Observe(doneFunc(func(_ *Request, resp *Response) { sent <- resp.BytesSent() }))
	srv.Handle("GET /whole/{status}", func(req *Request, resp *Response) Status {
		st, err := Param[int](req, "status")
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(Status(st), "four")
	})
	srv.Handle("GET /stream/{status}", func(req *Request, resp *Response) Status {
		st, err := Param[int](req, "status")
		if err != nil {
			return resp.Fail(err)
		}
		if err := resp.SendHead(Status(st)); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("four")
		return 200
	})
	addr := serveTest(t, srv)
	for _, way := range []string{"/whole/", "/stream/"} {
		for status, want := range map[string]int64{"200": 4, "204": 0, "205": 0, "304": 0} {
			for _, method := range []string{"GET", "HEAD"} {
				once(t, addr, method, method+" "+way+status+" HTTP/1.1\r\nHost: x\r\n\r\n")
				if method == "HEAD" {
					want = 0
				}
				if n := received(t, sent); n != want {
					t.Errorf("%s %s%s: %d bytes, want %d", method, way, status, n, want)
				}
			}
		}
	}
}
