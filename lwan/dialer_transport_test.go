//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTransport: an http.Client without a goroutine.
func TestTransport(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		opened := make(chan struct{}, 100)
		web := httptest.NewUnstartedServer(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Trailer", "T")
				w.WriteHeader(201)
				fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, body)
				w.(http.Flusher).Flush()
				w.Header().Set("T", "end")
			}))
		web.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened <- struct{}{}
			}
		}
		web.Start()
		defer web.Close()
		client := &http.Client{Transport: &Transport{}}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			for _, text := range []string{"", "some text"} {
				r, err := http.NewRequestWithContext(req.Context(), "PUT", web.URL+"/a?b",
					strings.NewReader(text))
				if err != nil {
					return resp.Fail(err)
				}
				a, err := client.Do(r)
				if err != nil {
					return resp.Fail(err)
				}
				got, err := io.ReadAll(a.Body)
				a.Body.Close()
				if want := "PUT /a?b " + text; err != nil || string(got) != want ||
					a.StatusCode != 201 || a.Trailer.Get("T") != "end" {
					t.Errorf("%d %q %v %v", a.StatusCode, got, err, a.Trailer)
				}
			}
			return 204
		}, mw...)
		addr := serveTest(t, srv)
		for range 3 {
			if got := plainGet(t, "http://"+addr+"/"); got != "204 " {
				t.Fatal(got)
			}
		}
		if n := len(opened); n != 1 && inlineHere(mw) {
			t.Errorf("%d connections", n)
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

// TestTransportOutside: who is no handler does not wait for a head for ever either.
func TestTransportOutside(t *testing.T) {
	silent := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			<-silent
		}
		fmt.Fprint(w, "here")
	}))
	defer web.Close()
	defer close(silent)
	ask := func(by *Transport, path string) error {
		defer by.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), "GET", web.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: by}).Do(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	if err := ask(&Transport{}, "/"); err != nil {
		t.Error(err)
	}
	var late net.Error
	err := ask(&Transport{Head: 10 * time.Millisecond}, "/silent")
	if !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("a server that says nothing: %v", err)
	}
}

// TestTransportRepeats: a connection that the backend has closed while it was idle costs no answer.
func TestTransportRepeats(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		rw.Flush()
		conn.Close() // though it has said that it stays open
	}))
	defer web.Close()
	client := &http.Client{Transport: &Transport{}}
	srv := &Server{Loops: 1}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		r, err := http.NewRequestWithContext(req.Context(), "GET", web.URL, nil)
		if err != nil {
			return resp.Fail(err)
		}
		a, err := client.Do(r)
		if err != nil {
			return resp.Fail(err)
		}
		defer a.Body.Close()
		if _, err := resp.ReadFrom(a.Body); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	addr := serveTest(t, srv)
	for range 200 {
		if got := plainGet(t, "http://"+addr+"/"); got != "200 ok" {
			t.Fatal(got)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestDial: in the handler on a loop it parks, elsewhere it is package net's.
func TestDial(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ctx, cancel := context.WithTimeout(req.Context(), patience)
			defer cancel()
			c, err := Dial(ctx, "tcp", b.ln.Addr().String())
			if err != nil {
				return resp.Fail(err)
			}
			defer c.Close()
			if _, parks := c.(*Conn); parks != req.on.Inline() {
				t.Errorf("it is a %T", c)
			}
			if _, err := io.WriteString(c, "hello\n"); err != nil {
				return resp.Fail(err)
			}
			buf := make([]byte, 6)
			if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello\n" {
				t.Errorf("%q %v", buf, err)
			}
			return 204
		}, mw...)
		addr := serveTest(t, srv)
		for range 2 {
			if got := plainGet(t, "http://"+addr+"/"); got != "204 " {
				t.Error(got)
			}
		}
		c, err := Dial(context.Background(), "tcp", b.ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// TestAdopt: an end of a socketpair parks; what is no socket is refused.
func TestAdopt(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			if err != nil {
				return resp.Fail(err)
			}
			c, err := Adopt(req, os.NewFile(uintptr(pair[0]), "ours"))
			if err != nil {
				return resp.Fail(err)
			}
			theirs := os.NewFile(uintptr(pair[1]), "theirs")
			go func() {
				time.Sleep(time.Millisecond) // so that somebody waits, mostly
				io.WriteString(theirs, "hello")
				theirs.Close()
			}()
			got, err := io.ReadAll(c)
			if string(got) != "hello" || err != nil {
				t.Errorf("%q %v", got, err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				return resp.Fail(err)
			}
			defer w.Close()
			if _, err := Adopt(req, r); !errors.Is(err, syscall.ENOTSOCK) {
				t.Errorf("a pipe: %v", err)
			}
			return 204
		}, mw...)
		if got := plainGet(t, "http://"+serveTest(t, srv)+"/"); got != "204 " {
			t.Error(got)
		}
	})
}

// TestGetAndKeepAllocateNothing.
func TestGetAndKeepAllocateNothing(t *testing.T) {
	if !onLoops {
		t.Skip("package net's connections are watched by a context")
	}
	b := localBackend(t)
	d := &Dialer{Address: b.ln.Addr().String()}
	srv := &Server{Loops: 1}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		n := testing.AllocsPerRun(100, func() {
			c, err := d.Get(req)
			if err != nil {
				panic(err)
			}
			c.Keep()
		})
		return resp.Text(200, fmt.Sprint(n))
	})
	if got := plainGet(t, "http://"+serveTest(t, srv)+"/"); got != "200 0" {
		t.Error(got)
	}
}
