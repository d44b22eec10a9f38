//go:build linux

package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running serves srv by Run until the test cancels it.
func running(t *testing.T, srv *Server) (addr string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	if srv.Log == nil {
		srv.Log = slog.New(slog.DiscardHandler)
	}
	srv.Addr = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	end := make(chan error, 1)
	go func() { end <- srv.Run(ctx) }()
	select {
	case <-srv.Ready():
		return srv.Addrs()[0].String(), cancel, end
	case err := <-end:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the server does not start")
	}
	panic("unreachable")
}

// TestRun: Run serves until the context is over, and returns nil after a clean stop. It sets back
// what it has set for the process, and the fields of the Server stay as they were given.
func TestRun(t *testing.T) {
	procs := runtime.GOMAXPROCS(0)
	srv := &Server{}
	srv.Handle("GET /", text("hello"))
	addr, stop, ended := running(t, srv)
	if got := runtime.GOMAXPROCS(0); got != 2*procs {
		t.Errorf("GOMAXPROCS %d while it runs, %d before", got, procs)
	}
	if a := get(t, addr, "/"); a.body != "hello" {
		t.Errorf("%v", a)
	}
	stop()
	if err := received(t, ended); err != nil {
		t.Errorf("%v", err)
	}
	if got := runtime.GOMAXPROCS(0); got != procs {
		t.Errorf("GOMAXPROCS %d afterwards, %d before", got, procs)
	}
	if srv.Loops != 0 {
		t.Errorf("Server.Loops was set to %d", srv.Loops)
	}
	if _, err := dialServer("tcp", addr); err == nil {
		t.Error("it still listens")
	}
	if err := srv.Run(context.Background()); !errors.Is(err, errNotNew) {
		t.Errorf("again: %v", err)
	}
}

// TestGo: functions beside the server end with it, after the last request; the error or panic of
// one ends the server, and Run returns it.
func TestGo(t *testing.T) {
	for how, fail := range map[string]func() error{
		"error":  func() error { return errSecret },
		"panic":  func() error { panic(errSecret) },
		"goexit": func() error { runtime.Goexit(); return nil },
	} {
		srv := &Server{}
		now := make(chan struct{})
		other := make(chan error, 1)
		srv.Go(func(ctx context.Context) error { <-now; return fail() })
		srv.Go(func(ctx context.Context) error { <-ctx.Done(); other <- ctx.Err(); return nil })
		_, _, ended := running(t, srv)
		close(now)
		err := received(t, ended)
		if how == "goexit" && err == nil || how != "goexit" && !errors.Is(err, errSecret) {
			t.Errorf("%s: %v", how, err)
		}
		if err := received(t, other); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", how, err)
		}
	}
	srv := &Server{} // one that fails while it is stopped
	srv.Go(func(ctx context.Context) error { <-ctx.Done(); return errSecret })
	_, stop, ended := running(t, srv)
	stop()
	if err := received(t, ended); !errors.Is(err, errSecret) {
		t.Errorf("%v", err)
	}
}

// TestCloseErrors: what OnClose functions return comes out of everything that ends a server, and so
// does a panic of one.
func TestCloseErrors(t *testing.T) {
	other := errors.New("another one")
	for how, end := range map[string]func(*Server) error{
		"Close":    func(s *Server) error { return s.Close() },
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
		busy, closed := make(chan struct{}), make(chan struct{})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			close(busy)
			err := req.Sleep(map[string]time.Duration{"Close": time.Hour, "Shutdown": 1}[how])
			if err != nil {
				return resp.Fail(err)
			}
			return 200
		})
		srv.OnClose(func() error { close(closed); return nil })
		srv.OnClose(func() error { return errSecret })
		srv.OnClose(func() error { panic(other) })
		ended := make(chan error, 1)
		go func() { ended <- srv.ListenAndServe() }()
		received(t, srv.Ready())
		w := dial(t, srv.Addrs()[0].String())
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		received(t, busy)
		err := end(srv)
		if !errors.Is(err, errSecret) || !errors.Is(err, other) ||
			errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", how, err)
		}
		received(t, closed)
		if err := received(t, ended); !errors.Is(err, errSecret) {
			t.Errorf("ListenAndServe after %s: %v", how, err)
		}
	}
}

// TestServeReturnsNil after Shutdown and after Close, whatever was under way.
func TestServeReturnsNil(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(*Server) error{
		"Close":    func(s *Server) error { return s.Close() },
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		srv := &Server{Log: slog.New(slog.DiscardHandler)}
		busy := make(chan struct{})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			close(busy)
			for range req.Every(time.Hour) { // ends when draining starts
			}
			return 200
		})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- srv.Serve(ln) }()
		received(t, srv.Ready())
		w := dial(t, ln.Addr().String())
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		received(t, busy)
		go func() {
			_, _ = io.Copy(io.Discard, w.r) // Close cuts it off
			w.c.Close()                     // else the server lingers
		}()
		if err := end(srv); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if err := received(t, ended); err != nil {
			t.Errorf("Serve after %s: %v", how, err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener after %s: %v", how, err)
		}
		if err := end(srv); err != nil {
			t.Errorf("%s again: %v", how, err)
		}
	}
	if err := new(Server).Close(); err != nil {
		t.Errorf("one that never began: %v", err)
	}
}

