package lwantest

import (
	"context"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/lwan"
)

// A subscription in memory is one as on a socket: with a replay larger than Backlog, Gap,
// heartbeats and each of its ends.
func TestTopicInMemory(t *testing.T) {
	newTopic := func() *lwan.Topic {
		topic := &lwan.Topic{Replay: 1000, Backlog: 100, Slow: lwan.Disconnect}
		for i := range 1000 {
			topic.Publish(lwan.Event{ID: "e" + strconv.Itoa(i), Data: strconv.Itoa(i)})
		}
		return topic
	}
	ends := map[string]struct {
		end   func(topic *lwan.Topic, srv *lwan.Server, leave func())
		cause error
	}{
		"leaves": {func(_ *lwan.Topic, _ *lwan.Server, leave func()) { leave() }, lwan.ErrGone},
		"dropped": {func(topic *lwan.Topic, _ *lwan.Server, _ func()) { topic.Drop("ann") },
			lwan.ErrDropped},
		"closed": {func(topic *lwan.Topic, _ *lwan.Server, _ func()) { topic.Close() },
			lwan.ErrDropped},
		"stopped": {func(_ *lwan.Topic, srv *lwan.Server, _ func()) { _ = srv.Close() },
			lwan.ErrStopping},
	}
	for name, tt := range ends {
		for last, first := range map[string]string{"e9": "10", "unknown": "gap"} {
			t.Run(name+" "+last, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					topic := newTopic()
					var causes []error
					srv := &lwan.Server{}
					srv.Handle("GET /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
						return topic.Subscribe(resp, lwan.Subscription{
							Key: "ann", Gap: []lwan.Event{{Data: "gap"}},
							OnEnd: func(cause error) { causes = append(causes, cause) },
						})
					})
					h := Build(t, srv)
					ctx, leave := context.WithCancel(t.Context())
					defer leave()
					r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
					r.Header.Set("Last-Event-ID", last)
					time.AfterFunc(20*time.Second, func() {
						topic.Publish(lwan.Event{Data: "live"})
						time.Sleep(time.Second)
						tt.end(topic, srv, leave)
						if tt.cause == lwan.ErrDropped { // else it may still come through
							topic.Publish(lwan.Event{Data: "late"})
						}
					})
					got := Do(t, h, r)
					events := slices.Collect(Events(strings.NewReader(got.Body)))
					n := len(events)
					if n == 0 || events[0].Data != first || events[n-1].Data != "live" ||
						first == "10" && n != 991 {
						t.Errorf("%d events, the last of %.2000q", n, got.Body)
					}
					if !strings.Contains(got.Body, ":\n\n") {
						t.Error("no heartbeat")
					}
					if !slices.Equal(causes, []error{tt.cause}) || topic.Len() != 0 {
						t.Errorf("it ended by %v, %d subscribers are left", causes, topic.Len())
					}
				})
			})
		}
	}
}
