//go:build linux

package lwan

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestResumeElsewhere: after a restart, or when a topic had been forgotten, IDs began at 1 again: a
// client that had got 3 events of the old topic got the fourth and fifth of the new one, and
// neither the first three nor a Gap.
func TestResumeElsewhere(t *testing.T) {
	sub := Subscription{Gap: []Event{{Name: "gap"}}}
	old := &Topic{Replay: 10}
	last := ""
	for i := range 3 {
		last = old.Publish(Event{Data: fmt.Sprint("old ", i)})
	}
	topic := &Topic{Replay: 10}
	for i := range 5 {
		topic.Publish(Event{Data: fmt.Sprint("new ", i)})
	}
	topicServer(t, topic, sub, func(t *testing.T, url string) {
		if got := subscribe(t, url, last).next(); got != "|gap|" {
			t.Errorf("with the ID of another process: %q", got)
		}
	})
	empty := &Topic{Replay: 10}
	topicServer(t, empty, sub, func(t *testing.T, url string) {
		if got := subscribe(t, url, last).next(); got != "|gap|" {
			t.Errorf("with the ID of another process: %q", got)
		}
	})
}

// TestResumeWithoutAnEvent: a client whose connection broke before the first event came back
// without an ID, and missed what was published meanwhile.
func TestResumeWithoutAnEvent(t *testing.T) {
	for _, replay := range []int{0, 10} {
		topic := &Topic{Replay: replay}
		sub := Subscription{First: []Event{{Name: "hi"}}, Gap: []Event{{Name: "gap"}}}
		topicServer(t, topic, sub, func(t *testing.T, url string) {
			s := subscribe(t, url, "")
			s.want("|hi|")
			last := s.lastID()
			s.body.Close()
			first := topic.Publish(Event{Data: "missed"})
			want := []string{first + "||missed"}
			if replay == 0 {
				want = []string{"|gap|"}
			}
			back := subscribe(t, url, last)
			if replay > 0 {
				back.want("|hi|")
			}
			back.want(want...)
		})
	}
}

// lastID reads on to the next ID.
func (s *stream) lastID() string {
	s.t.Helper()
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			s.t.Fatal(err)
		}
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			return strings.TrimSuffix(id, "\n")
		}
	}
}

// TestSnapshotBeforeTheFirstEvent: LastID of a topic without events was "", which means no ID, and
// what was published between it and Subscribe was lost.
func TestSnapshotBeforeTheFirstEvent(t *testing.T) {
	topic := &Topic{Replay: 10}
	after := topic.LastID()
	id := topic.Publish(Event{Data: "between"})
	topicServer(t, topic, Subscription{After: after}, func(t *testing.T, url string) {
		subscribe(t, url, "").want(id + "||between")
	})
}

// TestResumeWithABroker: a broker that keeps events lets clients resume in a process that has just
// begun, and in another one.
func TestResumeWithABroker(t *testing.T) {
	broker := new(durableBroker)
	process := func() (*Topics, string) {
		topics := &Topics{Broker: broker, New: func(string) *Topic { return &Topic{Replay: 10} }}
		ts := httptest.NewServer(ToHTTP(func(req *Request, resp *Response) Status {
			return topics.Get("x").Subscribe(resp, Subscription{Gap: []Event{{Name: "gap"}}})
		}))
		t.Cleanup(func() { ts.CloseClientConnections(); ts.Close() })
		return topics, ts.URL
	}
	before, url := process()
	s := subscribe(t, url, "")
	for i := range 3 {
		before.Get("x").Publish(Event{Data: fmt.Sprint(i)})
	}
	s.want("stream-1||0", "stream-2||1", "stream-3||2")
	before.Get("x").Publish(Event{Data: "missed"})
	after, url := process()
	back := subscribe(t, url, "stream-3")
	back.want("stream-4||missed")
	after.Get("x").Publish(Event{Data: "new"})
	back.want("stream-5||new")
	subscribe(t, url, "stream-1").want("stream-2||1")
	subscribe(t, url, "other-1").want("|gap|")
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// TestHistory compares the events that are kept with a plain list, with IDs that are used twice
// among them.
func TestHistory(t *testing.T) {
	for _, most := range []int{0, 1, 7, 100} {
		h := new(history)
		h.begin(most, "start")
		list := []*wire{h.tail}
		for i := range 500 {
			w := newWire([]byte("x"))
			w.id = fmt.Sprint(i * i % 97)
			h.add(w)
			list = append(list, w)
			kept := list[max(len(list)-1-most, 0):]
			if h.tail != w || h.oldest != kept[0] {
				t.Fatalf("%d of %d: wrong ends", i, most)
			}
			for n := range 97 {
				id := fmt.Sprint(n)
				want, found := w, false
				for _, k := range kept {
					if k.id == id {
						want, found = k, true
						break
					}
				}
				if at, ok := h.find(id); at != want || ok != found {
					t.Fatalf("event %d of %d: %q is found: %v, want %v", i, most, id, ok, found)
				}
			}
		}
		if n := len(h.byID); n > most+1 {
			t.Errorf("%d IDs for %d events", n, most)
		}
	}
}
