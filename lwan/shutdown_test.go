//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What Shutdown promises under load: a request whose handler has begun is answered in full; an
// answer is never cut; and a request that is not answered was never begun, so that a client may
// send it again (RFC 9112 section 9.3.1). A client that could connect is answered, also if no loop
// had accepted the connection yet. What a client sends on a kept connection at the moment at which
// that is closed meets a closed connection: nothing can be promised for it but that no byte of an
// answer comes.

// loadClient counts what its requests came to.
type loadClient struct{ answered, refused atomic.Int64 }

// TestShutdownUnderLoad: clients with kept connections and with one for each request.
func TestShutdownUnderLoad(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"kept", "new"} {
		t.Run(mode, func(t *testing.T) {
			var begun atomic.Int64
			srv := &Server{Addr: "127.0.0.1:0", Loops: 2, Log: slog.New(slog.DiscardHandler)}
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				if begun.Add(1)%3 == 0 {
					if err := req.Sleep(time.Millisecond); err != nil {
						return resp.Fail(err)
					}
				}
				return resp.Text(200, "whole answer")
			})
			ended := make(chan error, 1)
			go func() { ended <- srv.ListenAndServe() }()
			received(t, srv.Ready())
			var load loadClient
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { load.run(t, srv.Addrs()[0].String(), mode == "kept") })
			}
			for load.answered.Load() < 200 {
				select {
				case err := <-ended:
					t.Fatal(err)
				default:
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := srv.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			wg.Wait()
			if err := received(t, ended); err != nil {
				t.Errorf("ListenAndServe: %v", err)
			}
			if b, a := begun.Load(), load.answered.Load(); a != b {
				t.Errorf("%d requests were begun, %d answered", b, a)
			}
			// net/http leaves the listener's queue
			if n := load.refused.Load(); onLoops && mode == "new" && n > 0 {
				t.Errorf("%d were connected and got no answer", n)
			}
			s := srv.Stats()
			if s.Requests != begun.Load() || s.Status[2] != s.Requests ||
				s.Conns.Idle+s.Conns.Active+s.Conns.Parked != 0 {
				t.Errorf("%+v", s)
			}
			t.Logf("%d answered, %d never begun", load.answered.Load(), load.refused.Load())
		})
	}
}

// run sends requests until a connection is refused.
func (l *loadClient) run(t *testing.T, addr string, keep bool) {
	for {
		c, err := dialServer("tcp", addr)
		if err != nil {
			if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("connecting: %v", err)
			}
			return
		}
		l.use(t, c, keep)
		c.Close()
	}
}

// use sends requests on c until it is closed.
func (l *loadClient) use(t *testing.T, c net.Conn, keep bool) {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Error(err)
		return
	}
	r := bufio.NewReader(c)
	for {
		if _, err := io.WriteString(c, get1("/")); err != nil {
			l.refused.Add(1)
			return
		}
		if _, err := r.Peek(1); err != nil { // closed before a byte of an answer
			l.refused.Add(1)
			return
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Errorf("the head is cut: %v", err)
			return
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "whole answer" || err != nil || resp.StatusCode != 200 {
			t.Errorf("%d %q %v", resp.StatusCode, body, err)
			return
		}
		l.answered.Add(1)
		if !keep || resp.Close {
			return
		}
	}
}

// TestDraining: requests under way are finished, and their answers say that the connection ends;
// idle connections are closed at once; new ones are refused; event streams end.
func TestDraining(t *testing.T) {
	t.Parallel()
	srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	var q Queue[string]
	busy := make(chan struct{}, 4)
	srv.Handle("GET /wait", func(req *Request, resp *Response) Status {
		busy <- struct{}{}
		s, err := q.Pop(req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, s)
	})
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		if err := resp.Events().Comment("hello"); err != nil {
			return resp.Fail(err)
		}
		busy <- struct{}{}
		for range req.Every(time.Hour) {
		}
		if context.Cause(req.Context()) != ErrStopping {
			return 500
		}
		return 200
	})
	srv.Handle("GET /ok", text("ok"))
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	received(t, srv.Ready())
	addr := srv.Addrs()[0].String()
	idle, waiting, events := dial(t, addr), dial(t, addr), dial(t, addr)
	idle.open("/ok")
	waiting.send(get1("/wait"))
	events.send(get1("/events"))
	received(t, busy)
	received(t, busy)
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	idle.leaves()
	// its end is a proper one
	if a := events.answer("GET"); a.body != ": hello\n\nretry: 3000\n\n" || a.err != nil {
		t.Errorf("%v", a)
	}
	events.leaves()
	settled(t, "listening", 0, func() int64 {
		c, err := dialServer("tcp", addr)
		if err != nil {
			return 0
		}
		c.Close()
		return 1
	})
	if !q.Push("finished") {
		t.Error("the queue is full")
	}
	if a := waiting.want("GET", 200, "finished"); !a.close {
		t.Errorf("%v does not say that the connection ends", a)
	}
	waiting.leaves()
	if err := received(t, down); err != nil {
		t.Errorf("%v", err)
	}
	if err := received(t, ended); err != nil {
		t.Errorf("%v", err)
	}
}

