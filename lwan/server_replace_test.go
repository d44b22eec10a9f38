//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// moduleBook counts modules that are open, and finds those that are used when they are not.
type moduleBook struct {
	mu     sync.Mutex
	open   map[int]bool
	opened int
	misuse []string
}

func (s *moduleBook) use(n int, where string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open[n] {
		s.misuse = append(s.misuse, fmt.Sprint(where, " of ", n))
	}
}

// here are those that are open.
func (s *moduleBook) here() (list []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := range s.open {
		list = append(list, n)
	}
	slices.Sort(list)
	return list
}

// module is one that is open for number n, and whose goroutine and middleware look whether it is.
func (s *moduleBook) module(n int, handler Handler) Mountable {
	return Module[int]{Name: "moduleBook", Open: func(sc *Scope, n int) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open == nil {
			s.open = map[int]bool{}
		}
		s.open[n] = true
		s.opened++
		sc.OnClose(func() error {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.open, n)
			return nil
		})
		sc.Go(func(ctx context.Context) error {
			<-ctx.Done()
			s.use(n, "Go")
			return nil
		})
		sc.Use(func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				s.use(n, "before")
				resp.BeforeHead(func(Status) { s.use(n, "head") })
				req.Defer(func() { s.use(n, "Defer") })
				st := next(req, resp)
				s.use(n, "after")
				return st
			}
		})
		sc.Handle("/", handler)
		return nil
	}}.With(n)
}

// tables are those of number n: "/n" answers it, and what rest registers.
func (s *moduleBook) tables(n int, handler Handler) *Tables {
	next := &Tables{}
	next.Routes.Mount("/in", s.module(n, handler))
	next.Routes.Handle("/n", text(fmt.Sprint(n)))
	next.Observers = []Observer{bookObserver{s, n}}
	return next
}

type bookObserver struct {
	s *moduleBook
	n int
}

func (o bookObserver) Done(*Request, *Response, time.Duration) { o.s.use(o.n, "Done") }
func (o bookObserver) Close() error                            { return nil }

func (s *moduleBook) server(handler Handler) *Server {
	srv := &Server{}
	srv.Mount("/in", s.module(0, handler))
	srv.Handle("/n", text("0"))
	srv.Observe(bookObserver{s, 0})
	return srv
}

func replace(t testing.TB, srv *Server, next *Tables) {
	t.Helper()
	if err := srv.Replace(context.Background(), next); err != nil {
		t.Fatal(err)
	}
}

// only waits until these modules are open and no other one.
func (s *moduleBook) only(t testing.TB, want ...int) {
	t.Helper()
	for end := time.Now().Add(patience); !slices.Equal(s.here(), want); {
		if time.Now().After(end) {
			t.Fatalf("open are %v, want %v", s.here(), want)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.misuse) > 0 {
		t.Fatalf("used when closed: %v", s.misuse)
	}
}

// TestInvariant11: whoever may call code of a configuration's tables holds them. One request of each
// kind begins with the first tables, which are replaced 200 times: their module is open as long as
// it is under way, and every other one is closed at once.
func TestInvariant11(t *testing.T) {
	kinds := map[string]func(t *testing.T) (h Handler, begin func(addr string) (end func())){
		"parked":    invariant11Parked,
		"blocking":  invariant11Blocking,
		"topic":     invariant11Topic,
		"websocket": invariant11WebSocket,

		"conversation": invariant11Conversation,
		"tunnel":       invariant11Tunnel,
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			s := &moduleBook{}
			handler, begin := kind(t)
			srv := s.server(handler)
			srv.DrainTimeout = -1 // Grace never ends it
			addr := serveTest(t, srv)
			end := begin(addr)
			c := dial(t, addr)
			for n := 1; n <= 200; n++ {
				replace(t, srv, s.tables(n, handler))
				c.send("GET /n HTTP/1.1\r\nHost: x\r\n\r\n")
				c.want("GET", 200, fmt.Sprint(n))
			}
			s.only(t, 0, 200)
			end()
			s.only(t, 200)
			if s.opened != 201 {
				t.Errorf("%d modules were opened", s.opened)
			}
			if err := srv.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
			s.only(t)
		})
	}
}

