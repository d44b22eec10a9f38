//go:build linux

package lwan

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lineBackend answers each line that it is sent, and counts its connections.
type lineBackend struct {
	ln       net.Listener
	accepted atomic.Int64
	open     sync.WaitGroup
	ended    chan string // what ended each connection
}

// backendOf starts one whose connections are served by serve; nil: it echoes.
func backendOf(
	t testing.TB, ln net.Listener, serve func(c net.Conn, r *bufio.Reader),
) *lineBackend {
	t.Helper()
	b := &lineBackend{ln: ln, ended: make(chan string, 1000)}
	if serve == nil {
		serve = b.echo
	}
	b.open.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.accepted.Add(1)
			b.open.Go(func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		b.open.Wait()
	})
	return b
}

func (b *lineBackend) echo(c net.Conn, r *bufio.Reader) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			b.ended <- line + err.Error()
			return
		}
		if line == "hang\n" {
			_, err := io.Copy(io.Discard, r)
			b.ended <- fmt.Sprint(err)
			return
		}
		if _, err := io.WriteString(c, line); err != nil {
			b.ended <- err.Error()
			return
		}
	}
}

func localBackend(t testing.TB) *lineBackend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return backendOf(t, ln, nil)
}

// sayTo sends a line over c and reads the answer, with a reader that lives as long as c.
func sayTo(c *Conn, line string) (string, error) {
	r, ok := c.Client.(*bufio.Reader)
	if !ok {
		r = bufio.NewReaderSize(c, 128)
		c.Client = r
	}
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	got, err := r.ReadString('\n')
	return strings.TrimSuffix(got, "\n"), err
}

// asking answers with what the backend says to the query "say".
func asking(d *Dialer) Handler {
	return func(req *Request, resp *Response) Status {
		c, err := d.Get(req)
		if err != nil {
			return resp.Fail(err)
		}
		got, err := sayTo(c, req.Query("say"))
		if err != nil {
			c.Close()
			return resp.Fail(err)
		}
		c.Keep()
		return resp.Text(200, got)
	}
}

func TestDialerKeepsConnections(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", asking(d), mw...)
		addr := serveTest(t, srv)
		for i := range 20 {
			want := fmt.Sprint("line", i)
			if got := plainGet(t, "http://"+addr+"/?say="+want); got != "200 "+want {
				t.Fatalf("got %q", got)
			}
		}
		if n := b.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
		s := d.Stats()
		if s.Opened != 1 || s.Reused != 19 || s.Idle != 1 || s.InUse != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// plainGet is the status and the body of a GET.
func plainGet(t testing.TB, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return fmt.Sprint(r.StatusCode, " ", string(body))
}

func TestDialerOverUnixSocketAndName(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		path := t.TempDir() + "/s"
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		unix := backendOf(t, ln, nil)
		named := localBackend(t)
		_, port, _ := net.SplitHostPort(named.ln.Addr().String())
		srv := &Server{}
		srv.Handle("GET /unix", asking(&Dialer{Address: path}), mw...)
		localhost := &Dialer{Network: "tcp4", Address: "localhost:" + port}
		srv.Handle("GET /name", asking(localhost), mw...)
		addr := serveTest(t, srv)
		for _, way := range []string{"unix", "name"} {
			if got := plainGet(t, "http://"+addr+"/"+way+"?say=hello"); got != "200 hello" {
				t.Errorf("%s: %q", way, got)
			}
		}
		if unix.accepted.Load() != 1 || named.accepted.Load() != 1 {
			t.Error("not over its own")
		}
	})
}

func TestDialerErrors(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		refusing, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		refusing.Close()
		srv := &Server{}
		failing := func(d *Dialer, check func(err error) error) Handler {
			return func(req *Request, resp *Response) Status {
				c, err := d.Get(req)
				if err == nil {
					c.SetReadDeadline(time.Now().Add(time.Millisecond))
					_, err = c.Read(make([]byte, 1))
				}
				if bad := check(err); bad != nil {
					t.Error(bad)
				}
				return resp.Fail(err)
			}
		}
		closed := &Dialer{Address: b.ln.Addr().String()}
		closed.Close()
		is := func(want error) func(error) error {
			return func(err error) error {
				if !errors.Is(err, want) {
					return fmt.Errorf("%v is not %v", err, want)
				}
				return nil
			}
		}
		for name, h := range map[string]Handler{
			"refused": failing(&Dialer{Address: refusing.Addr().String()}, func(err error) error {
				if _, ok := errors.AsType[*net.OpError](err); !ok {
					return fmt.Errorf("%T is no OpError", err)
				}
				return is(syscall.ECONNREFUSED)(err)
			}),
			"late":   failing(&Dialer{Address: b.ln.Addr().String()}, is(os.ErrDeadlineExceeded)),
			"closed": failing(closed, is(net.ErrClosed)),
			"name": failing(&Dialer{Address: "does.not.exist.invalid:1"},
				func(error) error { return nil }),
		} {
			srv.Handle("GET /"+name, h, mw...)
		}
		addr := serveTest(t, srv)
		for name, want := range map[string]string{
			"refused": "502", "late": "504", "closed": "500", "name": "502",
		} {
			if got := plainGet(t, "http://"+addr+"/"+name); got[:3] != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	})
}