// TestShutdownAnswersTheQueue: a loop that stands still accepts no connections. Clients that have
// connected meanwhile are answered, though the server is told to stop before the loop goes on.
func TestShutdownAnswersTheQueue(t *testing.T) {
	if !onLoops {
		t.Skip("net/http leaves the listener's queue")
	}
	srv := &Server{Loops: 1, StallAfter: -1, Log: slog.New(slog.DiscardHandler)}
	srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0"},
		{Addr: "unix:" + filepath.Join(t.TempDir(), "s")}}
	stalled, release := make(chan struct{}), make(chan struct{})
	srv.Handle("GET /stall", func(req *Request, resp *Response) Status {
		close(stalled)
		<-release
		return resp.Text(200, "ok")
	})
	srv.Handle("GET /ok", text("ok"))
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	received(t, srv.Ready())
	first := dial(t, srv.Addrs()[0].String())
	first.send(get1("/stall"))
	received(t, stalled)
	clients := []*client{first}
	for i := range 400 {
		addr := srv.Addrs()[i%2]
		c, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		w := newClient(t, c)
		w.send(get1("/ok"))
		clients = append(clients, w)
	}
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	settled(t, "files of sockets", 0, func() int64 { // the door is shut
		if _, err := os.Stat(srv.Addrs()[1].String()); err != nil {
			return 0
		}
		return 1
	})
	close(release)
	for _, w := range clients {
		w.want("GET", 200, "ok")
		w.ended()
		w.c.Close()
	}
	if err := errors.Join(received(t, down), received(t, ended)); err != nil {
		t.Error(err)
	}
}

// TestDrainIdle: with a time for that, an idle connection may be used for one request once draining
// has begun; an unused one is closed in the end.
func TestDrainIdle(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{
		"used": time.Hour, "unused": time.Nanosecond,
	} {
		t.Run(name, func(t *testing.T) {
			srv := &Server{
				Addr: "127.0.0.1:0", DrainIdle: grace, Log: slog.New(slog.DiscardHandler),
			}
			srv.Handle("GET /ok", text("ok"))
			clock := stopTime(srv)
			ended := make(chan error, 1)
			go func() { ended <- srv.ListenAndServe() }()
			received(t, srv.Ready())
			idle := dial(t, srv.Addrs()[0].String())
			idle.open("/ok")
			down := make(chan error, 1)
			go func() { down <- srv.Shutdown(context.Background()) }()
			settled(t, "listening", 0, func() int64 {
				c, err := dialServer("tcp", srv.Addrs()[0].String())
				if err != nil {
					return 0
				}
				c.Close()
				return 1
			})
			if name == "used" {
				idle.send(get1("/ok"))
				if a := idle.want("GET", 200, "ok"); !a.close {
					t.Errorf("%v does not say that the connection ends", a)
				}
			} else {
				clock.rush(t)
			}
			idle.leaves()
			if err := errors.Join(received(t, down), received(t, ended)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDrainIdleFits: connections that rest do not make a shutdown miss its end.
func TestDrainIdleFits(t *testing.T) {
	srv := &Server{DrainIdle: time.Hour, LingerTimeout: 4 * time.Second}
	for left, want := range map[time.Duration]time.Duration{
		0: time.Hour, time.Minute: 53 * time.Second, 7 * time.Second: 0, time.Second: 0,
	} {
		ctx, cancel := context.Background(), func() {}
		if left > 0 {
			ctx, cancel = context.WithTimeout(ctx, left)
		}
		if got := srv.drainIdle(ctx); got > want || (got == 0) != (want == 0) {
			t.Errorf("%v before the end: %v, want %v", left, got, want)
		}
		cancel()
	}
}

// TestStats add up.
func TestStats(t *testing.T) {
	inTheClear(t, "its bytes are those of records")
	srv := &Server{Loops: 2}
	misbehaving(srv)
	if s := srv.Stats(); s.Requests != 0 || s.Conns.Idle != 0 {
		t.Errorf("before the start: %+v", s)
	}
	addr := serveTest(t, srv)
	sent := int64(0)
	for range 5 {
		w := dial(t, addr)
		for _, path := range []string{"/ok", "/none", "/panic", "/sleep"} {
			w.send(get1(path))
			sent += int64(len(get1(path)))
			w.answer("GET")
		}
	}
	settled(t, "requests", 20, func() int64 { return srv.Stats().Requests })
	s := srv.Stats()
	if s.Accepted != 5 || s.Conns.Idle != 5 || s.Conns.Active != 0 || s.BytesIn != sent ||
		s.BytesOut < 20*100 || onLoops && (s.Parks < 5 || s.Turns == 0) {
		t.Errorf("%+v", s)
	}
	if want := [6]int64{0, 0, 10, 0, 5, 5}; s.Status != want {
		t.Errorf("%v, want %v", s.Status, want)
	}
}