// TestHardEnd: requests that do not end in time are cancelled and cut, Shutdown says so, and
// contexts end only then.
func TestHardEnd(t *testing.T) {
	t.Parallel()
	srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	busy, cause := make(chan context.Context, 1), make(chan error, 1)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		busy <- req.Context()
		err := req.Sleep(time.Hour)
		cause <- err
		return resp.Fail(err)
	})
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	received(t, srv.Ready())
	w := dial(t, srv.Addrs()[0].String())
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	ctx := received(t, busy)
	hard, cancel := context.WithCancel(context.Background())
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(hard) }()
	settled(t, "listening", 0, func() int64 {
		c, err := dialServer("tcp", srv.Addrs()[0].String())
		if err != nil {
			return 0
		}
		c.Close()
		return 1
	})
	if ctx.Err() != nil {
		t.Error("draining ended the context of an ordinary request")
	}
	cancel()
	if err := received(t, cause); err != ErrStopping {
		t.Errorf("the handler got %v", err)
	}
	received(t, ctx.Done())
	if context.Cause(ctx) != ErrStopping {
		t.Errorf("cause %v", context.Cause(ctx))
	}
	if err := received(t, down); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	received(t, ended)
}

// TestEndpoints: several addresses, a unix socket with its mode, an admin port with routes of its
// own.
func TestEndpoints(t *testing.T) {
	admin := &Routes{}
	admin.Handle("GET /who", text("admin"))
	srv := &Server{Log: slog.New(slog.DiscardHandler)}
	srv.Handle("GET /who", func(req *Request, resp *Response) Status {
		return resp.Text(200, fmt.Sprint("site ", req.RemoteAddr().IsValid()))
	})
	socket := filepath.Join(t.TempDir(), "sock")
	srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0"}, {Addr: "unix:" + socket, Mode: 0o600},
		{Addr: "127.0.0.1:0", Routes: admin}}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	received(t, srv.Ready())
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	for i, want := range []string{"site true", "site false", "admin"} {
		a := srv.Addrs()[i]
		c, err := net.Dial(a.Network(), a.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		w := newClient(t, c)
		w.send("GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("GET", 200, want)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// TestStartErrors name the endpoint; what was opened is closed again.
func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for want, srv := range map[string]*Server{
		"Certs is nil": {
			Endpoints: []Endpoint{{Addr: "127.0.0.1:0"}, {Addr: "127.0.0.1:0", TLS: &tls.Config{}}},
		},
		"address already in use": {
			Endpoints: []Endpoint{{Addr: "127.0.0.1:0"}, {Addr: taken.Addr().String()}},
		},
		"both set":       {Addr: ":1", Endpoints: []Endpoint{{Addr: ":2"}}},
		"does not exist": {Addr: "127.0.0.1:0", Threads: 99},
	} {
		before := descriptors(t)
		closed := false
		srv.OnClose(func() error { closed = true; return nil })
		srv.Log = slog.New(slog.DiscardHandler)
		err := srv.ListenAndServe()
		if err == nil || !strings.Contains(err.Error(), want) || !closed {
			t.Errorf("%v, want %s; closed %v", err, want, closed)
		}
		if after := descriptors(t); after != before {
			t.Errorf("%s: %d descriptors before, %d after", want, before, after)
		}
	}
}

// TestSignals: the first ends the server in peace, the second at once. It runs this test again as a
// process of its own.
func TestSignals(t *testing.T) {
	t.Parallel()
	if os.Getenv("LWAN_TEST_SIGNALS") != "" {
		serveUntilSignal()
		return
	}
	for signals, want := range map[int]string{
		1: "answered\n<nil>\n", 2: "lwan: the server is shutting down\nlwan: requests were cut off",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSignals$")
		cmd.Env = append(os.Environ(), "LWAN_TEST_SIGNALS=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p := newPipe(t, out)
		addr := p.line()
		w := dial(t, addr)
		w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		p.expect("busy\n")
		for range signals {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if signals == 2 {
				settled(t, "listening", 0, func() int64 {
					c, err := dialServer("tcp", addr)
					if err != nil {
						return 0
					}
					c.Close()
					return 1
				})
			}
		}
		if signals == 1 {
			in.Close() // lets the handler go on
		}
		p.expect(want)
		in.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%d signals: %v", signals, err)
		}
	}
}

func serveUntilSignal() {
	srv := &Server{Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		fmt.Println("busy")
		err := req.Await(func(ctx context.Context) error {
			over := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, os.Stdin); over <- err }()
			select {
			case err := <-over:
				fmt.Println("answered")
				return err
			case <-ctx.Done():
				fmt.Println(context.Cause(ctx))
				return ctx.Err()
			}
		})
		return resp.Fail(err)
	})
	go func() { <-srv.Ready(); fmt.Println(srv.Addrs()[0]) }()
	fmt.Println(Run(srv))
}

// pipe reads what a process says.
type pipe struct {
	t testing.TB
	r io.Reader
}

func newPipe(t testing.TB, r io.Reader) *pipe { return &pipe{t, r} }

func (p *pipe) line() string {
	p.t.Helper()
	var line []byte
	for b := make([]byte, 1); ; line = append(line, b[0]) {
		if _, err := io.ReadFull(p.r, b); err != nil {
			p.t.Fatalf("%q %v", line, err)
		}
		if b[0] == '\n' {
			return string(line)
		}
	}
}

func (p *pipe) expect(want string) {
	p.t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(p.r, b); err != nil || string(b) != want {
		p.t.Fatalf("%q %v, want %q", b, err, want)
	}
}