// TestConnEndsWithItsHandler: what was neither kept nor closed is closed, and of no use any more.
func TestConnEndsWithItsHandler(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{}
		var had atomic.Pointer[Conn]
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			c, err := d.Get(req)
			if err != nil {
				return resp.Fail(err)
			}
			had.Store(c)
			switch req.Query("how") {
			case "panic":
				panic("on purpose")
			case "kept":
				c.Keep()
			case "closed":
				if c.Close() != nil {
					t.Error("closed before")
				}
			}
			return 204
		}, mw...)
		addr := serveTest(t, srv)
		for _, how := range []string{"", "panic", "closed"} {
			plainGet(t, "http://"+addr+"/?how="+how)
			received(t, b.ended)
			left := had.Load()
			_, err := left.Read(make([]byte, 1))
			if err != net.ErrClosed || left.Close() != net.ErrClosed {
				t.Errorf("%q: %v", how, err)
			}
		}
		plainGet(t, "http://"+addr+"/?how=kept")
		if _, err := had.Load().Write([]byte("x")); err != net.ErrClosed {
			t.Errorf("kept: %v", err)
		}
	})
}

// TestClientLeavesDuringBackendWait: the handler's wait ends with ErrGone once, and the backend
// sees the end.
func TestClientLeavesDuringBackendWait(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{}
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
		addr := serveTest(t, srv)
		w := dial(t, addr)
		go w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		<-waits
		w.c.Close()
		if err := received(t, ends); err != ErrGone {
			t.Errorf("%v", err)
		}
		received(t, b.ended)
	})
}

// TestForeignGoroutinesOfConn: on a loop another goroutine may end what waits, and nothing else.
func TestForeignGoroutinesOfConn(t *testing.T) {
	b := localBackend(t)
	d := &Dialer{Address: b.ln.Addr().String()}
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		c, err := d.Get(req)
		if err != nil {
			return resp.Fail(err)
		}
		if req.on.Inline() {
			done := make(chan error)
			go func() { _, err := c.Read(nil); done <- err }()
			if err := <-done; err != ErrForeign {
				t.Errorf("Read: %v", err)
			}
		}
		go c.SetDeadline(time.Unix(1, 0))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("SetDeadline: %v", err)
		}
		c.SetDeadline(time.Time{})
		if got, err := sayTo(c, "alive"); got != "alive" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		go c.Close()
		if _, err := c.Read(make([]byte, 1)); err != net.ErrClosed {
			t.Errorf("Close: %v", err)
		}
		return 204
	})
	addr := serveTest(t, srv)
	if got := plainGet(t, "http://"+addr+"/"); got != "204 " {
		t.Error(got)
	}
}

func TestDialerBounds(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String(), MaxOpen: 2, MaxWait: 3, QueueTime: patience}
		srv := &Server{}
		entered, release := make(chan struct{}), make(chan struct{})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			c, err := d.Get(req)
			if err != nil {
				return resp.Fail(err)
			}
			if _, err := sayTo(c, "x"); err != nil {
				return resp.Fail(err)
			}
			err = req.Await(func(context.Context) error {
				entered <- struct{}{}
				<-release
				return nil
			})
			if err != nil {
				return resp.Fail(err)
			}
			c.Keep()
			return 204
		}, mw...)
		addr := serveTest(t, srv)
		var all sync.WaitGroup
		statuses := make(chan string, 6)
		start := func() { all.Go(func() { statuses <- plainGet(t, "http://"+addr+"/")[:3] }) }
		start()
		start()
		<-entered
		<-entered
		for range 3 {
			start()
		}
		for d.Stats().Waiting < 3 {
			time.Sleep(time.Millisecond)
		}
		start() // one too many
		if st := received(t, statuses); st != "503" {
			t.Errorf("beyond MaxWait: %s", st)
		}
		for i := range 5 {
			release <- struct{}{}
			if i < 3 { // one of those that wait goes on
				received(t, entered)
			}
		}
		all.Wait()
	})
}

func TestDialerTLS(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		cert := authority().issue(t, certSpec{name: "b", ips: []net.IP{net.IPv4(127, 0, 0, 1)}})
		ln, err := tls.Listen("tcp", "127.0.0.1:0",
			&tls.Config{Certificates: []tls.Certificate{cert}})
		if err != nil {
			t.Fatal(err)
		}
		b := backendOf(t, ln, nil)
		d := &Dialer{Address: ln.Addr().String(), TLS: &tls.Config{RootCAs: authority().pool()}}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", asking(d), mw...)
		addr := serveTest(t, srv)
		for i := range 5 {
			want := fmt.Sprint("line", i)
			if got := plainGet(t, "http://"+addr+"/?say="+want); got != "200 "+want {
				t.Fatalf("got %q", got)
			}
		}
		if n := b.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}
