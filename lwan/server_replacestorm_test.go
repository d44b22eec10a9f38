//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReplaceStorm: tables come and go as fast as they can, some of them bad, under requests,
// streams, sockets and topics that begin and leave, and the server is ended at some moment: nobody
// is answered by a module that is closed, and none stays open.
func TestReplaceStorm(t *testing.T) {
	for round := range 6 {
		t.Run(fmt.Sprint(round), func(t *testing.T) { replaceStorm(t, round) })
	}
}

func replaceStorm(t *testing.T, round int) {
	s := &moduleBook{}
	topic := &Topic{}
	handler := func(req *Request, resp *Response) Status {
		switch req.Query("kind") {
		case "parked":
			if err := req.Sleep(time.Millisecond); err != nil {
				return resp.Fail(err)
			}
		case "stream":
			for range 3 {
				resp.WriteString("x")
				if err := errors.Join(resp.Flush(), req.Sleep(1)); err != nil {
					return resp.Fail(err)
				}
			}
			return 200
		case "topic":
			return topic.Subscribe(resp, Subscription{})
		case "talk":
			return resp.Converse(nil, &Conversation{
				Open:    func(s *Socket) { _ = topic.Join(s, Subscription{}) },
				Message: func(m *Message) error { return m.Reply(m.Kind(), m.Bytes()) },
				Closed:  func(*Socket, error) {},
			})
		}
		return resp.Text(200, "in")
	}
	srv := s.server(handler)
	srv.DrainTimeout = 5 * time.Second
	addr := serveTest(t, srv)
	stop := make(chan struct{})
	var all sync.WaitGroup
	var answers, swaps atomic.Int64
	var last atomic.Int64
	all.Go(func() { // replaces
		for n := 1; ; n++ {
			next := s.tables(n, handler)
			next.Grace = time.Duration(rand.IntN(3)) * time.Millisecond
			ctx, cancel := context.WithCancel(context.Background())
			switch rand.IntN(6) {
			case 0:
				next.Routes.Handle("GET no slash", text("bad"))
			case 1:
				next.Routes.Mount("/bad", Module[int]{Name: "bad", Open: func(*Scope, int) error {
					panic("careless")
				}}.With(0))
			case 2:
				cancel()
			}
			err := srv.Replace(ctx, next)
			cancel()
			switch {
			case err == nil:
				swaps.Add(1)
				last.Store(int64(n))
			case errors.Is(err, errNotServing):
				return
			}
		}
	})
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				topic.Publish(Event{Data: "news"})
				time.Sleep(time.Millisecond)
			}
		}
	})
	for i := range 8 {
		all.Go(func() {
			kinds := []string{"held", "parked", "stream", "topic", "talk"}
			for {
				select {
				case <-stop:
					return
				default:
				}
				kind := kinds[rand.IntN(len(kinds))]
				req, _ := http.NewRequest("GET", "http://"+addr+"/in/?kind="+kind, nil)
				if kind == "talk" {
					for name, v := range map[string]string{
						"Connection": "Upgrade", "Upgrade": "websocket",
						"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": webSocketKey,
					} {
						req.Header.Set(name, v)
					}
				}
				a, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					continue // the server ends
				}
				if a.StatusCode >= 400 && a.StatusCode != 503 {
					t.Errorf("client %d, %s: %d", i, kind, a.StatusCode)
				}
				if kind == "topic" || kind == "talk" {
					if rw, ok := a.Body.(io.ReadWriter); ok {
						_, _ = io.WriteString(rw, frameOf(textFrame, "hello"))
					}
					_, _ = a.Body.Read(make([]byte, 10))
				} else if text, err := io.ReadAll(a.Body); err == nil && kind != "stream" &&
					!strings.HasPrefix(string(text), "in") && a.StatusCode == 200 {
					t.Errorf("client %d, %s: %q", i, kind, text)
				}
				a.Body.Close()
				answers.Add(1)
			}
		})
	}
	settledNow(t, func() bool { return answers.Load() > 100 && swaps.Load() > 20 })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if round%2 == 0 {
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	} else if err := srv.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	close(stop)
	all.Wait()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	s.only(t)
	settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
}
