package lwantest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golwan/golwan/lwan"
)

func ticks(req *lwan.Request, resp *lwan.Response) lwan.Status {
	ev := resp.Events()
	for range req.Every(time.Second) {
		if err := ev.Send(lwan.Event{Data: "tick"}); err != nil {
			return resp.Fail(err)
		}
	}
	return lwan.StatusOK
}

func countTicks(t *testing.T, h lwan.Handler) {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer leave()
	start := time.Now()
	got := Do(t, h, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	// after 0, 1 and 2 s
	if n := strings.Count(got.Body, "data: tick\n\n"); n != 3 || got.Cut || got.Err != nil {
		t.Errorf("%d ticks, %+v", n, got)
	}
	if took := time.Since(start); took != 2500*time.Millisecond {
		t.Errorf("took %v of the bubble's time", took)
	}
}

// A server may be built inside of a bubble, or outside: what it waits with must not stop the
// bubble's clock.
func TestBubble(t *testing.T) {
	t.Run("handler", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { countTicks(t, ticks) })
	})
	newServer := func() *lwan.Server {
		srv := &lwan.Server{}
		srv.Handle("GET /", ticks)
		return srv
	}
	t.Run("built inside", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { countTicks(t, Build(t, newServer())) })
	})
	t.Run("built outside", func(t *testing.T) {
		h := Build(t, newServer())
		for range 2 {
			synctest.Test(t, func(t *testing.T) { countTicks(t, h) })
		}
	})
}

// The start of draining ends an event stream in memory too.
func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &lwan.Server{}
		srv.Handle("GET /", ticks)
		h := Build(t, srv)
		time.AfterFunc(1500*time.Millisecond, func() {
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
		})
		if got := Get(t, h, "/"); strings.Count(got.Body, "tick") != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func TestInBubble(t *testing.T) {
	if inBubble() {
		t.Error("this is no bubble")
	}
	synctest.Test(t, func(t *testing.T) {
		if !inBubble() {
			t.Error("this is a bubble")
		}
	})
}

// A stalling handler fails the test, with its stack. The bubble makes that quick; outside only the
// limit is another.
func TestStall(t *testing.T) {
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"does not return": func() (context.Context, context.CancelFunc) {
			return context.Background(), func() {}
		},
		"has left": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := ctx()
			defer cancel()
			release := make(chan struct{})
			stuck := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				<-release
				return 200
			}
			mustFail(t, func(t testing.TB) {
				Do(t, stuck, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
			}, name, "TestStall")
			close(release)
		})
	}
}

// A handler that takes its time after the client has left, but not for ever, is none that stalls.
func TestSlowLeaver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		got := Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			_ = req.Sleep(time.Minute)
			time.Sleep(leaveGrace - time.Second)
			return resp.Text(200, "tidied up")
		}, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		if got.Body != "tidied up" {
			t.Errorf("%+v", got)
		}
	})
}

func TestLeakedGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		mustFail(t, func(t testing.TB) {
			for range 2 {
				Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
					go func() { <-release }()
					return 200
				}, "/")
			}
		}, "chan receive", "TestLeakedGoroutine")
		close(release)
	})
}

// What has ended by the end of the test is no leak, however late.
func TestLateGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			go time.Sleep(patience - time.Second)
			return 200
		}, "/")
	})
}

// A connection that a client keeps for the next request is none either, however it came about.
func TestKeptConnection(t *testing.T) {
	backend := Start(t, newServer())
	fetch := func(ctx context.Context) (*http.Response, error) {
		return backend.Client.Get(backend.URL + "/hello")
	}
	t.Run("handler", func(t *testing.T) {
		got := Get(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			from, err := lwan.Await(req, fetch)
			if err != nil {
				return resp.Fail(err)
			}
			defer from.Body.Close()
			if _, err := resp.ReadFrom(from.Body); err != nil {
				return resp.Fail(err)
			}
			return 200
		}, "/")
		if got.Body != "hello" {
			t.Errorf("%+v", got)
		}
	})
}

// A panic that gets through to net/http is none of a handler's, and no answer.
func TestPanicOutside(t *testing.T) {
	mustFail(t, func(t testing.TB) {
		c := &call{family: familyOf(t), rec: newRecorder("GET"), ended: make(chan struct{})}
		go c.run(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("too late") }),
			httptest.NewRequest("GET", "/", nil))
		c.wait(t, t.Context())
	}, "too late", "TestPanicOutside")
}

// A goroutine of a goroutine is found as long as the one between is there.
func TestFamily(t *testing.T) {
	release, started := make(chan struct{}), make(chan struct{})
	f := new(family)
	go func() {
		f.join()
		go func() {
			go func() { <-release }()
			close(started)
			<-release
		}()
		<-release
	}()
	<-started
	if n := len(f.alive()); n != 3 {
		t.Errorf("%d of 3", n)
	}
	close(release)
	if !await(patience, func() bool { return len(f.alive()) == 0 }) {
		t.Errorf("%q", f.alive())
	}
}