func invariant11Parked(t *testing.T) (Handler, func(string) func()) {
	return parkedAcross(t)
}

func invariant11Blocking(t *testing.T) (Handler, func(string) func()) {
	return parkedAcross(t, Blocking)
}

func parkedAcross(t *testing.T, mw ...Middleware) (Handler, func(string) func()) {
	begun, go1 := make(chan struct{}), make(chan struct{})
	h := Handler(func(req *Request, resp *Response) Status {
		begun <- struct{}{}
		err := req.Await(func(context.Context) error { <-go1; return nil })
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "late")
	})
	for _, m := range mw {
		h = m(h)
	}
	return h, func(addr string) func() {
		c := dial(t, addr)
		c.send("GET /in/ HTTP/1.1\r\nHost: x\r\n\r\n")
		<-begun
		return func() {
			close(go1)
			c.want("GET", 200, "late")
			c.send("GET /n HTTP/1.1\r\nHost: x\r\n\r\n")
			c.want("GET", 200, "200")
		}
	}
}

func invariant11Topic(t *testing.T) (Handler, func(string) func()) {
	topic := &Topic{}
	ended := make(chan error, 1)
	h := func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{OnEnd: func(err error) { ended <- err }})
	}
	return h, func(addr string) func() {
		c := dial(t, addr)
		c.send("GET /in/ HTTP/1.1\r\nHost: x\r\n\r\n")
		c.head("GET")
		return func() {
			c.reset()
			if !onLoops {
				topic.Publish(Event{Data: "net/http learns by writing"})
			}
			<-ended
		}
	}
}

func invariant11WebSocket(t *testing.T) (Handler, func(string) func()) {
	h := func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(nil)
		if err != nil {
			return resp.Fail(err)
		}
		for {
			kind, msg, err := ws.Receive()
			if err == nil {
				err = ws.Send(kind, msg)
			}
			if err != nil {
				return resp.Fail(err)
			}
		}
	}
	return h, func(addr string) func() {
		c := dial(t, addr)
		c.upgrade()
		return c.reset
	}
}

func (w *client) upgrade() {
	w.t.Helper()
	w.send("GET /in/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if a, _ := w.head("GET"); a.status != 101 {
		w.t.Fatal(a)
	}
}

func invariant11Conversation(t *testing.T) (Handler, func(string) func()) {
	topic := &Topic{}
	joined := make(chan error, 1)
	closed := make(chan error, 1)
	h := func(req *Request, resp *Response) Status {
		return resp.Converse(nil, &Conversation{
			Open:    func(s *Socket) { joined <- topic.Join(s, Subscription{}) },
			Message: func(*Message) error { return nil },
			Closed:  func(_ *Socket, cause error) { closed <- cause },
		})
	}
	return h, func(addr string) func() {
		c := dial(t, addr)
		c.upgrade()
		if err := <-joined; err != nil {
			t.Fatal(err)
		}
		return func() {
			c.reset()
			<-closed
		}
	}
}

func invariant11Tunnel(t *testing.T) (Handler, func(string) func()) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	behind := make(chan net.Conn, 1)
	go func() {
		if c, err := backend.Accept(); err == nil {
			behind <- c
		}
	}()
	dialer := &Dialer{Address: backend.Addr().String()}
	done := make(chan error, 1)
	h := tunnellingTo(dialer, Tunnel{Done: func(_, _ int64, cause error) { done <- cause }})
	return h, func(addr string) func() {
		c := dial(t, addr)
		c.upgrade()
		other := <-behind
		return func() {
			c.reset()
			other.Close()
			<-done
		}
	}
}

