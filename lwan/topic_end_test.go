//go:build linux

package lwan

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is what an observer has learnt of a request.
type seen struct {
	text  string
	bytes int64
	took  time.Duration
	err   error
}

// witness is an Observer that asks for all there is.
type witness struct {
	mu   sync.Mutex
	list []seen
}

var witnessKey = NewKey[string]("witness")

type witnessValue struct{}

func (w *witness) Done(req *Request, resp *Response, took time.Duration) {
	visitor, _ := witnessKey.Get(req)
	inContext, _ := witnessKey.From(req.Context())
	_, written := resp.Write([]byte("x")) // must not reach anybody
	body, bodyErr := req.BodyBytes()
	s := seen{
		text: fmt.Sprint(req.Method(), " ", req.Target(), " ", req.Path(), " ", req.Proto(), " ",
			req.Pattern(), " ", req.Param("id"), " ", req.Query("q"), " ", req.Header("User-Agent"),
			" ", req.Cookie("c"), " ", req.Host(), " ", req.Scheme(), " ", req.RemoteAddr().Addr(),
			" ", visitor, " ", inContext, " ", req.Context().Value(witnessValue{}), " ",
			resp.Status(), " ", resp.Header("Content-Type"), " ", resp.Header("X-Set"), " ",
			resp.HeadSent(), " ", written != nil, " ", len(body) == 0 || bodyErr != nil),
		bytes: resp.BytesSent(), took: took, err: resp.Err(),
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, s)
}

func (w *witness) Close() error { return nil }

// of is what was seen of requests for path.
func (w *witness) of(path string) (list []seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.list {
		if strings.Contains(s.text, path) {
			list = append(list, s)
		}
	}
	return list
}

// marking is middleware that leaves its marks with the request.
func marking(next Handler) Handler {
	return func(req *Request, resp *Response) Status {
		witnessKey.Set(req, "visitor "+req.Query("q"))
		req.SetContext(context.WithValue(req.Context(), witnessValue{}, "traced"))
		resp.SetHeader("X-Set", "set")
		return next(req, resp)
	}
}

// TestObserversSeeTheEndOfASubscription: they saw it at its beginning, with 0 bytes.
func TestObserversSeeTheEndOfASubscription(t *testing.T) {
	kinds := map[string][]Middleware{"inline": nil, "blocking": {Blocking}, "filter": {filtering}}
	for name, mw := range kinds {
		t.Run(name, func(t *testing.T) {
			topic := &Topic{Retry: time.Second, Heartbeat: 10 * time.Millisecond}
			srv := &Server{Loops: 1}
			w := new(witness)
			srv.Observe(w)
			srv.Handle("GET /rooms/{id}/events", func(req *Request, resp *Response) Status {
				return topic.Subscribe(resp, Subscription{
					First: []Event{{Name: "hi"}}, Key: req.Param("id"),
				})
			}, append([]Middleware{marking}, mw...)...)
			srv.Handle("GET /other/{id}", text("other"))
			addr := serveTest(t, srv)
			join := func(id string) *client {
				c := dial(t, addr)
				c.send("GET /rooms/" + id + "%20x/events?q=" + id +
					" HTTP/1.1\r\nHost: h\r\nUser-Agent: agent " + id +
					"\r\nCookie: c=" + id + "\r\n\r\n")
				return c
			}
			kept, left := join("kept"), join("left")
			settled(t, "subscribers", 2, func() int64 { return int64(topic.Len()) })
			begun := time.Now()
			for i := range 50 { // what the worker serves meanwhile
				get(t, addr, fmt.Sprint("/other/", i, "?q=other"),
					"User-Agent: other", "Cookie: c=other")
				topic.Publish(Event{Data: strings.Repeat("x", 50*i)})
			}
			if n := len(w.of("/rooms/")); n > 0 {
				t.Errorf("%d subscriptions are over", n)
			}
			_, resp := kept.head("GET")
			_, gone := left.head("GET")
			buf := make([]byte, 100)
			for _, in := range []io.Reader{gone.Body, resp.Body} { // neither is far behind
				if _, err := io.ReadFull(in, buf); err != nil {
					t.Fatal(err)
				}
			}
			lasted := time.Since(begun)
			topic.Drop("kept x")
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			left.reset()
			settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
			scheme := "http"
			if tlsMode {
				scheme = "https"
			}
			for id, want := range map[string]error{"kept": nil, "left": ErrGone} {
				settled(t, "ends that were seen", 1, func() int64 {
					return int64(len(w.of(id + "%20x")))
				})
				got := w.of(id + "%20x")[0]
				text := fmt.Sprintf("GET /rooms/%[1]s%%20x/events?q=%[1]s /rooms/%[1]s x/events "+
					"HTTP/1.1 GET /rooms/{id}/events %[1]s x %[1]s agent %[1]s %[1]s h %[2]s "+
					"127.0.0.1"+
					" visitor %[1]s visitor %[1]s traced 200 text/event-stream set true true true",
					id, scheme)
				if got.text != text {
					t.Errorf("the observer was shown\n%s, want\n%s", got.text, text)
				}
				if got.err != want || got.took < lasted {
					t.Errorf("%s: ended by %v after %v, want %v after %v at least",
						id, got.err, got.took, want, lasted)
				}
				if id == "kept" && got.bytes != int64(len(buf)+len(body)) || got.bytes < 100 {
					t.Errorf("%s: %d bytes were sent, %d read", id, got.bytes, len(buf)+len(body))
				}
			}
			settled(t, "requests", 52, func() int64 { return srv.Stats().Requests })
			if n := len(w.of("/other/")); n != 50 {
				t.Errorf("%d other requests were seen", n)
			}
		})
	}
}

// TestObserversSeeWhoIsSlow: with the bytes that were sent before.
func TestObserversSeeWhoIsSlow(t *testing.T) {
	w := new(witness)
	topic := &Topic{Slow: Disconnect, Heartbeat: -1}
	srv := &Server{}
	srv.Observe(w)
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{})
	})
	c, err := dialServer("tcp", serveTest(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	settled(t, "subscribers", 1, func() int64 { return int64(topic.Len()) })
	published := int64(0)
	until := time.Now().Add(patience)
	for ; topic.Len() > 0 && time.Now().Before(until); published += 1000 {
		topic.Publish(Event{Data: strings.Repeat("x", 1000)})
	}
	settled(t, "ends that were seen", 1, func() int64 { return int64(len(w.of("/events"))) })
	if got := w.of("/events")[0]; got.err != ErrSlow || got.bytes <= 0 || got.bytes > 2*published {
		t.Errorf("%+v of %d published", got, published)
	}
}

// TestStopEndsSubscriptionsBeforeObservers are closed.
func TestStopEndsSubscriptionsBeforeObservers(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		w := new(witness)
		topic := &Topic{}
		srv := &Server{LingerTimeout: -1}
		srv.Observe(w)
		atClose := -1
		srv.Observe(closing{func() { atClose = len(w.of("/events")) }})
		srv.Handle("GET /events",
			func(req *Request, resp *Response) Status {
				return topic.Subscribe(resp, Subscription{})
			}, mw...)
		addr := serveTest(t, srv)
		for range 20 {
			dial(t, addr).send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		settled(t, "subscribers", 20, func() int64 { return int64(topic.Len()) })
		shutdown(t, srv)
		if atClose != 20 {
			t.Errorf("%d of 20 were seen before Close", atClose)
		}
	})
}

// closing is an Observer of the end.
type closing struct{ fn func() }

func (closing) Done(*Request, *Response, time.Duration) {}
func (c closing) Close() error                          { c.fn(); return nil }
