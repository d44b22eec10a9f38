package lwantest

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

func hello(req *lwan.Request, resp *lwan.Response) lwan.Status { return resp.Text(200, "hello") }

func newServer() *lwan.Server {
	srv := &lwan.Server{Addr: ":80", Loops: 1} // not an address for tests
	srv.Handle("GET /hello", hello)
	srv.Handle("GET /ticks", ticks)
	return srv
}

func get(t testing.TB, c *http.Client, url string) string {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStart(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	srv := newServer()
	srv.Loops = procs
	s := Start(t, srv)
	if got := get(t, s.Client, s.URL+"/hello"); got != "hello" {
		t.Error(got)
	}
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") || s.Stats().Workers == 0 {
		t.Errorf("%s %+v", s.URL, s.Stats())
	}
	if now := runtime.GOMAXPROCS(0); now != procs {
		t.Errorf("GOMAXPROCS is %d, was %d", now, procs)
	}
}

// Servers of parallel tests do not take each other's goroutines and descriptors for their own.
func TestStartParallel(t *testing.T) {
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 3 {
				t.Run("", func(t *testing.T) {
					s := Start(t, newServer())
					for range 5 {
						get(t, s.Client, s.URL+"/hello")
					}
				})
			}
		})
	}
}

// A stream that the test leaves open is ended by the draining.
func TestStartStream(t *testing.T) {
	t.Parallel()
	var body io.Closer
	t.Cleanup(func() { body.Close() }) // after the server's end
	s := Start(t, newServer())
	resp, err := s.Client.Get(s.URL + "/ticks")
	if err != nil {
		t.Fatal(err)
	}
	body = resp.Body
	for ev := range Events(resp.Body) {
		if ev.Data != "tick" {
			t.Errorf("%+v", ev)
		}
		break
	}
}

func TestStartEndpoints(t *testing.T) {
	admin := &lwan.Routes{}
	admin.Handle("GET /admin", hello)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := newServer()
	srv.Addr = ""
	srv.Endpoints = []lwan.Endpoint{
		{Addr: "unix:/run/app.sock"},
		{Addr: "systemd:http"},
		{Addr: "10.0.0.1:9090", Routes: admin},
		{Listener: ln},
	}
	given := srv.Endpoints
	s := Start(t, srv)
	addrs := s.Addrs()
	if s.URL != "http://"+addrs[1].String() || addrs[3].String() != ln.Addr().String() ||
		given[0].Addr != "unix:/run/app.sock" {
		t.Errorf("%s %v %+v", s.URL, addrs, given)
	}
	get(t, s.Client, s.URL+"/hello")
	get(t, s.Client, "http://"+addrs[2].String()+"/admin")
	get(t, s.Client, "http://"+addrs[3].String()+"/hello")
	overUnix := new(http.Transport)
	overUnix.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", addrs[0].String())
	}
	defer overUnix.CloseIdleConnections()
	get(t, &http.Client{Transport: overUnix}, "http://app/hello")
}

func TestStartFails(t *testing.T) {
	srv := newServer()
	srv.Handle("GET /{", hello)
	mustFail(t, func(t testing.TB) { Start(t, srv) }, "does not start", "GET /{")
}

// The test may end its server itself.
func TestOwnShutdown(t *testing.T) {
	s := Start(t, newServer())
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// And may find out what happens to requests when it has no patience.
func TestOwnHardShutdown(t *testing.T) {
	srv := newServer()
	waiting := make(chan struct{})
	srv.Handle("GET /wait", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		close(waiting)
		return resp.Fail(req.Sleep(time.Hour))
	})
	s := Start(t, srv)
	go func() {
		if resp, err := s.Client.Get(s.URL + "/wait"); err == nil {
			resp.Body.Close()
		}
	}()
	<-waiting
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(over); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestServerEndsByItself(t *testing.T) {
	srv := newServer()
	srv.Go(func(ctx context.Context) error { return errCause })
	mustFail(t, func(t testing.TB) {
		s := Start(t, srv)
		s.ended <- <-s.ended // until it has
	}, "ended by itself", "the cause")
}

func TestLeftGoroutine(t *testing.T) {
	t.Parallel() // it waits
	release := make(chan struct{})
	srv := newServer()
	srv.Handle("GET /leak", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		go func() { <-release }()
		return 204
	})
	mustFail(t, func(t testing.TB) {
		s := start(t, srv, 100*time.Millisecond)
		get(t, s.Client, s.URL+"/leak")
	}, "left behind", "TestLeftGoroutine")
	close(release)
}

func TestLeftRequest(t *testing.T) {
	t.Parallel() // it waits
	release := make(chan struct{})
	srv := newServer()
	srv.Handle("GET /stuck",
		lwan.Blocking(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			<-release
			return 200
		}))
	f := &fakeT{TB: t}
	f.run(func(t testing.TB) {
		s := start(t, srv, 100*time.Millisecond)
		resp, err := s.Client.Get(s.URL + "/stuck")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
	})
	close(release)
	if len(f.failures) != 2 || !strings.Contains(f.failures[0], "handlers did not end") ||
		!strings.Contains(f.failures[1], "TestLeftRequest") {
		t.Errorf("%q", f.failures)
	}
}

// TestStartEncrypted: the URL is an https one, and Client believes the certificate.
func TestStartEncrypted(t *testing.T) {
	model := httptest.NewTLSServer(nil)
	defer model.Close()
	srv := newServer()
	srv.Addr = ""
	srv.Endpoints = []lwan.Endpoint{{TLS: &tls.Config{Certificates: model.TLS.Certificates}}}
	s := Start(t, srv)
	if !strings.HasPrefix(s.URL, "https://127.0.0.1:") {
		t.Errorf("%s", s.URL)
	}
	get(t, s.Client, s.URL+"/hello")
}
