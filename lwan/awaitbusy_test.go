//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestAwaitInAStreamIsBusy: no goroutine is left, and the stream is not harmed. On net/http there
// is one for each connection, and nothing queues for it.
func TestAwaitInAStreamIsBusy(t *testing.T) {
	srv := &Server{Goroutines: 1, Heartbeat: time.Minute, Loops: 1}
	hold := make(chan struct{})
	begun := make(chan struct{}, 2)
	wait := func(context.Context) error { begun <- struct{}{}; <-hold; return nil }
	srv.Handle("GET /hold", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Await(wait))
	})
	srv.Handle("GET /stream", func(req *Request, resp *Response) Status {
		events := resp.Events()
		err := req.Await(wait)
		if err := events.Send(Event{Data: fmt.Sprint(err == ErrBusy)}); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	addr := serveTest(t, srv)
	defer close(hold)
	for range 2 { // one runs, one is queued
		dial(t, addr).send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	received(t, begun)
	settled(t, "queued", 1, func() int64 { return srv.Stats().Queued })
	w := dial(t, addr)
	w.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	if a := w.answer("GET"); a.body != "data: true\n\n" || a.err != nil {
		t.Errorf("%v", a)
	}
}
