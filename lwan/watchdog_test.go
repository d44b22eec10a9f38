//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a log for many goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func fetchStatus(t testing.TB, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// spin computes for a while.
func spin(d time.Duration) (n int) {
	for start := time.Now(); time.Since(start) < d; n++ {
	}
	return n
}

func TestWatchdogNamesAndMovesStalls(t *testing.T) {
	for name, hold := range map[string]func(){
		"blocked on a channel": func() { <-time.After(150 * time.Millisecond) },
		"computing":            func() { spin(150 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			stalls := make(chan Stall, 10)
			srv := &Server{
				Log:     slog.New(slog.NewTextHandler(&log, nil)),
				OnStall: func(s Stall) { stalls <- s },
			}
			var onLoop sync.Map
			srv.Handle("GET /hold", func(req *Request, resp *Response) Status {
				onLoop.Store(req.on.Inline(), true)
				hold()
				return resp.Text(200, "held")
			})
			srv.Handle("GET /ok", func(req *Request, resp *Response) Status {
				return resp.Text(200, "ok")
			})
			url := "http://" + serveTest(t, srv)
			var got Stall
			// on a busy machine the thread may not have had its processor
			for found := false; !found; {
				if st := fetchStatus(t, url+"/hold"); st != 200 {
					t.Fatal(st)
				}
				select {
				case got = <-stalls:
					found = true
				default:
				}
			}
			if got.Pattern != "GET /hold" || got.For < 20*time.Millisecond || !got.Moved ||
				!strings.Contains(string(got.Stack), "TestWatchdog") {
				t.Errorf("%+v %s", got, got.Stack)
			}
			onLoop.Clear()
			if st := fetchStatus(t, url+"/hold"); st != 200 {
				t.Fatal(st)
			}
			if _, still := onLoop.Load(true); still {
				t.Error("the route still runs on the loop")
			}
			if s := srv.Stats().Stalls; len(s) != 1 || s[0].Count < 1 {
				t.Errorf("%+v", s)
			}
			if n := strings.Count(log.String(), "holds its event loop"); n != 1 {
				t.Errorf("%d lines in the log", n)
			}
		})
	}
}

// TestWatchdogAcquits: handlers that park for long, or that allocate while others compute, have not
// stalled.
func TestWatchdogAcquits(t *testing.T) {
	var log lockedBuffer
	srv := &Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
	srv.Handle("GET /sleep", func(req *Request, resp *Response) Status {
		if err := req.Sleep(100 * time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slept")
	})
	srv.Handle("GET /alloc", func(req *Request, resp *Response) Status {
		return resp.Text(200, strings.Repeat("x", 100_000))
	})
	url := "http://" + serveTest(t, srv)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { spin(2 * time.Second) })
		wg.Go(func() {
			for range 15 {
				fetchStatus(t, url+"/sleep")
				for range 10 {
					fetchStatus(t, url+"/alloc")
				}
			}
		})
	}
	wg.Wait()
	if s := srv.Stats().Stalls; len(s) != 0 {
		t.Errorf("%+v\n%s", s, s[0].Stack)
	}
}

// TestWatchdogSeesWhatTimersResume: a handler that a timer resumes is seen as any other, though no
// event has woken its loop, and the watchdog slept.
func TestWatchdogSeesWhatTimersResume(t *testing.T) {
	stalls := make(chan Stall, 10)
	srv := &Server{
		Loops: 1, Log: slog.New(slog.DiscardHandler), OnStall: func(s Stall) { stalls <- s },
	}
	release := make(chan struct{})
	srv.Handle("GET /hold", func(req *Request, resp *Response) Status {
		if err := req.Sleep(300 * time.Millisecond); err != nil { // until loop and watchdog sleep
			return resp.Fail(err)
		}
		<-release
		return resp.Text(200, "held")
	})
	w := dial(t, serveTest(t, srv))
	w.send(get1("/hold"))
	if s := received(t, stalls); s.Pattern != "GET /hold" {
		t.Errorf("%+v", s)
	}
	close(release)
	w.want("GET", 200, "held")
}
