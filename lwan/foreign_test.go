//go:build linux && !race && !lwandebug

package lwan

import (
	"context"
	"errors"
	"io"
	"testing"
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
