//go:build linux

package lwan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// tunnellingTo leaves each request to a tunnel to d's address.
func tunnellingTo(d *Dialer, t Tunnel) Handler {
	return func(req *Request, resp *Response) Status {
		c, err := d.Open(req)
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Tunnel(101, c, t)
	}
}

// tunnelRig is a server that joins its clients to the connections of a listener.
type tunnelRig struct {
	addr string
	ln   net.Listener
	done chan error
	srv  *Server
	dial *Dialer

	clock interface{ rush(testing.TB) } // stands still, if the tunnel has time limits
}

func newTunnelRig(t *testing.T, cfg Tunnel, mw ...Middleware) *tunnelRig {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	r := &tunnelRig{ln: ln, done: make(chan error, 100), srv: &Server{Loops: 1}}
	if cfg.Idle != 0 || cfg.Grace != 0 {
		r.clock = stopTime(r.srv)
	}
	cfg.Done = func(_, _ int64, cause error) { r.done <- cause }
	r.dial = &Dialer{Address: ln.Addr().String()}
	r.srv.Handle("GET /", tunnellingTo(r.dial, cfg), mw...)
	r.addr = serveTest(t, r.srv)
	return r
}

// open opens a tunnel, and returns both of its ends. early is sent with the request.
func (r *tunnelRig) open(t *testing.T, early string) (client *client, backend *net.TCPConn) {
	t.Helper()
	w := dial(t, r.addr)
	w.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n" + early)
	c, err := r.ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	for n := 0; ; n++ {
		line, err := w.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 && !strings.HasPrefix(line, "HTTP/1.1 101 ") {
			t.Fatalf("%q", line)
		}
		if line == "\r\n" {
			return w, c.(*net.TCPConn)
		}
	}
}

// TestTunnel: bytes go both ways, also those that came with the request, and each side may end its
// own direction first.
func TestTunnel(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		r := newTunnelRig(t, Tunnel{}, mw...)
		for _, first := range []string{"client", "backend"} {
			w, c := r.open(t, "early ")
			w.send("more")
			buf := make([]byte, len("early more"))
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "early more" {
				t.Fatalf("%q %v", buf, err)
			}
			var a, b tcpConn = w.c.(tcpConn), c
			if first == "backend" {
				a, b = b, a
			}
			a.CloseWrite()
			if rest, err := io.ReadAll(b); len(rest) > 0 || err != nil {
				t.Fatalf("%s first: %q %v", first, rest, err)
			}
			if _, err := io.WriteString(b, "late"); err != nil {
				t.Fatal(err)
			}
			b.CloseWrite()
			if rest, err := io.ReadAll(a); string(rest) != "late" || err != nil {
				t.Fatalf("%s first: %q %v", first, rest, err)
			}
			if err := received(t, r.done); err != nil {
				t.Errorf("%s first: %v", first, err)
			}
		}
	})
}

// TestTunnelMovesMuch both ways at once, whole.
func TestTunnelMovesMuch(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		r := newTunnelRig(t, Tunnel{}, mw...)
		w, c := r.open(t, "")
		text := bytes.Repeat([]byte("0123456789abcdef!"), 1<<20)
		want := sha256.Sum256(text)
		var all sync.WaitGroup
		for _, end := range []net.Conn{w.c, c} {
			all.Go(func() {
				end.Write(text)
				end.(tcpConn).CloseWrite()
			})
			all.Go(func() {
				h := sha256.New()
				if n, err := io.Copy(h, end); err != nil || [32]byte(h.Sum(nil)) != want {
					t.Errorf("%d bytes, %v", n, err)
				}
			})
		}
		all.Wait()
		if err := received(t, r.done); err != nil {
			t.Error(err)
		}
	})
}

// TestTunnelLosesAnEnd: what one side loses is no proper end for the other.
func TestTunnelLosesAnEnd(t *testing.T) {
	r := newTunnelRig(t, Tunnel{})
	w, c := r.open(t, "")
	c.SetLinger(0)
	c.Close()
	if _, err := io.ReadAll(w.r); err == nil && onLoops {
		t.Error("the client takes it for the end")
	}
	received(t, r.done)
	w, c = r.open(t, "")
	w.reset()
	if _, err := io.ReadAll(c); err == nil && onLoops {
		t.Error("the backend takes it for the end")
	}
	received(t, r.done)
}

func TestTunnelIdle(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		r := newTunnelRig(t, Tunnel{Idle: time.Second}, mw...)
		w, c := r.open(t, "")
		r.clock.rush(t)
		io.Copy(io.Discard, w.r)
		io.Copy(io.Discard, c)
		if err := received(t, r.done); err != ErrTimeout {
			t.Error(err)
		}
	})
}

func TestTunnelDrains(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		r := newTunnelRig(t, Tunnel{Grace: time.Second}, mw...)
		w, c := r.open(t, "")
		ended := make(chan error, 1)
		go func() { ended <- r.srv.Shutdown(context.Background()) }()
		w.send("still")
		buf := make([]byte, 5)
		if _, err := io.ReadFull(c, buf); err != nil {
			t.Error(err)
		}
		r.clock.rush(t)
		io.Copy(io.Discard, w.r)
		io.Copy(io.Discard, c)
		if err := received(t, r.done); err != ErrStopping {
			t.Error(err)
		}
		if err := received(t, ended); err != nil {
			t.Error(err)
		}
	})
}

// TestTunnelRefused: what cannot be a tunnel is answered, and both connections go.
func TestTunnelRefused(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			c, err := d.Open(req)
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Tunnel(Status(req.ContentLength()+200), c, Tunnel{})
		}, mw...)
		srv.Handle("GET /unasked", tunnellingTo(d, Tunnel{}), mw...)
		addr := serveTest(t, srv)
		for _, path := range []string{"/", "/unasked"} {
			if got := plainGet(t, "http://"+addr+path); got[:3] != "500" {
				t.Errorf("%s: %s", path, got)
			}
			received(t, b.ended)
		}
	})
}

// TestTunnelOfFailedChain: middleware that fails behind a tunnel closes both connections.
func TestTunnelOfFailedChain(t *testing.T) {
	if !onLoops {
		t.Skip("on net/http the tunnel has ended when the handler returns")
	}
	b := localBackend(t)
	d := &Dialer{Address: b.ln.Addr().String()}
	srv := &Server{}
	srv.Handle("GET /", tunnellingTo(d, Tunnel{}), func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			next(req, resp)
			return resp.Fail(errors.New("on purpose"))
		}
	})
	w := dial(t, serveTest(t, srv))
	w.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	if rest, _ := io.ReadAll(w.r); len(rest) > 0 {
		t.Errorf("%q", rest)
	}
	received(t, b.ended)
}
