//go:build linux

package lwan

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// endless are handlers whose answer to GET has no end.
var endless = map[string]Handler{
	"every": func(req *Request, resp *Response) Status {
		ev := resp.Events()
		for range req.Every(time.Millisecond) {
			if err := ev.Send(Event{Data: "x"}); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	},
	"all": func(req *Request, resp *Response) Status {
		resp.Events()
		for range new(Queue[int]).All(req) {
		}
		return 200
	},
	"pop": func(req *Request, resp *Response) Status {
		resp.Events()
		_, err := new(Queue[int]).Pop(req)
		return resp.Fail(err)
	},
	"sleep": func(req *Request, resp *Response) Status {
		ev := resp.Events()
		for {
			if err := req.Sleep(time.Hour); err != nil {
				return resp.Fail(err)
			}
			_ = ev.Send(Event{Data: "x"})
		}
	},
	"send": func(req *Request, resp *Response) Status {
		ev := resp.Events()
		for {
			if err := ev.Send(Event{Data: "x"}); err != nil {
				return resp.Fail(err)
			}
		}
	},
	"await": func(req *Request, resp *Response) Status {
		ev := resp.Events()
		for {
			s, err := Await(req, func(ctx context.Context) (string, error) {
				<-ctx.Done()
				return "", ctx.Err()
			})
			if err == nil {
				err = ev.Send(Event{Data: s})
			}
			if err != nil {
				return resp.Fail(err)
			}
		}
	},
	"no events": func(req *Request, resp *Response) Status {
		for range req.Every(time.Millisecond) {
			resp.WriteString("x")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	},
	"topic": func(req *Request, resp *Response) Status {
		return new(Topic).Subscribe(resp, Subscription{})
	},
	"topic behind a filter": func(req *Request, resp *Response) Status {
		resp.Filter(upperFilter)
		return new(Topic).Subscribe(resp, Subscription{})
	},
}

// TestHeadOfAnEndlessStream: the handler waited on, and the next request on the connection was
// never answered.
func TestHeadOfAnEndlessStream(t *testing.T) {
	t.Parallel()
	for name, h := range endless {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, mw ...Middleware) {
				srv := &Server{}
				srv.Handle("GET /stream", h, mw...)
				srv.Handle("GET /ok", text("ok"))
				book := logged(srv)
				w := dial(t, serveTest(t, srv))
				w.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n")
				a := w.answer("HEAD")
				ct := a.header.Get("Content-Type")
				if a.status != 200 || ct != "text/event-stream" && name != "no events" {
					t.Errorf("%v", a)
				}
				w.open("/ok")
				if book.lines("level=ERROR") > 0 {
					t.Errorf("logged:\n%s", book)
				}
			})
			t.Run("net/http", func(t *testing.T) {
				ts := httptest.NewServer(ToHTTP(h))
				defer ts.Close()
				w := dial(t, strings.TrimPrefix(ts.URL, "http://"))
				w.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
				w.answer("HEAD")
				w.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
				w.answer("HEAD")
			})
		})
	}
}

// TestHeadThatIsNotHeard: a handler that does not look at errors ends all the same.
func TestHeadThatIsNotHeard(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ended := make(chan error, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ev := resp.Events()
			err := ev.Send(Event{Data: "x"})
			defer func() { ended <- err }()
			for {
				_ = ev.Send(Event{Data: "x"})
				_ = req.Sleep(time.Millisecond)
			}
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
		if a := w.answer("HEAD"); a.status != 200 {
			t.Errorf("%v", a)
		}
		if err := received(t, ended); !errors.Is(err, ErrBodyNotAllowed) {
			t.Errorf("Send: %v", err)
		}
		w.ended()
	})
}
