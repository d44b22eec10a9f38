//go:build linux

package lwan

import (
	"io"
	"runtime"
	"testing"
)

// TestSecondDeath: what waits for the end of a request is told of it, whatever ends the goroutine
// on the way there: the handler, the error page, an observer, each function of Defer.
func TestSecondDeath(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		deferred, ended := make(chan bool, 3), make(chan bool, 1)
		observed := make(chan bool, 1)
		srv := &Server{Loops: 1, ErrorPage: func(*Request, *Response, Status) Status {
			runtime.Goexit()
			return 0
		}}
		srv.Handle("GET /x", func(req *Request, resp *Response) Status {
			for range 3 {
				req.Defer(func() {
					deferred <- true
					runtime.Goexit()
				})
			}
			ctx := req.Context()
			go func() {
				<-ctx.Done()
				ended <- true
			}()
			runtime.Goexit()
			return 0
		}, mw...)
		srv.Handle("GET /ok", text("ok"))
		srv.Observe(doneFunc(func(req *Request, _ *Response) {
			if req.Path() == "/x" {
				observed <- true
				runtime.Goexit()
			}
		}))
		addr := serveTest(t, srv)
		for range 3 {
			w := dial(t, addr)
			w.send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
			_, _ = io.Copy(io.Discard, w.r)
			for range 3 {
				received(t, deferred)
			}
			received(t, ended)
			received(t, observed)
		}
		if len(observed) > 0 {
			t.Error("observers were told twice")
		}
		dial(t, addr).open("/ok")
	})
}
