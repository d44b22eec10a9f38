//go:build linux && !golwan_nethttp

package lwan

import (
	"sync/atomic"
	"testing"
	"time"
)

// TestManyShortStalls: a middleware that waits for less than StallAfter, all the time, is found,
// moved, and named once.
func TestManyShortStalls(t *testing.T) {
	for _, threads := range []Threads{ThreadsPinned, ThreadsFree} {
		stalls := make(chan Stall, 100)
		srv := &Server{
			Loops: 1, Threads: threads, StallAfter: 40 * time.Millisecond,
			OnStall: func(s Stall) { stalls <- s },
		}
		ticks := make(chan struct{}) // what the middleware waits for: a session, say
		var onLoop atomic.Bool
		srv.Handle("GET /x", text("x"), func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				onLoop.Store(req.on.Inline())
				<-ticks
				return next(req, resp)
			}
		})
		addr := serveTest(t, srv)
		quit := make(chan struct{})
		go func() {
			for {
				tick := time.NewTimer(7 * time.Millisecond)
				select {
				case <-tick.C:
				case <-quit:
					return
				}
				select {
				case ticks <- struct{}{}:
				case <-quit:
					return
				}
			}
		}()
		w := dial(t, addr)
		var got Stall
		for begin := time.Now(); got.Pattern == "" && time.Since(begin) < patience; {
			w.send(get1("/x"))
			w.want("GET", 200, "x")
			select {
			case got = <-stalls:
			default:
			}
		}
		if got.Pattern != "GET /x" || got.In != "handler" || got.Wait != "channel" || !got.Moved {
			t.Errorf("%+v", got)
		}
		w.send(get1("/x"))
		w.want("GET", 200, "x")
		if onLoop.Load() {
			t.Error("it still runs on the loop")
		}
		close(quit)
	}
}
