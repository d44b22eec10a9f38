//go:build linux

package lwan

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestSubscribeWithHooksThatDie: a hook of the head ends Subscribe, so nobody serves the
// subscription, which has begun by then. It is over all the same, and told of it once.
func TestSubscribeWithHooksThatDie(t *testing.T) {
	hooks := map[string]func(){"panic": func() { panic("on purpose") }}
	if onLoops { // net/http cannot answer behind a Goexit
		hooks["goexit"] = runtime.Goexit
	}
	for name, die := range hooks {
		dying := func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				resp.BeforeHead(func(Status) { die() })
				return next(req, resp)
			}
		}
		for kind, mw := range map[string][]Middleware{
			"inline": {dying}, "filter": {filtering, dying}, "blocking": {Blocking, dying},
			"blocking filter": {Blocking, filtering, dying},
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				topic := &Topic{}
				var ended atomic.Int64
				obs := make(observed, 1)
				srv := &Server{}
				srv.Observe(obs)
				srv.Handle("GET /", func(req *Request, resp *Response) Status {
					return topic.Subscribe(resp, Subscription{
						Key: "key", OnEnd: func(error) { ended.Add(1) },
					})
				}, mw...)
				get(t, serveTest(t, srv), "/")
				obs.next(t)
				topic.Drop("key") // finds nobody
				topic.Publish(Event{Data: "to nobody"})
				if n, ends := topic.Len(), ended.Load(); n != 0 || ends != 1 {
					t.Errorf("%d subscribers, and %d were told of the end", n, ends)
				}
			})
		}
	}
}
