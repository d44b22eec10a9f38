//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A subscription means the same wherever it is served. Each test here runs on all carriers.

// contract is a topic's route on some carrier.
type contract struct {
	*testing.T
	topic *Topic
	sub   Subscription
	addr  string
	stop  func() // begins to drain
	ended chan error
}

// carriers is where subscriptions are served: on a loop alone, on a worker or goroutine behind a
// filter, under net/http.
var carriers = []struct {
	name string
	mw   []Middleware
	http bool
}{
	{name: "loop"},
	{name: "blocking", mw: []Middleware{Blocking}},
	{name: "filter", mw: []Middleware{filtering}},
	{name: "filter blocking", mw: []Middleware{filtering, Blocking}},
	{name: "blocking filter", mw: []Middleware{Blocking, filtering}},
	{name: "ToHTTP", http: true},
	{name: "ToHTTP filter", mw: []Middleware{filtering}, http: true},
}

// filtering puts a filter before the body that changes nothing.
func filtering(next Handler) Handler {
	return func(req *Request, resp *Response) Status {
		resp.BeforeHead(func(Status) {
			resp.Filter(func(w io.Writer) io.WriteCloser { return nopFilter{w} })
		})
		return next(req, resp)
	}
}

type nopFilter struct{ io.Writer }

func (nopFilter) Close() error { return nil }

// onCarriers runs test with a topic of its own on each carrier; limits are those of the route.
func onCarriers(
	t *testing.T, topic func() *Topic, sub Subscription, limits Limits, test func(c *contract),
) {
	for _, carrier := range carriers {
		t.Run(carrier.name, func(t *testing.T) {
			c := &contract{T: t, topic: topic(), sub: sub, ended: make(chan error, 100)}
			c.sub.OnEnd = func(cause error) { c.ended <- cause }
			srv := &Server{}
			mw := append([]Middleware{WithLimits(limits)}, carrier.mw...)
			srv.Handle("GET /",
				func(req *Request, resp *Response) Status { return c.topic.Subscribe(resp, c.sub) },
				mw...)
			book := logged(srv)
			if carrier.http {
				h, err := srv.Build()
				if err != nil {
					t.Fatal(err)
				}
				ts := httptest.NewServer(ToHTTP(h))
				c.stop = func() { srv.life.core.drain() }
				c.addr = strings.TrimPrefix(ts.URL, "http://")
				t.Cleanup(func() {
					srv.life.core.drain()
					ts.Close()
					if err := srv.Close(); err != nil {
						t.Error(err)
					}
				})
			} else {
				c.addr = serveTest(t, srv)
				c.stop = func() { go srv.Shutdown(context.Background()) }
			}
			test(c)
			if n := book.lines("level=ERROR"); n > 0 {
				t.Errorf("logged:\n%s", book)
			}
		})
	}
}

// join subscribes; the client's window is small, so that little is on its way when it does not
// read.
func (c *contract) join(last string) net.Conn {
	c.Helper()
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		return errors.Join(raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 32<<10)
		}), err)
	}}
	before := c.topic.Len()
	conn, err := dialer.Dial("tcp", c.addr)
	if err == nil {
		conn, err = encryptedTo(conn)
	}
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err == nil {
		_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nLast-Event-ID: %s\r\n\r\n", last)
	}
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { conn.Close() })
	settled(c, "subscribers", int64(before)+1, func() int64 { return int64(c.topic.Len()) })
	return conn
}

// read begins to read what a client has been sent.
func (c *contract) read(conn net.Conn) *stream {
	c.Helper()
	resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 64<<10), nil)
	if err != nil {
		c.Fatal(err)
	}
	return &stream{c, resp.Body, bufio.NewReader(resp.Body)}
}

// over waits for the end of a subscription.
func (c *contract) over(want error) {
	c.Helper()
	if got := received(c.T, c.ended); got != want {
		c.Errorf("the subscription ended with %v, want %v", got, want)
	}
}

