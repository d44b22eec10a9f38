//go:build linux

package lwan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestWaitingSimulation lets clients ask, leave, stay and read as they like, while things are
// published. Whatever they do, each handler ends once, no answer goes to the wrong request, and
// nothing is left.
func TestWaitingSimulation(t *testing.T) {
	t.Parallel()
	if !onLoops {
		t.Skip("net/http does not listen for the client's leaving before the body is read")
	}
	length := 4 * time.Second
	if testing.Short() {
		length = time.Second
	}
	sim := &simulation{seed: rand.Uint64(), topic: &Topic{Replay: 10, Backlog: 4 << 10}}
	t.Logf("seed %d", sim.seed)
	srv := &Server{Limits: Limits{Body: -1}}
	sim.routes(srv)
	addr := serveTest(t, srv)
	end := time.Now().Add(length)
	var clients sync.WaitGroup
	for k := range 16 {
		clients.Go(func() {
			rnd := rand.New(rand.NewPCG(sim.seed, uint64(k)))
			for time.Now().Before(end) {
				sim.client(t, addr, rnd)
			}
		})
	}
	over, published := make(chan struct{}), make(chan struct{})
	go sim.publish(over, published)
	clients.Wait()
	close(over)
	<-published
	sim.check(t, srv)
	t.Logf("%d handlers, %d answers that were read to their end",
		sim.begun.Load(), sim.answers.Load())
}

// simulation is handlers that wait in every way, and what came of them.
type simulation struct {
	visit
	seed    uint64
	topic   *Topic
	queue   Queue[string]
	ended   atomic.Int64 // subscriptions
	joined  atomic.Int64
	answers atomic.Int64
}

// short are waits that end while the client is still there, if it stays; the answer is what came in
// ?n=.
var short = map[string]func(req *Request) error{
	"none":  func(req *Request) error { return nil },
	"sleep": func(req *Request) error { return req.Sleep(time.Millisecond) },
	"await": func(req *Request) error {
		return req.Await(func(context.Context) error { runtime.Gosched(); return nil })
	},
	"every": func(req *Request) error {
		n := 0
		for range req.Every(time.Millisecond) {
			if n++; n == 3 {
				break
			}
		}
		return nil
	},
	"body": func(req *Request) error {
		n, err := io.Copy(io.Discard, req.Body())
		if err == nil && n != 100_000 {
			err = fmt.Errorf("%d bytes of the body", n)
		}
		return err
	},
}

func (s *simulation) routes(srv *Server) {
	for mode, mw := range modes {
		for name, wait := range waits {
			srv.Handle("POST /"+mode+"/"+name, s.counted(func(req *Request, resp *Response) Status {
				if err := wait(req, resp); err != nil {
					return resp.Fail(err)
				}
				return 200
			}), mw...)
		}
		for name, wait := range short {
			srv.Handle("POST /"+mode+"/"+name, s.counted(func(req *Request, resp *Response) Status {
				n := req.Query("n")
				if err := wait(req); err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, n)
			}), mw...)
		}
		srv.Handle("POST /"+mode+"/queue", s.counted(s.listen), mw...)
		srv.Handle("POST /"+mode+"/topic", s.counted(func(req *Request, resp *Response) Status {
			s.joined.Add(1)
			return s.topic.Subscribe(resp, Subscription{OnEnd: func(error) { s.ended.Add(1) }})
		}), mw...)
	}
}

// listen streams what comes in the queue that all listeners share.
func (s *simulation) listen(req *Request, resp *Response) Status {
	ev := resp.Events()
	for data := range s.queue.All(req) {
		if err := ev.Send(Event{Data: data}); err != nil {
			return resp.Fail(err)
		}
	}
	return 200
}

// counted counts calls and ends.
func (s *simulation) counted(next Handler) Handler {
	return func(req *Request, resp *Response) Status {
		s.begun.Add(1)
		req.Defer(func() { s.deferred.Add(1) })
		defer s.defers.Add(1)
		return next(req, resp)
	}
}

