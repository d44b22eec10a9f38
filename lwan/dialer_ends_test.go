//go:build linux

package lwan

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"
)

// waitingOn is a server whose handlers ask a backend that answers when a test lets it.
func waitingOn(t *testing.T, srv *Server) (addr string, asked chan string, answer chan struct{}) {
	t.Helper()
	b := localBackend(t)
	d := &Dialer{Address: b.ln.Addr().String()}
	asked, answer = make(chan string, 100), make(chan struct{})
	srv.Handle("GET /wait", func(req *Request, resp *Response) Status {
		c, err := d.Get(req)
		if err != nil {
			return resp.Fail(err)
		}
		say := req.Query("say")
		asked <- say
		if err := c.Wait(time.Millisecond); !isTimeout(err) { // it waits there, too
			return resp.Fail(fmt.Errorf("waited for nothing: %w", err))
		}
		if say != "now" {
			err := req.Await(func(ctx context.Context) error {
				select {
				case <-answer:
				case <-ctx.Done():
				}
				return nil
			})
			if err != nil {
				return resp.Fail(err)
			}
		}
		got, err := sayTo(c, say)
		if err != nil {
			return resp.Fail(err)
		}
		c.Keep()
		return resp.Text(200, got)
	})
	return serveTest(t, srv), asked, answer
}

// TestDrainLetsBackendsAnswer: what is under way when draining begins is answered whole.
func TestDrainLetsBackendsAnswer(t *testing.T) {
	srv := &Server{Loops: 1}
	addr, asked, answer := waitingOn(t, srv)
	var clients sync.WaitGroup
	for i := range 5 {
		clients.Go(func() {
			want := fmt.Sprint("200 late", i)
			if got := plainGet(t, fmt.Sprintf("http://%s/wait?say=late%d", addr, i)); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	for range 5 {
		received(t, asked)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	close(answer)
	clients.Wait()
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}

// TestHardStopEndsBackendWaits: the wait ends, and the backend sees the end of its connection.
func TestHardStopEndsBackendWaits(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{Loops: 1}
		waits, ends := make(chan struct{}), make(chan error, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			c, err := d.Get(req)
			if err != nil {
				return resp.Fail(err)
			}
			io.WriteString(c, "hang\n")
			waits <- struct{}{}
			_, err = c.Read(make([]byte, 1))
			ends <- err
			return resp.Fail(err)
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		received(t, waits)
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := received(t, ends); err != ErrStopping {
			t.Errorf("%v", err)
		}
		received(t, b.ended)
	})
}

// TestTakeoverWithBackendWaits: a loop that is taken over goes on with its backends' connections,
// and each answer is that to its question.
func TestTakeoverWithBackendWaits(t *testing.T) {
	if !onLoops {
		t.Skip("net/http has no loops")
	}
	for _, threads := range []Threads{ThreadsPinned, ThreadsFree} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) { takeOverBackendWaits(t, threads) })
	}
}

func takeOverBackendWaits(t *testing.T, threads Threads) {
	srv := &Server{Loops: 1, Threads: threads, TakeOverAfter: 20 * time.Millisecond}
	stuck, release := make(chan struct{}), make(chan struct{})
	srv.Handle("GET /stuck", func(req *Request, resp *Response) Status {
		close(stuck)
		<-release
		return 204
	})
	addr, asked, answer := waitingOn(t, srv)
	var clients sync.WaitGroup
	get := func(path, want string) {
		clients.Go(func() {
			if got := plainGet(t, "http://"+addr+path); got != want {
				t.Errorf("%s: %q", path, got)
			}
		})
	}
	for i := range 5 {
		get(fmt.Sprintf("/wait?say=early%d", i), fmt.Sprint("200 early", i))
	}
	for range 5 {
		received(t, asked)
	}
	get("/stuck", "204 ")
	received(t, stuck)
	if got := plainGet(t, "http://"+addr+"/wait?say=now"); got != "200 now" {
		t.Errorf("behind the stuck handler: %q", got)
	}
	close(answer)
	close(release)
	clients.Wait()
}