// number is that of an event: "id|name|number padding".
func number(event string) int {
	_, data, _ := strings.Cut(event, "||")
	digits, _, _ := strings.Cut(data, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

var padding = " " + strings.Repeat("x", 1000)

// TestReplayLargerThanBacklog: the distance to its end counted as backlog, so that clients that
// read as fast as they could lost most of it, or were disconnected.
func TestReplayLargerThanBacklog(t *testing.T) {
	t.Parallel()
	const kept = 5000
	for _, slow := range []SlowPolicy{DropOldest, Disconnect} {
		topic := func() *Topic {
			topic := &Topic{Replay: kept, Slow: slow, Backlog: 10_000}
			for i := range kept {
				topic.Publish(Event{Data: strconv.Itoa(i) + padding})
			}
			return topic
		}
		t.Run(fmt.Sprint(slow), func(t *testing.T) {
			onCarriers(t, topic, Subscription{Gap: []Event{{Name: "gap"}}},
				Limits{}, func(c *contract) {
					first := c.topic.kept.oldest.id
					var wg sync.WaitGroup
					for range 5 {
						conn := c.join(first)
						wg.Go(func() {
							in := c.read(conn)
							for i := range kept + 1 {
								if ev := in.next(); number(ev) != i {
									c.Errorf("event %d is %.40q", i, ev)
									return
								}
							}
						})
					}
					// while they are behind
					c.topic.Publish(Event{Data: strconv.Itoa(kept) + padding})
					wg.Wait()
				})
		})
	}
}

// TestWhoReadsNothing: on net/http, and behind a filter, Backlog and Slow counted for nothing.
func TestWhoReadsNothing(t *testing.T) {
	const published = 48 << 20
	policies := map[SlowPolicy]func(c *contract, conn net.Conn, n int){
		DropOldest: func(c *contract, conn net.Conn, n int) {
			c.topic.Publish(Event{Data: strconv.Itoa(n) + padding})
			in := c.read(conn)
			gaps := 0
			for last, gap := -1, false; last < n; {
				ev := in.next()
				at := number(ev)
				switch {
				case ev == "|gap|":
					gap = true
					gaps++
					continue
				case at <= last, (at > last+1) != gap:
					c.Fatalf("event %.40q follows on %d, gap: %v", ev, last, gap)
				}
				last, gap = at, false
			}
			if gaps == 0 {
				c.Error("nothing was dropped")
			}
			conn.Close()
			c.over(ErrGone)
		},
		Disconnect: func(c *contract, conn net.Conn, n int) {
			c.over(ErrSlow)
			in := c.read(conn)
			for ev := in.next(); ev != "EOF"; ev = in.next() {
				if number(ev) < 0 { // the connection was cut in the middle
					return
				}
			}
			c.Error("the stream looks complete")
		},
	}
	for slow, test := range policies {
		t.Run(fmt.Sprint(slow), func(t *testing.T) {
			topic := func() *Topic { return &Topic{Slow: slow, Heartbeat: -1} }
			onCarriers(t, topic, Subscription{Gap: []Event{{Name: "gap"}}},
				Limits{Write: time.Minute}, func(c *contract) {
					conn := c.join("")
					before, n := heap(), 0
					for ; n*len(padding) < published; n++ {
						c.topic.Publish(Event{Data: strconv.Itoa(n) + padding})
					}
					for until := time.Now().Add(patience); heap()-before > heapGrows; n++ {
						if time.Now().After(until) {
							c.Fatalf("%d bytes are held for a client that reads nothing",
								heap()-before)
						}
						c.topic.Publish(Event{Data: strconv.Itoa(n) + padding})
					}
					test(c, conn, n)
				})
		})
	}
}

// large is an event that no client's buffers take.
var large = strings.Repeat("Y", 16<<20)

// TestWhoTakesNothing: within Limits.Write, whether or not there is anything else to be sent.
func TestWhoTakesNothing(t *testing.T) {
	t.Parallel()
	topic := func() *Topic { return &Topic{Heartbeat: -1, Backlog: 1 << 30} }
	onCarriers(t, topic, Subscription{}, Limits{Write: 200 * time.Millisecond}, func(c *contract) {
		c.join("")
		c.topic.Publish(Event{Data: large})
		c.over(ErrSlow)
	})
}

// TestDropInTheMiddleOfAWrite: whoever was logged out then got all later events.
func TestDropInTheMiddleOfAWrite(t *testing.T) {
	t.Parallel()
	topic := func() *Topic { return &Topic{Heartbeat: -1} }
	onCarriers(t, topic, Subscription{Key: "ann"}, Limits{}, func(c *contract) {
		conn := c.join("")
		c.topic.Publish(Event{Data: large})
		in := c.read(conn)
		if _, err := in.r.ReadString('Y'); err != nil {
			c.Fatal(err)
		}
		if n := c.topic.Drop("ann"); n != 1 {
			c.Errorf("%d were dropped", n)
		}
		c.topic.Publish(Event{Data: "secret"})
		c.over(ErrDropped)
		c.topic.Publish(Event{Data: "secret"})
		body, err := io.ReadAll(in.r)
		if err == nil || strings.Contains(string(body), "secret") {
			c.Errorf("%d bytes, %v", len(body), err)
		}
	})
}

// TestDropBetweenEvents: who reads gets nothing later, and is told when to come back.
func TestDropBetweenEvents(t *testing.T) {
	t.Parallel()
	topic := func() *Topic { return &Topic{Retry: 4321 * time.Millisecond} }
	onCarriers(t, topic, Subscription{Key: "ann"}, Limits{}, func(c *contract) {
		for range 20 {
			in := c.read(c.join(""))
			for range 10 {
				c.topic.Publish(Event{Data: "early"})
			}
			in.next()
			if n := c.topic.Drop("ann"); n != 1 {
				c.Errorf("%d were dropped", n)
			}
			for range 10 {
				c.topic.Publish(Event{Data: "secret"})
			}
			c.over(ErrDropped)
			rest, err := io.ReadAll(in.r)
			if err != nil || strings.Contains(string(rest), "secret") ||
				!strings.HasSuffix(string(rest), "retry: 4321\n\n") {
				c.Fatalf("%q %v", rest, err)
			}
		}
	})
}

// TestClosedTopicSendsWhatWasPublished before it ends.
func TestClosedTopicSendsWhatWasPublished(t *testing.T) {
	t.Parallel()
	topic := func() *Topic { return &Topic{Backlog: 1 << 30} }
	onCarriers(t, topic, Subscription{}, Limits{}, func(c *contract) {
		conn := c.join("")
		c.topic.Publish(Event{Data: "0" + large})
		for i := range 1000 {
			c.topic.Publish(Event{Data: strconv.Itoa(i+1) + padding})
		}
		c.topic.Close()
		in := c.read(conn)
		in.next()
		for i := range 1000 {
			if ev := in.next(); number(ev) != i+1 {
				c.Fatalf("event %d is %.40q", i+1, ev)
			}
		}
		if ev := in.next(); ev != "EOF" {
			c.Errorf("at the end: %q", ev)
		}
		c.over(ErrDropped)
	})
}

// TestEndsOfASubscription: the client's, and the server's.
func TestEndsOfASubscription(t *testing.T) {
	topic := func() *Topic { return &Topic{Retry: 4321 * time.Millisecond} }
	onCarriers(t, topic, Subscription{}, Limits{}, func(c *contract) {
		c.join("").Close()
		c.over(ErrGone)
		in := c.read(c.join(""))
		c.stop()
		rest, err := io.ReadAll(in.r)
		if err != nil || !strings.HasSuffix(string(rest), "retry: 4321\n\n") {
			c.Errorf("%q %v", rest, err)
		}
		c.over(ErrStopping)
	})
}

// TestSubscriptionThatIsNotServed: dropped before the handler has returned, or given up by
// middleware.
func TestSubscriptionThatIsNotServed(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		var ended atomic.Int64
		topic := &Topic{}
		sub := Subscription{Key: "ann", OnEnd: func(cause error) {
			if cause == ErrDropped {
				ended.Add(1)
			}
		}}
		srv := &Server{}
		srv.Handle("GET /drop", func(req *Request, resp *Response) Status {
			defer topic.Drop("ann")
			return topic.Subscribe(resp, sub)
		}, mw...)
		srv.Handle("GET /fail", func(req *Request, resp *Response) Status {
			topic.Subscribe(resp, sub)
			return StatusForbidden
		}, mw...)
		addr := serveTest(t, srv)
		a := get(t, addr, "/drop")
		topic.Publish(Event{Data: "secret"})
		if a.status != 200 || a.err != nil || strings.Contains(a.body, "secret") {
			t.Errorf("%v", a)
		}
		if a := get(t, addr, "/fail"); a.status != 200 || a.err == nil {
			t.Errorf("a stream that was given up looks complete: %v", a)
		}
		settled(t, "OnEnd", 2, ended.Load)
		settled(t, "subscribers", 0, func() int64 { return int64(topic.Len()) })
	})
}

// TestPanicInOnEnd is logged, and nothing else: behind a filter the worker died of it, on net/http
// the connection.
func TestPanicInOnEnd(t *testing.T) {
	for name, mw := range map[string][]Middleware{
		"loop": nil, "blocking": {Blocking}, "filter": {filtering},
	} {
		t.Run(name, func(t *testing.T) {
			topic := &Topic{}
			srv := &Server{}
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				defer topic.Drop("ann")
				return topic.Subscribe(resp, Subscription{
					Key: "ann", OnEnd: func(error) { panic("oops") },
				})
			}, mw...)
			book := logged(srv)
			addr := serveTest(t, srv)
			if a := get(t, addr, "/"); a.status != 200 || a.err != nil {
				t.Errorf("%v", a)
			}
			settled(t, "lines", 1, func() int64 {
				return int64(book.lines("panic in OnEnd", "oops"))
			})
			if n := book.lines("level=ERROR"); n != 1 {
				t.Errorf("logged:\n%s", book)
			}
		})
	}
}
