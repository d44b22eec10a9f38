//go:build !linux || golwan_nethttp

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
	"runtime"
	"strings"
	"testing"
	"time"
)

// startHTTP serves srv until the end of the test and returns what ListenAndServe will.
func startHTTP(t *testing.T, srv *Server) <-chan error {
	t.Helper()
	srv.Log = slog.New(slog.DiscardHandler)
	if len(srv.Endpoints) == 0 {
		srv.Addr = "127.0.0.1:0"
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case <-srv.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return ended
}

// dialHTTP connects and sends request.
func dialHTTP(t *testing.T, a net.Addr, request string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// expectHTTP reads an answer.
func expectHTTP(t *testing.T, br *bufio.Reader, status int, body string) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || string(text) != body {
		t.Fatalf("%d %q %v, want %d %q", resp.StatusCode, text, err, status, body)
	}
	return resp
}

// expectEnd waits for the server to close the connection.
func expectEnd(t *testing.T, br *bufio.Reader) {
	t.Helper()
	if b, err := br.ReadByte(); err != io.EOF {
		t.Errorf("read %q, %v; want the end of the connection", b, err)
	}
}

const getRoot = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func okHandler(req *Request, resp *Response) Status { return resp.Text(200, "ok") }

func TestHTTPEngineServesEndpoints(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // the path of a socket must be short
	ours, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin := &Routes{}
	admin.Handle("GET /", func(req *Request, resp *Response) Status {
		return resp.Text(200, "admin")
	})
	srv := &Server{Endpoints: []Endpoint{
		{Addr: "127.0.0.1:0"}, {Addr: "unix:s", Mode: 0o600}, {Listener: ours, Routes: admin},
	}}
	srv.Handle("GET /", okHandler)
	ended := startHTTP(t, srv)
	for i, want := range []string{"ok", "ok", "admin"} {
		_, br := dialHTTP(t, srv.Addrs()[i], getRoot)
		expectHTTP(t, br, 200, want)
	}
	if st, err := os.Stat("s"); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := ours.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error("the caller's listener was left open: ", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestHTTPEngineCannotListen(t *testing.T) {
	ours, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	for where, want := range map[string]string{
		"systemd:http":       errNoSystemd.Error(),
		ours.Addr().String(): "in use",
		"unix:" + filepath.Join("no", "such", "folder"): "no such file",
	} {
		srv := &Server{
			Endpoints: []Endpoint{{Addr: "127.0.0.1:0"}, {Addr: where}},
			Log:       slog.New(slog.DiscardHandler),
		}
		closed := false
		srv.OnClose(func() error { closed = true; return nil })
		err := srv.ListenAndServe()
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "endpoint 1") {
			t.Errorf("%s: %v, want %q", where, err, want)
		}
		if !closed {
			t.Errorf("%s: OnClose was not called", where)
		}
	}
}

func TestHTTPEngineRefusesOverMaxConns(t *testing.T) {
	srv := &Server{MaxConns: 1}
	srv.Handle("GET /", okHandler)
	startHTTP(t, srv)
	first, br := dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, br, 200, "ok")
	_, refused := dialHTTP(t, srv.Addrs()[0], "")
	if resp := expectHTTP(t, refused, 503, ""); resp.Header.Get("Retry-After") != "1" {
		t.Error("no Retry-After")
	}
	expectEnd(t, refused)
	st := srv.Stats()
	if st.Rejected != 1 || st.Accepted != 1 || st.Conns.Idle+st.Conns.Active != 1 {
		t.Errorf("%+v", st)
	}
	first.Close() // makes room
	for deadline := time.Now().Add(30 * time.Second); srv.Stats().Conns.Idle != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the closed connection is still counted")
		}
		runtime.Gosched()
	}
	_, br = dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, br, 200, "ok")
}

func TestHTTPEngineRefusesOverMaxConnsPerAddr(t *testing.T) {
	srv := &Server{MaxConnsPerAddr: 1}
	srv.Handle("GET /", okHandler)
	startHTTP(t, srv)
	first, br := dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, br, 200, "ok")
	_, refused := dialHTTP(t, srv.Addrs()[0], "")
	expectHTTP(t, refused, 503, "")
	expectEnd(t, refused)
	first.Close() // makes room
	for deadline := time.Now().Add(30 * time.Second); srv.Stats().Conns.Idle != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the closed connection is still counted")
		}
		runtime.Gosched()
	}
	_, br = dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, br, 200, "ok")
}