// TestReplaceGrace: what has no end by itself is ended when the Grace of its tables is over, and
// no sooner; also what begins later in a handler that was parked.
func TestReplaceGrace(t *testing.T) {
	s := &moduleBook{}
	topic := &Topic{}
	begun, late := make(chan struct{}), make(chan struct{})
	handler := func(req *Request, resp *Response) Status {
		switch req.Rest() {
		case "topic":
			return topic.Subscribe(resp, Subscription{})
		case "late":
			close(begun)
			if err := req.Await(func(context.Context) error { <-late; return nil }); err != nil {
				return resp.Fail(err)
			}
		}
		ev := resp.Events()
		ev.SetHeartbeat(-1) // which would wake it
		for range req.Every(time.Hour) {
			if err := ev.Send(Event{Data: "x"}); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	}
	srv := s.server(handler)
	srv.DrainTimeout = -1
	addr := serveTest(t, srv)
	first := s.tables(1, handler)
	first.Grace = 50 * time.Millisecond
	replace(t, srv, first)
	clients, streams := map[string]*client{}, map[string]*http.Response{}
	for _, kind := range []string{"topic", "events", "late"} {
		c := dial(t, addr)
		c.send("GET /in/" + kind + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if clients[kind] = c; kind != "late" {
			_, streams[kind] = c.head("GET")
		}
	}
	<-begun
	old := srv.life.current
	replace(t, srv, s.tables(2, handler))
	for _, kind := range []string{"topic", "events"} {
		if got, err := io.ReadAll(streams[kind].Body); err != nil || !strings.Contains(string(got), "retry") {
			t.Errorf("%s ends with %q, %v", kind, got, err)
		}
	}
	<-old.stopping.Done()
	close(late)
	clients["late"].answer("GET")
	s.only(t, 2)
}

// TestReplaceRefused: what is wrong with the next tables is said, all of it, and changes nothing.
func TestReplaceRefused(t *testing.T) {
	s := &moduleBook{}
	srv := s.server(text("old"))
	srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0"}}
	if err := srv.Replace(context.Background(), &Tables{}); err == nil {
		t.Error("replaced before it serves")
	}
	addr := serveTest(t, srv)
	bad := s.tables(7, text("new"))
	bad.Routes.Handle("GET  no/{", text(""))
	bad.Routes.Handle("/n", text("twice"))
	err := srv.Replace(context.Background(), bad)
	if err == nil || !strings.Contains(err.Error(), "no/{") || !strings.Contains(err.Error(), "/n") {
		t.Errorf("bad routes: %v", err)
	}
	failing := s.tables(8, text("new"))
	failing.Routes.Mount("/fails", Module[int]{Name: "fails",
		Open: func(*Scope, int) error { return errors.New("on purpose") }}.With(0))
	if err := srv.Replace(context.Background(), failing); err == nil ||
		!strings.Contains(err.Error(), "on purpose") {
		t.Errorf("a module that fails: %v", err)
	}
	unknown := s.tables(9, text("new"))
	unknown.Endpoints = map[string]*Routes{":1": {}}
	unknown.Header = http.Header{"X\n": {"y"}}
	unknown.Observers = append(unknown.Observers, nil)
	err = srv.Replace(context.Background(), unknown)
	for _, want := range []string{`":1"`, "Tables.Header", "observer 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", want, err)
		}
	}
	over, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("no time"))
	if err := srv.Replace(over, s.tables(10, text("new"))); err == nil ||
		!strings.Contains(err.Error(), "no time") {
		t.Errorf("a context that is over: %v", err)
	}
	s.only(t, 0)
	if a := get(t, addr, "/in/"); a.body != "old" {
		t.Errorf("afterwards: %v", a)
	}
	used := s.tables(11, text("new"))
	replace(t, srv, used)
	if srv.Replace(context.Background(), used) == nil {
		t.Error("tables were used twice")
	}
	s.only(t, 11)
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if srv.Replace(context.Background(), s.tables(12, text("new"))) == nil {
		t.Error("replaced after the end")
	}
	s.only(t)
}

// TestReplaceByHandler: one on a loop may not, and one that is Blocking may.
func TestReplaceByHandler(t *testing.T) {
	s := &moduleBook{}
	var srv *Server
	n := atomic.Int64{}
	h := func(req *Request, resp *Response) Status {
		next := s.tables(int(n.Add(1)), text("new"))
		next.Routes.Handle("/replace", text("no more"))
		if err := srv.Replace(context.Background(), next); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "replaced")
	}
	srv = s.server(text("old"))
	srv.Handle("/inline", h)
	srv.Handle("/replace", h, Blocking)
	addr := serveTest(t, srv)
	if a := get(t, addr, "/inline"); onLoops && a.status != 500 {
		t.Errorf("on a loop: %v", a)
	}
	if a := get(t, addr, "/replace"); onLoops && a.body != "replaced" {
		t.Errorf("beside a loop: %v", a)
	}
	if a := get(t, addr, "/in/"); a.body != "new" {
		t.Errorf("afterwards: %v", a)
	}
}

