//go:build linux && !golwan_nethttp

package lwan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2Topic: subscriptions are streams without a handler, many on one connection; one that does
// not read holds nobody up, and a drain ends them properly.
func TestH2Topic(t *testing.T) {
	topic := &Topic{Replay: 10, Retry: time.Second, Backlog: 1 << 20}
	ends := make(chan error, 64)
	srv := &Server{}
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{OnEnd: func(err error) { ends <- err }})
	})
	srv.Handle("GET /", text("here"))
	addr := serveH2(t, srv)
	h := dialH2(t, addr)
	const many = 20
	for i := range many {
		h.get(uint32(2*i+1), "/events")
	}
	settled(t, "subscribers", many, func() int64 { return int64(topic.Len()) })
	for i := range 50 {
		topic.Publish(Event{Data: fmt.Sprint("number ", i)})
	}
	for i := range many {
		id := uint32(2*i + 1)
		for h.answers[id] == nil || !strings.Contains(string(h.answers[id].body), "number 49\n") {
			if _, more := h.next(); !more {
				t.Fatal("the connection has ended")
			}
		}
		if n := strings.Count(string(h.answers[id].body), "number"); n != 50 {
			t.Errorf("stream %d: %d events", id, n)
		}
	}
	// one is left by its client
	h.send(h2frame.AppendRstStream(nil, 1, h2frame.Cancel))
	if err := received(t, ends); err != ErrGone && err != ErrStopping {
		t.Error(err)
	}
	settled(t, "subscribers", many-1, func() int64 { return int64(topic.Len()) })
	// one does not open its window: the others get what is published
	slow := dialH2(t, addr, uint32(h2frame.InitialWindowSize), 1000)
	slow.quiet = true
	slow.get(1, "/events")
	slow.get(3, "/")
	slow.want(3, "200", "here")
	settled(t, "subscribers", many, func() int64 { return int64(topic.Len()) })
	for i := range 100 {
		topic.Publish(Event{Data: fmt.Sprint("more ", i, " ", fill(500))})
	}
	for i := 1; i < many; i++ { // all of them: what waits for a window is lost at a stop
		for id := uint32(2*i + 1); !strings.Contains(string(h.answers[id].body), "more 99 "); {
			if f, more := h.next(); !more {
				t.Fatal("the connection has ended")
			} else if f.Type == h2frame.GoAway {
				t.Fatalf("%q", f.Payload[4:])
			}
		}
	}
	h.ping() // the windows that it has opened have come
	slow.get(5, "/")
	slow.want(5, "200", "here")
	if n := len(slow.answers[1].body); n > 1000 {
		t.Errorf("%d bytes beyond the window", n)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	if a := h.answer(3); !a.ended || !strings.HasSuffix(string(a.body), "retry: 1000\n\n") {
		t.Errorf("ended %v, reset %v, %.300q", a.ended, a.reset, a.body[max(len(a.body)-300, 0):])
	}
	h.Close()
	slow.Close()
	for range many {
		received(t, ends)
	}
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}

// TestH2TakeOver: a handler that holds its thread holds up neither its connection's other streams
// nor other connections.
func TestH2TakeOver(t *testing.T) {
	for _, threads := range []Threads{ThreadsPinned, ThreadsFree} {
		srv := &Server{
			Loops: 1, Threads: threads, TakeOverAfter: 30 * time.Millisecond, KeepInline: true,
		}
		stuck, begun := make(chan struct{}), make(chan bool, 1)
		srv.Handle("GET /stuck", func(req *Request, resp *Response) Status {
			begun <- true
			<-stuck
			if err := req.Sleep(time.Millisecond); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "late")
		})
		srv.Handle("/", echo)
		addr := serveH2(t, srv)
		h, other := dialH2(t, addr), dialH2(t, addr)
		h.send(h.headers(1, true, "GET", "/stuck"), h.headers(3, true, "GET", "/"),
			h.headers(5, false, "POST", "/"))
		received(t, begun)
		h.send(h2data(5, true, "ab"))
		h.want(3, "200", "")
		h.want(5, "200", "ab")
		other.get(1, "/")
		other.want(1, "200", "")
		close(stuck)
		h.want(1, "200", "late")
		h.get(7, "/")
		h.want(7, "200", "")
		h.Close()
		other.Close()
	}
}

