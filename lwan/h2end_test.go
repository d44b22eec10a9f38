//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2ClientLeaves: a reset, and the end of the connection, end what a handler waits for.
func TestH2ClientLeaves(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ends := make(chan string, 1)
		begun := make(chan bool, 1)
		srv.Handle("/sleep", func(req *Request, resp *Response) Status {
			begun <- true
			err := req.Sleep(time.Hour)
			ends <- fmt.Sprint(err == ErrGone)
			return resp.Fail(err)
		}, mw...)
		srv.Handle("/read", func(req *Request, resp *Response) Status {
			begun <- true
			_, err := req.BodyBytes()
			ends <- fmt.Sprint(err != nil)
			return resp.Fail(err)
		}, mw...)
		srv.Handle("/write", func(req *Request, resp *Response) Status {
			begun <- true
			for {
				if _, err := resp.WriteString(fill(10_000)); err != nil {
					ends <- "true"
					return resp.Fail(err)
				}
			}
		}, mw...)
		addr := serveH2(t, srv)
		for _, path := range []string{"/sleep", "/read", "/write"} {
			h := dialH2(t, addr)
			h.quiet = true
			h.send(h.headers(1, false, "POST", path))
			received(t, begun)
			h.send(h2frame.AppendRstStream(nil, 1, h2frame.Cancel))
			if got := received(t, ends); got != "true" {
				t.Errorf("%s, reset: %s", path, got)
			}
			h.send(h.headers(3, false, "POST", path))
			received(t, begun)
			h.Close()
			if got := received(t, ends); got != "true" {
				t.Errorf("%s, closed: %s", path, got)
			}
		}
	})
}

// TestH2Prohibited: a suite that HTTP/2 must not be spoken over is refused, and said to be.
func TestH2Prohibited(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", text("here"))
	both := []uint16{ // only what a program asks for can be such a suite
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	}
	addr := serveSecure(t, srv, Endpoint{
		Certs: certFor(t, "site"), TLS: &tls.Config{CipherSuites: both},
	})[0].String()
	for suite, want := range map[uint16]string{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:    "INADEQUATE_SECURITY",
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "200",
	} {
		cfg := clientTLS()
		cfg.MaxVersion, cfg.CipherSuites = tls.VersionTLS12, []uint16{suite}
		cfg.NextProtos = []string{"h2"}
		conn, err := tls.Dial("tcp", addr, cfg)
		if err != nil {
			t.Fatal(err)
		}
		h := newH2conn(t, conn)
		if want == "200" {
			h.send(append([]byte(h2frame.Preface), h2frame.AppendSettings(nil)...))
			h.get(1, "/")
			h.want(1, "200", "here")
		} else if why := h.end(); !strings.HasPrefix(why, want) {
			t.Errorf("%s: %q", tls.CipherSuiteName(suite), why)
		}
		conn.Close()
	}
}

// TestH2Cause: what ends a wait is why the connection ends.
func TestH2Cause(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		begun, ends := make(chan bool, 1), make(chan error, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			begun <- true
			err := req.Sleep(time.Hour)
			ends <- err
			return resp.Fail(err)
		}, mw...)
		h := dialH2(t, serveH2(t, srv))
		h.get(1, "/")
		received(t, begun)
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := received(t, ends); err != ErrStopping {
			t.Error(err)
		}
		h.Close()
	})
}

// TestH2Goodbye: a drain lets what is under way, or on its way, be answered.
func TestH2Goodbye(t *testing.T) {
	srv := &Server{}
	goOn, begun := make(chan struct{}), make(chan bool, 1)
	srv.Handle("GET /slow", func(req *Request, resp *Response) Status {
		begun <- true
		err := req.Await(func(context.Context) error { <-goOn; return nil })
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slow")
	})
	srv.Handle("GET /", text("quick"))
	addr := serveH2(t, srv)
	idle, h := dialH2(t, addr), dialH2(t, addr)
	idle.ping()
	h.get(1, "/slow")
	received(t, begun)
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	if why := idle.goAway(); why != h2frame.MaxWindow {
		t.Errorf("last stream %d", why)
	}
	if why := h.goAway(); why != h2frame.MaxWindow {
		t.Errorf("last stream %d", why)
	}
	h.get(3, "/") // was on its way
	h.want(3, "200", "quick")
	h.send(h2frame.AppendPing(nil, h2frame.Ack, []byte("farewell")))
	if why := h.goAway(); why != 3 {
		t.Errorf("last stream %d", why)
	}
	h.get(5, "/") // is not answered, and may be asked elsewhere; nor is all that belongs to it
	h.send(h.headers(7, false, "POST", "/"), h2data(7, false, "ab"), h2data(7, true, "cd"),
		h.headers(9, false, "POST", "/"), h2frame.AppendWindowUpdate(nil, 9, 1000),
		h2bytes(h2frame.Headers, h2frame.EndHeaders|h2frame.EndStream, 9, h.block("", "", "x: y")),
		h.headers(11, false, "POST", "/"), h2frame.AppendRstStream(nil, 11, h2frame.Cancel),
		h2bytes(h2frame.WindowUpdate, 0, 11, make([]byte, 4)))
	h.ping()
	close(goOn)
	h.want(1, "200", "slow")
	h.end()
	for id := uint32(5); id < 13; id += 2 {
		if h.answers[id] != nil {
			t.Errorf("stream %d, behind the last one, was answered", id)
		}
	}
	h.Close()
	idle.end()
	idle.Close()
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}

// goAway reads until a GOAWAY, and returns its stream.
func (h *h2conn) goAway() uint32 {
	h.t.Helper()
	for {
		f, more := h.next()
		if !more {
			h.t.Fatal("the connection has ended")
		}
		if f.Type == h2frame.GoAway {
			return f.Uint32()
		}
	}
}

// TestH2Idle: a connection without a stream is told before it is closed; half a frame too.
func TestH2Idle(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it waits for seconds")
	}
	srv := &Server{IdleTimeout: time.Second, HeaderTimeout: time.Second}
	srv.Handle("GET /", text("here"))
	srv.Handle("GET /slow", func(req *Request, resp *Response) Status {
		if err := req.Sleep(4 * time.Second); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slow")
	})
	addr := serveH2(t, srv)
	busy := dialH2(t, addr)
	busy.get(1, "/slow")
	waiting := map[string]*h2conn{} // all at the same time
	for name, begin := range map[string]func(h *h2conn){
		"idle":       func(h *h2conn) { h.get(1, "/"); h.want(1, "200", "here") },
		"half":       func(h *h2conn) { h.send([]byte{0, 0, 8, 6, 0}) },
		"half block": func(h *h2conn) { h.send(h2bytes(h2frame.Headers, 0, 1, nil)) },
	} {
		h := dialH2(t, addr)
		h.ping() // the settings are settled
		begin(h)
		waiting[name] = h
	}
	for name, h := range waiting {
		if why := h.end(); why != "NO_ERROR: " {
			t.Errorf("%s: %q", name, why)
		}
	}
	busy.want(1, "200", "slow") // a stream keeps its connection
}

// TestH2Requests bounds those of one connection.
func TestH2Requests(t *testing.T) {
	srv := &Server{MaxRequests: 3}
	srv.Handle("GET /", text("here"))
	h := dialH2(t, serveH2(t, srv))
	for id := uint32(1); id < 7; id += 2 {
		h.get(id, "/")
		h.want(id, "200", "here")
	}
	h.send(h2frame.AppendPing(nil, h2frame.Ack, []byte("farewell")))
	if why := h.end(); why != "NO_ERROR: " {
		t.Errorf("%q", why)
	}
}
