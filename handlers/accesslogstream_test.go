package handlers_test

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestAccessLogOfStreams: a subscription had its line at its beginning, with no bytes and no time.
func TestAccessLogOfStreams(t *testing.T) {
	var log bytes.Buffer
	var body []byte
	var lasted time.Duration
	t.Run("requests", func(t *testing.T) {
		topic := &lwan.Topic{}
		srv := &lwan.Server{}
		srv.Observe(handlers.AccessLog(&log)) // it is closed before the test goes on
		srv.Handle("GET /events", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return topic.Subscribe(resp, lwan.Subscription{})
		})
		s := lwantest.Start(t, srv)
		resp, err := s.Client.Get(s.URL + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		begun := time.Now()
		for range 100 {
			topic.Publish(lwan.Event{Data: strings.Repeat("x", 100)})
		}
		lasted = time.Since(begun)
		topic.Close()
		if body, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
	})
	m := combined.FindStringSubmatch(log.String())
	if m == nil || m[3] != "GET /events HTTP/1.1" || m[4] != "200" ||
		m[5] != strconv.Itoa(len(body)) {
		t.Fatalf("%q of %d bytes", &log, len(body))
	}
	if took, err := strconv.ParseFloat(m[8], 64); err != nil ||
		took < lasted.Truncate(time.Microsecond).Seconds() {
		t.Errorf("%q of a stream that has lasted for %v", &log, lasted)
	}
}
