//go:build linux

package lwan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stream reads server-sent events of an answer.
type stream struct {
	t    testing.TB
	body io.ReadCloser
	r    *bufio.Reader
}

func subscribe(t testing.TB, url, lastID string) *stream {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &stream{t, resp.Body, bufio.NewReader(resp.Body)}
}

// next returns the next event that a browser fires: "id|name|data".
func (s *stream) next() string {
	s.t.Helper()
	var id, name, data string
	fired := false
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return err.Error()
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			data += value
			fired = true
		case "":
			if line == "\n" && fired {
				return id + "|" + name + "|" + data
			}
			if line == "\n" {
				id, name = "", ""
			}
		}
	}
}

func (s *stream) want(events ...string) {
	s.t.Helper()
	for _, want := range events {
		if got := s.next(); got != want {
			s.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// topicServer serves topic on loops and under net/http; both must do the same.
func topicServer(
	t *testing.T, topic *Topic, sub Subscription, test func(t *testing.T, url string),
) {
	handler := func(req *Request, resp *Response) Status { return topic.Subscribe(resp, sub) }
	t.Run("loops", func(t *testing.T) {
		srv := &Server{}
		srv.Handle("GET /events", handler)
		test(t, "http://"+serveTest(t, srv)+"/events")
	})
	t.Run("blocking", func(t *testing.T) {
		srv := &Server{}
		srv.Handle("GET /events", handler, Blocking)
		test(t, "http://"+serveTest(t, srv)+"/events")
	})
	t.Run("net/http", func(t *testing.T) {
		ts := httptest.NewServer(ToHTTP(handler))
		defer ts.Close()
		defer ts.CloseClientConnections()
		test(t, ts.URL)
	})
}

func TestTopicDelivers(t *testing.T) {
	topic := &Topic{Replay: 2}
	topicServer(t, topic, Subscription{}, func(t *testing.T, url string) {
		first := topic.seq
		a, b := subscribe(t, url, ""), subscribe(t, url, "")
		settled(t, "subscribers", 2, func() int64 { return int64(topic.Len()) })
		topic.Publish(Event{Name: "n", Data: "one\ntwo"})
		id := fmt.Sprint(topic.epoch, "-", first+1)
		a.want(id + "|n|onetwo")
		b.want(id + "|n|onetwo")
		a.body.Close()
		b.body.Close()
		settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
	})
}

func TestTopicReplays(t *testing.T) {
	topic := &Topic{Replay: 3}
	for i := range 5 {
		topic.Publish(Event{ID: fmt.Sprintf("e%d", i), Data: fmt.Sprint(i)})
	}
	sub := Subscription{Gap: []Event{{Name: "gap"}}}
	topicServer(t, topic, sub, func(t *testing.T, url string) {
		subscribe(t, url, "e2").want("e3||3", "e4||4")
		subscribe(t, url, "e1").want("e2||2", "e3||3", "e4||4")
		subscribe(t, url, "e0").want("|gap|")
		late := subscribe(t, url, "e4")
		settled(t, "subscribers", 4, func() int64 { return int64(topic.Len()) })
		topic.Publish(Event{ID: "e5", Data: "5"})
		late.want("e5||5")
		for i := range 5 { // what the next run expects
			topic.Publish(Event{ID: fmt.Sprintf("e%d", i), Data: fmt.Sprint(i)})
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
}

func TestTopicDropAndOnEnd(t *testing.T) {
	topic := &Topic{}
	var ended atomic.Int64
	sub := Subscription{Key: "ann", First: []Event{{Name: "hi"}}, OnEnd: func(cause error) {
		if cause == ErrDropped {
			ended.Add(1)
		}
	}}
	topicServer(t, topic, sub, func(t *testing.T, url string) {
		ended.Store(0)
		s := subscribe(t, url, "")
		s.want("|hi|")
		settled(t, "dropped", 1, func() int64 { return int64(topic.Drop("ann")) })
		if got := s.next(); got != "EOF" {
			t.Errorf("after Drop: %q", got)
		}
		settled(t, "OnEnd", 1, ended.Load)
		settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
	})
}

// TestTopicSlowClients: a client that does not read loses the oldest events, or the connection, and
// no other waits for it.
func TestTopicSlowClients(t *testing.T) {
	if onLoops { // else it has a short time limit
		t.Parallel()
	}
	for _, policy := range []SlowPolicy{DropOldest, Disconnect} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			topic := &Topic{Slow: policy, Backlog: 10_000}
			srv := &Server{}
			if !onLoops && policy == Disconnect {
				// a goroutine that writes learns of its backlog when it has written
				srv.Limits.Write = time.Second
			}
			srv.Handle("GET /events", func(req *Request, resp *Response) Status {
				return topic.Subscribe(resp, Subscription{})
			})
			addr := serveTest(t, srv)
			slow, err := dialServer("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Close()
			io.WriteString(slow, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
			quick := subscribe(t, "http://"+addr+"/events", "")
			settled(t, "subscribers", 2, func() int64 { return int64(topic.Len()) })
			data := strings.Repeat("x", 1000)
			n := 20_000
			for i := range n {
				topic.Publish(Event{Data: data})
				if i%8 == 7 {
					for range 8 {
						quick.next()
					}
				}
			}
			if policy == Disconnect {
				settled(t, "subscribers", 1, func() int64 { return int64(topic.Len()) })
				return
			}
			topic.Publish(Event{ID: "last", Data: "z"})
			slow.SetReadDeadline(time.Now().Add(60 * time.Second))
			r := bufio.NewReader(slow)
			lines := 0
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.HasPrefix(line, "data: x") {
					lines++
				}
				if line == "id: last\n" {
					break
				}
			}
			if lines >= n {
				t.Errorf("the slow client got all of %d events: nothing was dropped", n)
			}
		})
	}
}

func TestShutdownEndsStreams(t *testing.T) {
	topic := &Topic{Retry: time.Second}
	srv := &Server{}
	srv.Handle("GET /topic", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{})
	})
	srv.Handle("GET /every", func(req *Request, resp *Response) Status {
		ev := resp.Events()
		for range req.Every(time.Hour) {
			ev.Send(Event{Data: "tick"})
		}
		return 200
	})
	var q Queue[string]
	srv.Handle("GET /queue", func(req *Request, resp *Response) Status {
		ev := resp.Events()
		for s := range q.All(req) {
			ev.Send(Event{Data: s})
		}
		return 200
	}, Blocking)
	addr := serveTest(t, srv)
	var wg sync.WaitGroup
	for range 50 {
		for _, path := range []string{"/topic", "/every", "/queue"} {
			s := subscribe(t, "http://"+addr+path, "")
			wg.Go(func() {
				for got := s.next(); got != "EOF"; got = s.next() {
					if got != "||tick" {
						t.Errorf("%s: %q", path, got)
						return
					}
				}
			})
		}
	}
	settled(t, "subscribers", 50, func() int64 { return int64(topic.Len()) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
