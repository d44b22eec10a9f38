//go:build linux && !golwan_nethttp

package soak_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan"
)

// The handlers of TestSoak that wait, those that do not come to an end by themselves, and those
// that do in bad ways.

func (s *soakSite) waitingRoutes(srv *lwan.Server) {
	for mode, mw := range map[string][]lwan.Middleware{"inline": nil, "blocking": {lwan.Blocking}} {
		waiting := func(name string, wait func(req *lwan.Request) error) {
			srv.Handle("GET /"+mode+"/"+name,
				func(req *lwan.Request, resp *lwan.Response) lwan.Status {
					if err := wait(req); err != nil {
						return resp.Fail(err)
					}
					return resp.Text(200, name)
				}, mw...)
		}
		waiting("nothing", func(req *lwan.Request) error { return nil })
		waiting("sleep", func(req *lwan.Request) error { return req.Sleep(2 * time.Millisecond) })
		waiting("await", func(req *lwan.Request) error {
			return req.Await(func(context.Context) error { runtime.Gosched(); return nil })
		})
		waiting("every", func(req *lwan.Request) error {
			n := 0
			for range req.Every(time.Millisecond) {
				if n++; n == 3 {
					break
				}
			}
			return nil
		})
		waiting("last", func(req *lwan.Request) error { // at the end of the run
			s.sleeping <- struct{}{}
			return req.Sleep(200 * time.Millisecond)
		})
	}
	srv.Handle("GET /queue/{name}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		v, err := s.queue(req.Param("name")).Pop(req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, v)
	})
	srv.Handle("POST /queue/{name}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		b, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		if !s.queue(req.Param("name")).Push(string(b)) {
			return 409
		}
		return 204
	})
}

func (s *soakSite) queue(name string) *lwan.Queue[string] {
	q, _ := s.queues.LoadOrStore(name, new(lwan.Queue[string]))
	return q.(*lwan.Queue[string])
}

func (s *soakSite) streamRoutes(srv *lwan.Server) {
	srv.Handle("GET /events/{n}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		n, err := lwan.Param[int](req, "n")
		if err != nil {
			return resp.Fail(err)
		}
		events := resp.Events()
		for i := range n {
			if err := events.Send(lwan.Event{
				ID: strconv.Itoa(i), Data: req.Header("X-Id"),
			}); err != nil {
				return resp.Fail(err)
			}
			if i%8 == 7 {
				if err := req.Sleep(time.Millisecond); err != nil {
					return resp.Fail(err)
				}
			}
		}
		return 200
	})
	for name, topic := range map[string]*lwan.Topic{"news": s.news, "gossip": s.gossip} {
		srv.Handle("GET /topic/"+name, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			s.joined.Add(1)
			return topic.Subscribe(resp, lwan.Subscription{
				First: []lwan.Event{{Name: "hello", Data: req.Header("X-Id")}},
				OnEnd: func(error) { s.left.Add(1) },
			})
		})
	}
	srv.Handle("GET /early", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if err := resp.EarlyHints("</a.css>; rel=preload; as=style"); err != nil {
			return resp.Fail(err)
		}
		resp.SetTrailer("X-Sum", "of "+req.Header("X-Id"))
		resp.WriteString("early")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	srv.Handle("GET /upgrade", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		c, err := resp.Upgrade("echo")
		if err != nil {
			return resp.Fail(err)
		}
		_, _ = io.Copy(c, c) // until the client leaves, in one way or the other
		return 200
	})
	srv.Handle("GET /hijack", lwan.FromHTTP(http.HandlerFunc(s.hijack)))
}

// hijack echoes on a connection that no loop knows any more.
func (s *soakSite) hijack(w http.ResponseWriter, r *http.Request) {
	c, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.hijacked.Go(func() {
		defer c.Close()
		_, err := io.WriteString(c,
			"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		if err == nil {
			_, _ = io.Copy(c,
				io.MultiReader(io.LimitReader(rest, int64(rest.Reader.Buffered())), c))
		}
	})
}

// misbehavingRoutes end in ways in which no handler should.
func misbehavingRoutes(srv *lwan.Server) {
	bad := func(path string, h lwan.Handler, mw ...lwan.Middleware) {
		srv.Handle("GET /bad/"+path, h, mw...)
	}
	bad("panic", func(req *lwan.Request, resp *lwan.Response) lwan.Status { panic("on purpose") })
	bad("panic/blocking",
		func(req *lwan.Request, resp *lwan.Response) lwan.Status { panic("on purpose") },
		lwan.Blocking)
	bad("nil", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		var page *soakPage
		return resp.Text(200, page.Title)
	})
	bad("goexit", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		runtime.Goexit()
		return 200
	})
	bad("field", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.SetHeader("X-Split", "a\r\nSet-Cookie: b=c")
		return resp.Text(200, "split")
	})
	bad("status", func(req *lwan.Request, resp *lwan.Response) lwan.Status { return 42 })
	bad("half", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		resp.WriteString("half")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		panic("on purpose")
	})
	bad("late", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		if err := req.Sleep(time.Hour); err != nil {
			return resp.Fail(err)
		}
		return 200
	}, lwan.WithLimits(lwan.Limits{Timeout: 20 * time.Millisecond}))
	for i := range soakStalls {
		var calls atomic.Int64
		bad(fmt.Sprintf("stall/%d", i), func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if calls.Add(1) <= 3 { // by then it has been found
				for end := time.Now().Add(80 * time.Millisecond); time.Now().Before(end); {
				}
			}
			return resp.Text(200, "stalled")
		})
	}
	for i := range soakStucks {
		bad(fmt.Sprintf("stuck/%d", i), func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			time.Sleep(400 * time.Millisecond) // longer than TakeOverAfter
			return resp.Text(200, "stuck")
		})
	}
}
