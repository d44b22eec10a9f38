//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// login answers the body: what a victim of a stray reader would miss.
func login(srv *Server) {
	srv.Handle("POST /login", echo, Blocking)
	srv.Handle("POST /login-http",
		FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, r.Body)
		})))
}

// logIn sends passwords, each on a connection of its own, and expects them back.
func logIn(t *testing.T, addr string, n int) {
	t.Helper()
	for i := range n {
		want := fmt.Sprintf("password %d", i)
		path := [...]string{"/login", "/login-http"}[i%2]
		if a := once(t, addr, "POST", post(path, want)); a.status != 200 || a.body != want {
			t.Fatalf("%s: %v", path, a)
		}
	}
}

// TestFromHTTPUploadIsLate: a handler that http.TimeoutHandler has given up while it reads gets
// nothing of another body.
func TestFromHTTPUploadIsLate(t *testing.T) {
	srv := &Server{Loops: 1}
	type result struct {
		text string
		err  error
	}
	results := make(chan result, 10)
	upload := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		results <- result{string(b), err}
		_, err = r.Body.Read(make([]byte, 10))
		results <- result{"", err}
	})
	srv.Handle("POST /upload", FromHTTP(http.TimeoutHandler(upload, 10*time.Millisecond, "late")))
	login(srv)
	logged(srv)
	addr := serveTest(t, srv)
	for range 5 {
		w := dial(t, addr)
		w.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\nfirst")
		if a := w.answer("POST"); a.status != 503 || a.body != "late" {
			t.Fatalf("%v", a)
		}
		logIn(t, addr, 6)
		if got := received(t, results); got.text != "first" || got.err == nil {
			t.Errorf("%q %v", got.text, got.err)
		}
		if got := received(t, results); !errors.Is(got.err, http.ErrBodyReadAfterClose) {
			t.Errorf("%v", got.err)
		}
		w.c.Close()
	}
}

// TestFromHTTPEarlyBackend: a reverse proxy whose backend answers without a look at the body leaves
// a reader behind. No other request gets what the clients send then.
func TestFromHTTPEarlyBackend(t *testing.T) {
	t.Parallel()
	srv := &Server{Loops: 1, LingerTimeout: 50 * time.Millisecond}
	srv.Handle("POST /", FromHTTP(proxy(backend(t, func(conn net.Conn, r *bufio.Reader) {
		readHead(r)
		io.WriteString(conn,
			"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		io.Copy(io.Discard, r) // else a reset might overtake the answer
	}))))
	login(srv)
	logged(srv)
	addr := serveTest(t, srv)
	for _, body := range []string{
		"Transfer-Encoding: chunked\r\n\r\n", "Content-Length: 300000\r\n\r\nfirst",
	} {
		for range 20 {
			var all []*client
			for range 8 {
				w := dial(t, addr)
				w.send("POST / HTTP/1.1\r\nHost: x\r\n" + body)
				all = append(all, w)
			}
			for i, w := range all {
				if a := w.answer("POST"); a.status != 401 || a.body != "no" {
					t.Fatalf("%v", a)
				}
				for _, late := range all[i:] { // of those that have no answer yet, too
					io.WriteString(late.c, "5\r\nlater\r\n") // it may be closed already
				}
			}
			logIn(t, addr, 2)
			for _, w := range all {
				w.c.Close()
			}
		}
	}
}

// TestFromHTTPHijackedStop: a connection that a handler has taken, and serves, holds up no stop, as
// with http.Server.
func TestFromHTTPHijackedStop(t *testing.T) {
	srv := &Server{}
	begun, ended := make(chan struct{}), make(chan error, 1)
	srv.Handle("GET /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn,
			"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		close(begun)
		_, err = io.Copy(conn, conn)
		ended <- errors.Join(err, r.Context().Err())
	})))
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	received(t, begun)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(w.r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v %v", resp, err)
	}
	w.send("still there")
	got := make([]byte, 11)
	if _, err := io.ReadFull(w.r, got); err != nil || string(got) != "still there" {
		t.Errorf("%q %v", got, err)
	}
	w.c.Close()
	if err := received(t, ended); err != nil {
		t.Error(err)
	}
}