// TestReplaceHandsOn: an equal module stays open, with what it has mounted; with its routes and
// middleware in what is around it now.
func TestReplaceHandsOn(t *testing.T) {
	type config struct{ Name string }
	var opened, closed atomic.Int64
	inner := Module[config]{Name: "inner", HandOn: true, Open: func(s *Scope, c config) error {
		opened.Add(1)
		s.OnClose(func() error { closed.Add(1); return nil })
		s.Handle("/", text("inner "+c.Name))
		return nil
	}}
	seen := make(observed, 100)
	module := Module[config]{Name: "kept", HandOn: true, Open: func(s *Scope, c config) error {
		opened.Add(1)
		n := 0
		s.Server().Observe(seen)
		s.OnClose(func() error { closed.Add(1); return nil })
		s.Use(naming("own"))
		g := s.Group("/g", naming("group"))
		g.Handle("/", func(req *Request, resp *Response) Status {
			n++
			return resp.Text(200, fmt.Sprint(c.Name, n))
		})
		s.Group("/sub").Mount("/deep", inner.With(c))
		return nil
	}}
	fill := func(r *Routes, name, around string) {
		r.Use(naming(around))
		r.Site("a.test").MountAt("x", "/m", module.With(config{name}), naming("given"))
	}
	srv := &Server{Loops: 1}
	fill(&srv.Routes, "same", "first")
	addr := serveTest(t, srv)
	ask := func(path, body, through string) {
		t.Helper()
		a := once(t, addr, "GET", "GET "+path+" HTTP/1.1\r\nHost: a.test\r\n\r\n")
		if got := strings.Join(a.header.Values("X-Through"), " "); a.body != body || got != through {
			t.Errorf("%s: %v through %q, want %q through %q", path, a, got, body, through)
		}
		<-seen
		select {
		case more := <-seen:
			t.Errorf("%s was observed twice: %s", path, more)
		default:
		}
	}
	ask("/m/g/", "same1", "group own given first")
	for _, around := range []string{"second", "third"} {
		next := &Tables{}
		fill(&next.Routes, "same", around)
		replace(t, srv, next)
		ask("/m/sub/deep/", "inner same", "own given "+around)
	}
	ask("/m/g/", "same2", "group own given third")
	if opened.Load() != 2 || closed.Load() != 0 {
		t.Errorf("%d were opened, %d closed", opened.Load(), closed.Load())
	}
	next := &Tables{}
	fill(&next.Routes, "other", "fourth")
	replace(t, srv, next)
	ask("/m/g/", "other1", "group own given fourth")
	if err := srv.Close(); err != nil || opened.Load() != 4 || closed.Load() != 4 {
		t.Errorf("at the end: %d were opened, %d closed, %v", opened.Load(), closed.Load(), err)
	}
}

// TestReplaceNumbers: the watchdog's numbers are found as long as somebody holds their tables, and
// never used again.
func TestReplaceNumbers(t *testing.T) {
	s := &moduleBook{}
	srv := s.server(text("old"))
	serveTest(t, srv)
	last := uint64(0)
	for n := 1; n <= 50; n++ {
		replace(t, srv, s.tables(n, text("new")))
		for _, rt := range srv.life.current.routes {
			if rt.number <= last || srv.life.core.numbers.find(rt.number) != rt {
				t.Fatalf("number %d after %d", rt.number, last)
			}
			last = rt.number
		}
	}
	s.only(t, 50)
	for end := time.Now().Add(patience); len(*srv.life.core.numbers.all.Load()) != 1; {
		if time.Now().After(end) {
			t.Fatal("routes of closed tables are still known")
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	if srv.life.core.numbers.find(1) != nil || srv.life.core.numbers.find(last+1) != nil {
		t.Error("a route is found that is not there")
	}
}
