//go:build linux && !golwan_nethttp

package lwan

import (
	"bufio"
	"context"
	"runtime"
	"testing"
)

// TestSubscriptionIsServedBeforeItsRequestEnds: the connection is the subscription's once
// middleware has returned, whatever Defer still does: wait, or end the worker. It was served only
// when that had ended, and cut if the worker had died.
func TestSubscriptionIsServedBeforeItsRequestEnds(t *testing.T) {
	for name, last := range map[string]func(req *Request, release chan bool){
		"waits": func(req *Request, release chan bool) {
			_ = req.Await(func(context.Context) error { <-release; return nil })
		},
		"dies": func(*Request, chan bool) { runtime.Goexit() },
	} {
		both(t, func(t *testing.T, mw ...Middleware) {
			t.Run(name, func(t *testing.T) {
				topic, release := &Topic{}, make(chan bool)
				ended, after := make(chan error, 1), make(chan bool, 1)
				srv := &Server{}
				srv.Handle("GET /events", func(req *Request, resp *Response) Status {
					req.Defer(func() { after <- true })
					req.Defer(func() { last(req, release) })
					onEnd := func(cause error) { ended <- cause }
					return topic.Subscribe(resp, Subscription{OnEnd: onEnd})
				}, mw...)
				w := dial(t, serveTest(t, srv))
				w.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
				_, a := w.head("GET")
				topic.Publish(Event{Data: "news"})
				streamLine(t, bufio.NewReader(a.Body), "data")
				close(release)
				received(t, after)
				topic.Close()
				if err := received(t, ended); err != ErrDropped {
					t.Errorf("it has ended with %v", err)
				}
			})
		})
	}
}