func TestHTTPEngineMaxRequests(t *testing.T) {
	srv := &Server{MaxRequests: 2}
	srv.Handle("GET /", okHandler)
	startHTTP(t, srv)
	_, br := dialHTTP(t, srv.Addrs()[0], getRoot+getRoot+getRoot)
	if resp := expectHTTP(t, br, 200, "ok"); resp.Close {
		t.Error("closed after one")
	}
	if resp := expectHTTP(t, br, 200, "ok"); !resp.Close {
		t.Error("not closed after two")
	}
	expectEnd(t, br)
}

func TestHTTPEngineCounts(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /{$}", okHandler)
	over := make(chan Stats, 2)
	srv.Observe(observeFunc(func() { over <- srv.Stats() }))
	startHTTP(t, srv)
	conn, br := dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, br, 200, "ok")
	if st := <-over; st.Conns.Active != 1 {
		t.Errorf("while it is answered: %+v", st)
	}
	if _, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	expectHTTP(t, br, 404, "404 Not Found\n")
	<-over
	st := srv.Stats()
	if st.Requests != 2 || st.Status != [6]int64{2: 1, 4: 1} ||
		st.BytesIn < int64(2*len(getRoot)) || st.BytesOut < 100 {
		t.Errorf("%+v", st)
	}
}

type observeFunc func()

func (f observeFunc) Done(*Request, *Response, time.Duration) { f() }
func (f observeFunc) Close() error                            { return nil }

func TestHTTPEngineDrains(t *testing.T) {
	srv := &Server{}
	entered, leave := make(chan struct{}), make(chan struct{})
	srv.Handle("GET /{$}", okHandler)
	srv.Handle("GET /slow", func(req *Request, resp *Response) Status {
		close(entered)
		<-leave
		return resp.Text(200, "slow")
	})
	ended := startHTTP(t, srv)
	_, idle := dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, idle, 200, "ok")
	_, busy := dialHTTP(t, srv.Addrs()[0], "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-entered
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(t.Context()) }()
	expectEnd(t, idle)
	close(leave)
	if resp := expectHTTP(t, busy, 200, "slow"); !resp.Close {
		t.Error("the last answer does not say that it is")
	}
	for _, ch := range []<-chan error{done, ended} {
		if err := <-ch; err != nil {
			t.Error(err)
		}
	}
}

func TestHTTPEngineEndsHard(t *testing.T) {
	srv := &Server{}
	entered, cause := make(chan struct{}), make(chan error, 1)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		close(entered)
		cause <- req.Sleep(time.Hour)
		return 200
	})
	startHTTP(t, srv)
	_, br := dialHTTP(t, srv.Addrs()[0], getRoot)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-cause; err != ErrStopping {
		t.Errorf("the handler was told %v", err)
	}
	if _, err := io.Copy(io.Discard, br); err != nil { // the handler's answer may have made it
		t.Error("the connection did not end: ", err)
	}
}

func TestHTTPEngineFailsWithItsListener(t *testing.T) {
	broken := errors.New("broken")
	srv := &Server{Endpoints: []Endpoint{{Listener: brokenListener{err: broken}}}}
	if err := <-startHTTP(t, srv); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

type brokenListener struct {
	net.Listener
	err error
}

func (l brokenListener) Accept() (net.Conn, error) { return nil, l.err }
func (l brokenListener) Close() error              { return nil }
func (l brokenListener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
}

func TestHTTPEngineLimitsHeads(t *testing.T) {
	srv := &Server{MaxLineBytes: 1 << 10, MaxHeaderBytes: 1 << 10}
	srv.Handle("GET /", okHandler)
	startHTTP(t, srv)
	_, br := dialHTTP(t, srv.Addrs()[0],
		"GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 1000)+"\r\n\r\n")
	expectHTTP(t, br, 200, "ok")
	_, br = dialHTTP(t, srv.Addrs()[0],
		"GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 8000)+"\r\n\r\n")
	expectHTTP(t, br, 431, "431 Request Header Fields Too Large")
}
