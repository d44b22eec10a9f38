//go:build linux && !golwan_nethttp

package lwan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestStuckHandlersDoNotHoldOthers: handlers that do not come back for long, on both loops, while
// others are served.
func TestStuckHandlersDoNotHoldOthers(t *testing.T) {
	for _, threads := range []Threads{ThreadsPinned, ThreadsCPU, ThreadsFree} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			release := make(chan struct{})
			var once sync.Once
			defer once.Do(func() { close(release) })
			srv := &Server{Threads: threads, TakeOverAfter: 50 * time.Millisecond}
			srv.Handle("GET /stuck", func(req *Request, resp *Response) Status {
				<-release
				// it goes on as if nothing had been
				if err := req.Sleep(time.Millisecond); err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, "at last")
			})
			srv.Handle("GET /ok", func(req *Request, resp *Response) Status {
				if err := req.Sleep(time.Millisecond); err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, "ok")
			})
			addr := serveTest(t, srv)
			var stuck sync.WaitGroup
			for range 4 { // the first ones hold loops, the others come when the route has moved
				c, err := dialServer("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				stuck.Go(func() {
					defer c.Close()
					st, body := request(c, bufio.NewReader(c), "/stuck")
					if st != 200 || body != "at last" {
						t.Errorf("a stuck request: %d %q", st, body)
					}
				})
			}
			settled(t, "stalls", 1, func() int64 { return min(1, int64(len(srv.Stats().Stalls))) })
			client := &http.Client{
				Transport: lonelyTransport(), Timeout: 60 * time.Second,
			}
			for i := range 100 {
				resp, err := client.Get("http://" + addr + "/ok")
				if err != nil || resp.StatusCode != 200 {
					t.Fatalf("request %d beside the stuck ones: %v %v", i, resp, err)
				}
				resp.Body.Close()
			}
			once.Do(func() { close(release) })
			stuck.Wait()
			if st := fetchStatus(t, "http://"+addr+"/ok"); st != 200 {
				t.Errorf("afterwards: %d", st)
			}
		})
	}
}

// TestMutexHeldAcrossPark is the classic: one handler waits while it holds a mutex that another one
// of the same loop wants.
func TestMutexHeldAcrossPark(t *testing.T) {
	t.Parallel()
	for _, threads := range []Threads{ThreadsPinned, ThreadsFree} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			mu := make(chan struct{}, 1) // a mutex that a test may open
			unlock := func() {
				select {
				case <-mu:
				default:
				}
			}
			srv := &Server{
				Loops: 1, Threads: threads, TakeOverAfter: 50 * time.Millisecond, KeepInline: true,
			}
			held, wanted := make(chan struct{}, 1), make(chan struct{}, 1)
			var goOn Queue[string] // for the holder, once the other one has the loop
			srv.Handle("GET /holder", func(req *Request, resp *Response) Status {
				mu <- struct{}{}
				defer unlock()
				held <- struct{}{}
				if _, err := goOn.Pop(req); err != nil {
					return resp.Fail(err)
				}
				return resp.Text(200, "held")
			})
			srv.Handle("GET /wanter", func(req *Request, resp *Response) Status {
				wanted <- struct{}{}
				mu <- struct{}{}
				defer unlock()
				return resp.Text(200, "got it")
			})
			srv.Handle("GET /ok", func(req *Request, resp *Response) Status {
				return resp.Text(200, "ok")
			})
			addr := serveTest(t, srv)
			dial := func() (net.Conn, *bufio.Reader) {
				c, err := dialServer("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				return c, bufio.NewReader(c)
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				c, r := dial()
				defer c.Close()
				st, _ := request(c, r, "/holder")
				if st != 200 {
					t.Errorf("holder: %d", st)
				}
			})
			<-held
			wg.Go(func() {
				c, r := dial()
				defer c.Close()
				if st, _ := request(c, r, "/wanter"); st != 200 {
					t.Errorf("wanter: %d", st)
				}
			})
			<-wanted
			goOn.Push("go on")
			// what is parked on the stuck thread cannot go on: nobody but the test can help
			if threads == ThreadsPinned {
				c, r := dial()
				defer c.Close()
				if st, _ := request(c, r, "/ok"); st != 200 {
					t.Errorf("beside: %d", st)
				}
				settled(t, "takeovers", 1, func() int64 {
					return min(1, int64(len(srv.Stats().Stalls)))
				})
				unlock()
			}
			wg.Wait()
		})
	}
}