// TestH2Deaths: handlers that end by a panic or by Goexit, before and after they have waited, end
// their own stream only.
func TestH2Deaths(t *testing.T) {
	srv := &Server{Loops: 1}
	book := logged(srv)
	var defers sync.WaitGroup
	for _, c := range []string{"panic", "goexit", "panic later", "goexit later", "in a defer"} {
		srv.Handle("GET /"+strings.ReplaceAll(c, " ", "-"), func(req *Request, resp *Response) Status {
			defers.Add(1)
			req.Defer(func() {
				defers.Done()
				if c == "in a defer" {
					panic("on purpose")
				}
			})
			if strings.HasSuffix(c, "later") {
				if err := req.Sleep(time.Millisecond); err != nil {
					return resp.Fail(err)
				}
			}
			dieBy(c)
			return resp.Text(200, "fine")
		})
	}
	srv.Handle("GET /slow", func(req *Request, resp *Response) Status {
		if err := req.Sleep(20 * time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slow")
	})
	h := dialH2(t, serveH2(t, srv))
	defer func() {
		if t.Failed() {
			t.Logf("%.6000s", book)
		}
	}()
	id := uint32(1)
	for range 20 {
		first := id
		h.send(h.headers(id, true, "GET", "/slow"), h.headers(id+2, true, "GET", "/panic"),
			h.headers(id+4, true, "GET", "/goexit"), h.headers(id+6, true, "GET", "/panic-later"),
			h.headers(id+8, true, "GET", "/goexit-later"), h.headers(id+10, true, "GET", "/in-a-defer"))
		for id += 2; id < first+10; id += 2 {
			if a := h.answer(id); a.status != "500" {
				t.Fatalf("stream %d: %s, reset %v", id, a.status, a.reset)
			}
		}
		if a := h.answer(id); a.status != "200" {
			t.Fatalf("stream %d: %s", id, a.status)
		}
		id += 2
		h.want(first, "200", "slow")
	}
	defers.Wait()
}

func dieBy(how string) {
	switch {
	case strings.HasPrefix(how, "panic"):
		panic("on purpose")
	case strings.HasPrefix(how, "goexit"):
		runtime.Goexit()
	}
}

// TestH2Urgency: what is wanted sooner comes sooner, and incremental answers come side by side.
func TestH2Urgency(t *testing.T) {
	srv := &Server{Loops: 1}
	srv.Handle("GET /", text(fill(200_000)))
	addr := serveH2(t, srv)
	order := func(priorities ...string) (ends string, turns int) {
		h := dialH2(t, addr, uint32(h2frame.InitialWindowSize), h2frame.MaxWindow)
		h.quiet = true
		h.get(1, "/", "priority: u=0") // takes the window of the connection
		h.until(1, h2frame.DefaultWindow)
		for i, p := range priorities {
			h.get(uint32(2*i+3), "/", "priority: "+p)
		}
		h.ping()
		h.send(h2frame.AppendWindowUpdate(nil, 0, 10<<20))
		last := uint32(0)
		for over := 0; over <= len(priorities); {
			f, more := h.next()
			if !more {
				t.Fatal("the connection has ended")
			}
			if f.Type != h2frame.Data {
				continue
			}
			if f.Stream != last && f.Stream != 1 {
				last = f.Stream
				turns++
			}
			if f.Is(h2frame.EndStream) {
				over++
				ends += fmt.Sprint(f.Stream, " ")
			}
		}
		h.Close()
		return ends, turns
	}
	if ends, turns := order("u=5", "u=1", "u=3"); ends != "1 5 7 3 " || turns != 3 {
		t.Errorf("%s in %d turns", ends, turns)
	}
	if ends, turns := order("u=3", "u=3"); ends != "1 3 5 " || turns != 2 {
		t.Errorf("%s in %d turns", ends, turns)
	}
	if ends, turns := order("u=3, i", "u=3, i"); turns < 10 {
		t.Errorf("incremental: %s in %d turns", ends, turns)
	}
}

// TestH2Events: an event stream whose handler waits.
func TestH2Events(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		goOn := make(chan struct{})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ev := resp.Events()
			for i := range 3 {
				if err := ev.Send(Event{Data: fmt.Sprint(i)}); err != nil {
					return resp.Fail(err)
				}
				if err := req.Await(func(context.Context) error { <-goOn; return nil }); err != nil {
					return resp.Fail(err)
				}
			}
			return 200
		}, mw...)
		resp, err := h2Client(t).Get("http://" + serveH2(t, srv))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		r := bufio.NewReader(resp.Body)
		for i := range 3 { // each comes before the next is asked for
			for line := ""; line != fmt.Sprintf("data: %d\n", i); {
				if line, err = r.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
			}
			goOn <- struct{}{}
		}
		if rest, err := io.ReadAll(r); err != nil || strings.TrimSpace(string(rest)) != "" {
			t.Errorf("%q, %v", rest, err)
		}
		if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusOK {
			t.Error(resp.Proto, resp.Status)
		}
	})
}