// publish feeds the topic and the queue until over is closed.
func (s *simulation) publish(over <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-over:
			return
		case <-ticker.C:
			s.topic.Publish(Event{Data: strings.Repeat("t", 500)})
			s.queue.Push("q")
		}
	}
}

// client is one connection: some requests that are answered, perhaps one that is not, and an end of
// some kind.
func (s *simulation) client(t *testing.T, addr string, rnd *rand.Rand) {
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Error(err)
		return
	}
	r := bufio.NewReader(c)
	for range rnd.IntN(4) {
		if err := s.ask(c, r, rnd); err != nil {
			t.Error(err)
			return
		}
	}
	if rnd.IntN(3) > 0 {
		s.leave(c, r, rnd)
	}
}

// ask gets an answer, and checks that it is the one to this request.
func (s *simulation) ask(c net.Conn, r *bufio.Reader, rnd *rand.Rand) error {
	path, n := pick(rnd, modes)+"/"+pick(rnd, short), fmt.Sprint(rnd.Uint64())
	body := strings.Repeat("b", 100_000)
	if _, err := io.WriteString(c, post("/"+path+"?n="+n, body)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	got, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || string(got) != n || err != nil {
		return fmt.Errorf("%s: %d %.80q, %v, want %q", path, resp.StatusCode, got, err, n)
	}
	s.answers.Add(1)
	return nil
}

// leave asks for something that has no end, or sends only a part of the request, and goes at some
// moment in some way.
func (s *simulation) leave(c net.Conn, r *bufio.Reader, rnd *rand.Rand) {
	path := []string{pick(rnd, waits), pick(rnd, short), "queue", "topic"}[rnd.IntN(4)]
	raw := post("/"+pick(rnd, modes)+"/"+path, strings.Repeat("b", 10+rnd.IntN(1000)))
	if rnd.IntN(3) == 0 {
		raw = raw[:rnd.IntN(len(raw))]
	}
	_, err := io.WriteString(c, raw)
	if err == nil && rnd.IntN(2) == 0 && raw != "" {
		deadline := time.Now().Add(time.Duration(rnd.IntN(5)) * time.Millisecond)
		if err = c.SetReadDeadline(deadline); err == nil {
			// until there is no more, or no more patience
			_, _ = io.CopyN(io.Discard, r, rnd.Int64N(100_000))
		}
	}
	if tcp := c.(tcpConn); err == nil {
		switch rnd.IntN(3) {
		case 0:
			_ = tcp.SetLinger(0) // Close resets
		case 1:
			_ = tcp.CloseWrite() // and closes the rest at once
		}
	}
}

// pick chooses a name of m, the same for the same seed.
func pick[V any](rnd *rand.Rand, m map[string]V) string {
	names := slices.Sorted(maps.Keys(m))
	return names[rnd.IntN(len(names))]
}

// check waits for the end of everything and compares what began with what ended.
func (s *simulation) check(t *testing.T, srv *Server) {
	t.Helper()
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active + s.Conns.Subscribed
	})
	settled(t, "parked", 0, func() int64 { return srv.Stats().Conns.Parked })
	settled(t, "goroutines of handlers", 0, func() int64 { return srv.Stats().Awaiting })
	settled(t, "subscribers", 0, func() int64 { return int64(s.topic.Len()) })
	if s.begun.Load() == 0 || s.begun.Load() != s.defers.Load() ||
		s.begun.Load() != s.deferred.Load() {
		t.Errorf("%d calls, %d defers, %d Request.Defers",
			s.begun.Load(), s.defers.Load(), s.deferred.Load())
	}
	if s.joined.Load() == 0 || s.joined.Load() != s.ended.Load() {
		t.Errorf("%d subscriptions, %d ends", s.joined.Load(), s.ended.Load())
	}
	if n := len(s.queue.waiting); n > 0 {
		t.Errorf("%d handlers are left in the queue", n)
	}
}
