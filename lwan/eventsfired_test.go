package lwan_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// fired is what a browser makes of a stream: name and data of each event that it fires, and the ID
// that it ends with.
func fired(body string) (list []string, lastID string) {
	// The last one, whose ID is that of the stream, is only there to be asked.
	all := slices.Collect(lwantest.Events(strings.NewReader(body + "event: end\ndata\n\n")))
	for _, ev := range all[:len(all)-1] {
		list = append(list, ev.Name+"|"+ev.Data)
	}
	return list, all[len(all)-1].ID
}

// TestEventsAreFired: an event with a name and no data, or with an ID and no data, was written
// without a data line, and a browser fires no event without one.
func TestEventsAreFired(t *testing.T) {
	tests := []struct {
		name            string
		ev              lwan.Event
		sent, published string // what is fired
	}{
		{"data", lwan.Event{Data: "x"}, "|x", "|x"},
		{"name", lwan.Event{Name: "done"}, "done|", "done|"},
		{"name and ID", lwan.Event{Name: "done", ID: "i"}, "done|", "done|"},
		{"name and retry", lwan.Event{Name: "done", Retry: time.Second}, "done|", "done|"},
		{"nothing", lwan.Event{}, "|", "|"},
		{"lines", lwan.Event{Data: "a\n"}, "|a\n", "|a\n"},
		{"one end of line", lwan.Event{Data: "\n"}, "|\n", "|\n"},
		{"ID", lwan.Event{ID: "i"}, "none", "|"},
		{"retry", lwan.Event{Retry: time.Second}, "none", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			send := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if err := resp.Events().Send(tt.ev); err != nil {
					return resp.Fail(err)
				}
				return lwan.StatusOK
			}
			got, id := fired(lwantest.Get(t, send, "/").Body)
			if strings.Join(append(got, "none")[:1], "") != tt.sent || id != tt.ev.ID {
				t.Errorf("Send: %q with ID %q is fired, want %q", got, id, tt.sent)
			}
			synctest.Test(t, func(t *testing.T) {
				topic := &lwan.Topic{Heartbeat: -1}
				time.AfterFunc(time.Second, func() { topic.Publish(tt.ev) })
				ctx, leave := context.WithTimeout(t.Context(), 2*time.Second)
				defer leave()
				subscribe := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
					return topic.Subscribe(resp, lwan.Subscription{})
				}
				got, id := fired(lwantest.Do(t, subscribe,
					httptest.NewRequestWithContext(ctx, "GET", "/", nil)).Body)
				if strings.Join(append(got, "none")[:1], "") != tt.published || id == "" {
					t.Errorf("Publish: %q with ID %q is fired, want %q", got, id, tt.published)
				}
			})
		})
	}
}
