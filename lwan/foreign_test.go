//go:build linux && !race && !lwandebug

package lwan

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// The tests of this file are data races, and the detector says so; without it the request has to
// say so itself.

// TestForeignGoroutine: a request returns an error to a goroutine that does not run it, and nothing
// breaks.
func TestForeignGoroutine(t *testing.T) {
	srv := &Server{}
	escaped := make(chan *Request, 1)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		escaped <- req
		return resp.Text(200, "done")
	})
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	w.want("GET", 200, "done")
	settled(t, "active", 0, func() int64 { return srv.Stats().Conns.Active })
	req := received(t, escaped)
	_, err := io.ReadAll(req.Body())
	for name, err := range map[string]error{
		"Sleep": req.Sleep(1), "Await": req.Await(func(context.Context) error { return nil }),
		"Body": err,
	} {
		if name == "Body" && err == nil {
			continue // there was none
		}
		if !errors.Is(err, ErrForeign) {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
	w.open("/ok")
}

// TestForeignCallsLeaveTheLoop: what a goroutine asks of a request that it does not run changes
// nothing of the loop, also if that was taken over from the handler meanwhile.
func TestForeignCallsLeaveTheLoop(t *testing.T) {
	if !onLoops {
		t.Skip("there is no loop")
	}
	for name, call := range map[string]func(req *Request, resp *Response){
		"RemoteAddr": func(req *Request, _ *Response) { req.RemoteAddr() },
		"Scheme":     func(req *Request, _ *Response) { req.Scheme() },
		"TLS":        func(req *Request, _ *Response) { req.TLS() },
		"Form":       func(req *Request, _ *Response) { _, _ = req.Form() },
		"Flush":      func(_ *Request, resp *Response) { _ = resp.Flush() },
		"hijack":     func(_ *Request, resp *Response) { _, _, _ = resp.hijack() },
		"Blocking":   func(req *Request, resp *Response) { Blocking(text("x"))(req, resp) },
		"FromHTTP": func(req *Request, resp *Response) {
			FromHTTP(http.NotFoundHandler())(req, resp)
		},
	} {
		for _, where := range []string{"stuck", "parked"} {
			t.Run(name+" "+where, func(t *testing.T) {
				srv := &Server{
					Loops: 1, KeepInline: true, StallAfter: 10 * time.Millisecond,
					TakeOverAfter: 20 * time.Millisecond,
				}
				type pair struct {
					req  *Request
					resp *Response
				}
				escaped, goOn := make(chan pair, 1), make(chan struct{})
				srv.Handle("GET /", func(req *Request, resp *Response) Status {
					escaped <- pair{req, resp}
					if where == "stuck" {
						<-goOn
						return resp.Text(200, "done")
					}
					err := req.Await(func(context.Context) error { <-goOn; return nil })
					if err != nil {
						return resp.Fail(err)
					}
					return resp.Text(200, "done")
				})
				srv.Handle("GET /ok", text("ok"))
				addr := serveTest(t, srv)
				o, w := dial(t, addr), dial(t, addr)
				w.send(get1("/"))
				kept := received(t, escaped)
				o.open("/ok") // the loop has another thread, or is free
				call(kept.req, kept.resp)
				o.open("/ok")
				close(goOn)
				w.want("GET", 200, "done")
				o.open("/ok")
			})
		}
	}
}
