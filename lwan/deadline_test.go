//go:build linux

package lwan

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

const deadline = 20 * time.Millisecond

// overdue are handlers whose time is up while they do what their names say. Handlers that can
// notice would wait for ever.
var overdue = map[string]Handler{
	"sleep": func(req *Request, resp *Response) Status { return resp.Fail(req.Sleep(time.Hour)) },
	"sleep, error ignored": func(req *Request, resp *Response) Status {
		for {
			req.Sleep(time.Hour)
		}
	},
	"every": func(req *Request, resp *Response) Status {
		for range req.Every(time.Millisecond) {
		}
		return resp.Text(200, "the sequence has ended")
	},
	"await": func(req *Request, resp *Response) Status {
		return resp.Fail(req.Await(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}))
	},
	"await, deaf": func(req *Request, resp *Response) Status {
		err := req.Await(func(context.Context) error {
			time.Sleep(2 * deadline) // what it stands for: a call that knows no context
			return nil
		})
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "late")
	},
	"queue": func(req *Request, resp *Response) Status {
		var q Queue[int]
		_, err := q.Pop(req)
		return resp.Fail(err)
	},
	"queue, all": func(req *Request, resp *Response) Status {
		var q Queue[int]
		for range q.All(req) {
		}
		return resp.Text(200, "the sequence has ended")
	},
	"body": func(req *Request, resp *Response) Status {
		_, err := req.BodyBytes()
		return resp.Fail(err)
	},
	"body reader": func(req *Request, resp *Response) Status {
		_, err := io.Copy(io.Discard, req.Body())
		return resp.Fail(err)
	},
	"form": func(req *Request, resp *Response) Status {
		_, err := req.Form()
		return resp.Fail(err)
	},
	"spin, looking": func(req *Request, resp *Response) Status {
		for req.Context().Err() == nil {
		}
		return resp.Fail(req.Context().Err())
	},
	"spin": func(req *Request, resp *Response) Status {
		for begin := time.Now(); time.Since(begin) < 2*deadline; {
		}
		resp.SetHeader("Cache-Control", "max-age=3600") // of an answer that is not sent
		return resp.Text(200, "late")
	},
}

// TestDeadline: whatever the handler does when its time is up, on the loop or on a goroutine, the
// client gets 503 as long as nothing was sent. What middleware has set is sent too, and the
// connection goes on if the request was read to its end.
func TestDeadline(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Limits: Limits{Timeout: deadline}}
		srv.Use(func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				resp.SetHeader("X-Middleware", "was here")
				st := next(req, resp)
				if req.Path() != "/" && st != StatusUnavailable {
					t.Errorf("%s: middleware sees %d", req.Path(), st)
				}
				return st
			}
		})
		for name, h := range overdue {
			srv.Handle("POST /"+strings.ReplaceAll(name, " ", "_"), h, mw...)
		}
		srv.Handle("GET /", text("hello"), WithLimits(Limits{Timeout: -1}))
		addr := serveTest(t, srv)
		for name := range overdue {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := dial(t, addr)
				path := "POST /" + strings.ReplaceAll(name, " ", "_") + " HTTP/1.1\r\nHost: x\r\n"
				unread := strings.HasPrefix(name, "body") || name == "form"
				if unread {
					path += "Content-Type: application/x-www-form-urlencoded\r\n" +
						"Content-Length: 10\r\n\r\nhalf="
				} else {
					path += "\r\n"
				}
				w.send(path)
				a := w.answer("POST")
				if a.status != 503 || a.header.Get("Retry-After") == "" ||
					a.header.Get("Cache-Control") == "max-age=3600" {
					t.Errorf("%v", a)
				}
				ignored := strings.HasSuffix(name, "ignored")
				if !ignored && a.header.Get("X-Middleware") == "" {
					t.Errorf("%v: what middleware has set is lost", a)
				}
				if a.close {
					w.ended()
				} else if w.open("/"); unread {
					t.Error("the connection goes on behind half a body")
				}
			})
		}
	})
}

// TestDeadlineOfAStream: once the head has left, the limit has been kept. An event stream lives on,
// and so does its context.
func TestDeadlineOfAStream(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Limits: Limits{Timeout: deadline}}
		over := make(chan bool, 1)
		srv.Handle("GET /events", func(req *Request, resp *Response) Status {
			ctx := req.Context()
			events := resp.Events()
			for range req.Every(deadline) {
				if err := events.Send(Event{Data: "tick"}); err != nil {
					over <- context.Cause(ctx) == ErrTimeout
					return resp.Fail(err)
				}
			}
			over <- context.Cause(ctx) == ErrTimeout
			return 200
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
		_, answer := w.head("GET")
		body := bufio.NewReader(answer.Body)
		for range 5 { // the fourth comes after the limit
			streamLine(t, body, "data")
		}
		w.reset()
		if received(t, over) {
			t.Error("the time was up for a stream that had begun")
		}
	})
}