// TestRequestsParkedBehindAStuckHandler: their clients leave while their thread is in a handler
// that does not come back. Their connections stayed, and with them the server at its shutdown.
func TestRequestsParkedBehindAStuckHandler(t *testing.T) {
	t.Parallel()
	for _, threads := range []Threads{ThreadsPinned, ThreadsCPU, ThreadsFree} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			release := make(chan struct{})
			var ended atomic.Int64 // handlers that have learned that their client is gone
			srv := &Server{
				Loops: 1, Threads: threads, TakeOverAfter: 50 * time.Millisecond, KeepInline: true,
			}
			srv.Handle("GET /park", func(req *Request, resp *Response) Status {
				err := req.Sleep(time.Hour)
				if err == ErrGone {
					ended.Add(1)
				}
				return resp.Fail(err)
			})
			srv.Handle("GET /ok", text("ok"))
			srv.Handle("GET /stuck", func(req *Request, resp *Response) Status {
				<-release
				return resp.Text(200, req.RemoteAddr().Addr().String())
			})
			addr := serveTest(t, srv)
			const n = 20
			var parked []*client
			for range n {
				w := dial(t, addr)
				w.send(get1("/park"))
				parked = append(parked, w)
			}
			settled(t, "parked", n, func() int64 { return srv.Stats().Conns.Parked })
			stuck := dial(t, addr)
			stuck.send(get1("/stuck"))
			o := dial(t, addr)
			o.open("/ok") // by another thread
			for _, w := range parked {
				if err := w.c.Close(); err != nil {
					t.Error(err)
				}
			}
			settled(t, "active", 1, func() int64 { return srv.Stats().Conns.Active })
			o.open("/ok")
			close(release)
			stuck.want("GET", 200, "127.0.0.1")
			settled(t, "ended", n, ended.Load)
		})
	}
}

// TestHardStopOfAStuckHandler: Close cuts all connections at once, and says which handler did not
// end.
func TestHardStopOfAStuckHandler(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	srv := &Server{Addr: "127.0.0.1:0", Loops: 1, TakeOverAfter: 50 * time.Millisecond,
		KeepInline: true, Log: slog.New(slog.DiscardHandler)}
	srv.Handle("GET /park", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Sleep(time.Hour))
	})
	srv.Handle("GET /ok", text("ok"))
	srv.Handle("GET /stuck", func(req *Request, resp *Response) Status {
		<-release
		return resp.Text(200, "too late")
	})
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	<-srv.Ready()
	addr := srv.Addrs()[0].String()
	parked, stuck, o := dial(t, addr), dial(t, addr), dial(t, addr)
	parked.send(get1("/park"))
	settled(t, "parked", 1, func() int64 { return srv.Stats().Conns.Parked })
	stuck.send(get1("/stuck"))
	o.open("/ok")
	closed := make(chan error, 1)
	go func() { closed <- srv.Close() }()
	for _, w := range []*client{parked, stuck, o} {
		if _, err := io.Copy(io.Discard, w.r); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a connection is still open")
		}
	}
	err := received(t, closed)
	if err == nil || !strings.Contains(err.Error(), "GET /stuck") ||
		strings.Contains(err.Error(), "/park") {
		t.Errorf("Close: %v", err)
	}
	if got := received(t, ended); got == nil {
		t.Error("ListenAndServe: no error")
	}
	close(release)
	settled(t, "workers", 0, func() int64 { return srv.Stats().Workers })
}
