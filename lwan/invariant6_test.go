//go:build linux && !golwan_nethttp

package lwan

import (
	"io"
	"runtime"
	"testing"
	"time"
)

// misdeeds is what code of a program's can do where it is called. (What blocks is in
// TestInvariant7AllCodeIsWatched.)
var misdeeds = map[string]func(req *Request){
	"sleeps": func(req *Request) { _ = req.Sleep(time.Millisecond) }, // in some places it may not
	"panics": func(*Request) { panic("on purpose") },
	"exits":  func(*Request) { runtime.Goexit() },
}

// closeFunc is a Filter that does something when it is closed.
type closeFunc struct {
	io.Writer
	close func()
}

func (f closeFunc) Close() error {
	f.close()
	return nil
}

// TestInvariant6: whatever hooks do, other requests are served, every count is 0 at the end, and
// each hook is called once for a request.
func TestInvariant6(t *testing.T) {
	for hook, prepare := range map[string]func(s *Server, act func(*Request)) (request string){
		"ErrorPage": func(s *Server, act func(*Request)) string {
			s.ErrorPage = func(req *Request, resp *Response, st Status) Status {
				act(req)
				return st
			}
			return get1("/nowhere")
		},
		"ErrorPage of a bad request": func(s *Server, act func(*Request)) string {
			s.ErrorPage = func(req *Request, resp *Response, st Status) Status {
				act(req)
				return st
			}
			return "GET / HTTP/1.1\r\nHo st: x\r\n\r\n"
		},
		"BeforeHead": func(s *Server, act func(*Request)) string {
			s.Handle("GET /x", func(req *Request, resp *Response) Status {
				resp.BeforeHead(func(Status) { act(req) })
				return resp.Text(200, "x")
			})
			return get1("/x")
		},
		"Filter": func(s *Server, act func(*Request)) string {
			s.Handle("GET /x", func(req *Request, resp *Response) Status {
				resp.Filter(func(w io.Writer) io.WriteCloser {
					return closeFunc{w, func() { act(req) }}
				})
				return resp.Text(200, "x")
			})
			return get1("/x")
		},
		"Observer": func(s *Server, act func(*Request)) string {
			s.Observe(doneFunc(func(req *Request, _ *Response) {
				if req.Path() == "/x" {
					act(req)
				}
			}))
			s.Handle("GET /x", text("x"))
			return get1("/x")
		},
		"Defer": func(s *Server, act func(*Request)) string {
			s.Handle("GET /x", func(req *Request, resp *Response) Status {
				req.Defer(func() { act(req) })
				return resp.Text(200, "x")
			})
			return get1("/x")
		},
		"Defer of a Blocking route": func(s *Server, act func(*Request)) string {
			s.Handle("GET /x", func(req *Request, resp *Response) Status {
				req.Defer(func() { act(req) })
				return resp.Text(200, "x")
			}, Blocking)
			return get1("/x")
		},
		"middleware of 404": func(s *Server, act func(*Request)) string {
			s.Use(func(next Handler) Handler {
				return func(req *Request, resp *Response) Status {
					if req.Path() != "/ok" {
						act(req)
					}
					return next(req, resp)
				}
			})
			return get1("/nowhere")
		},
	} {
		for how, act := range misdeeds {
			t.Run(hook+" "+how, func(t *testing.T) {
				calls := make(chan struct{}, 10)
				srv := &Server{Loops: 1}
				request := prepare(srv, func(req *Request) {
					calls <- struct{}{}
					act(req)
				})
				srv.Handle("GET /ok", text("ok"))
				addr := serveTest(t, srv)
				o, w := dial(t, addr), dial(t, addr)
				o.open("/ok")
				w.send(request)
				received(t, calls)
				o.open("/ok")
				w.closeWrite()
				_, _ = io.Copy(io.Discard, w.r) // an answer, or none
				settled(t, "active", 0, func() int64 { return srv.Stats().Conns.Active })
				if len(calls) > 0 {
					t.Errorf("it was called %d times more", len(calls))
				}
			})
		}
	}
}

// TestEndOfASubscription: OnEnd, and what observers do at the end of a subscription, are called
// while the loop is in the middle of something else. They may block, panic and exit all the same.
func TestEndOfASubscription(t *testing.T) {
	release := make(chan struct{})
	for how, act := range map[string]func(){
		"blocks": func() { <-release }, "panics": func() { panic("on purpose") },
		"exits": runtime.Goexit, "returns": func() {},
	} {
		for _, where := range []string{"OnEnd", "Observer"} {
			t.Run(where+" "+how, func(t *testing.T) {
				release = make(chan struct{})
				called, observed := make(chan struct{}, 1), make(chan struct{}, 1)
				srv := &Server{
					Loops: 1, StallAfter: 10 * time.Millisecond,
					TakeOverAfter: 30 * time.Millisecond,
				}
				var topic Topic
				srv.Handle("GET /sub", func(req *Request, resp *Response) Status {
					return topic.Subscribe(resp, Subscription{OnEnd: func(error) {
						called <- struct{}{}
						if where == "OnEnd" {
							act()
						}
					}})
				})
				srv.Observe(doneFunc(func(req *Request, _ *Response) {
					if req.Path() == "/sub" {
						observed <- struct{}{}
						if where == "Observer" {
							act()
						}
					}
				}))
				srv.Handle("GET /ok", text("ok"))
				addr := serveTest(t, srv)
				end := func() { close(release) }
				o, w := dial(t, addr), dial(t, addr)
				o.open("/ok")
				w.send(get1("/sub"))
				settled(t, "subscribed", 1, func() int64 { return int64(topic.Len()) })
				w.reset()
				received(t, called)
				o.open("/ok")
				if where == "Observer" || how != "blocks" {
					received(t, observed)
				}
				o.open("/ok")
				end()
				settled(t, "subscribed", 0, func() int64 { return int64(topic.Len()) })
				if how != "blocks" {
					return
				}
				s := srv.Stats().Stalls
				if len(s) != 1 || s[0].Pattern != "GET /sub" || s[0].In != where {
					t.Errorf("%+v", s)
				}
				if where == "OnEnd" {
					received(t, observed)
				}
			})
		}
	}
}
