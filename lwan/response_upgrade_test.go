//go:build linux

package lwan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const upgradeRequest = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

// upgraded sends an upgrade and reads the answer to it.
func upgraded(t *testing.T, addr, early string) *client {
	t.Helper()
	w := dial(t, addr)
	w.send(upgradeRequest + early)
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "echo" ||
		resp.Header.Get("Connection") != "Upgrade" {
		t.Fatalf("%+v %v", resp, err)
	}
	return w
}

// TestUpgrade: the connection is the handler's while it runs, with what came behind the head; its
// last words arrive.
func TestUpgrade(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			conn, err := resp.Upgrade("echo")
			if err != nil {
				return resp.Fail(err)
			}
			r := bufio.NewReader(conn)
			for {
				line, err := r.ReadString('\n')
				if err == io.EOF {
					fmt.Fprint(conn, "bye")
					return 200
				}
				if err != nil {
					return resp.Fail(err)
				}
				if _, err := io.WriteString(conn, "> "+line); err != nil {
					return resp.Fail(err)
				}
				if line == "end\n" {
					fmt.Fprint(conn, "bye")
					return 200
				}
			}
		}, mw...)
		addr := serveTest(t, srv)
		w := upgraded(t, addr, "early\n")
		for _, line := range []string{"early\n", "one\n", "two\n", "end\n"} {
			if line != "early\n" {
				w.send(line)
			}
			if got, err := w.r.ReadString('\n'); got != "> "+line {
				t.Fatalf("%q %v", got, err)
			}
		}
		if rest, err := io.ReadAll(w.r); string(rest) != "bye" || err != nil {
			t.Errorf("at the end: %q %v", rest, err)
		}
		w = dial(t, addr)
		w.send(get1("/"))
		if a := w.answer("GET"); a.status != 426 || a.header.Get("Upgrade") != "echo" {
			t.Errorf("without asking: %v", a)
		}
	})
}

// TestUpgradeBehindABody: the body of the request that asks is not read as the new protocol (RFC
// 9110 section 7.8).
func TestUpgradeBehindABody(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Limits: Limits{Body: 100}}
		srv.Handle("POST /", func(req *Request, resp *Response) Status {
			conn, err := resp.Upgrade("echo")
			if err != nil {
				return resp.Fail(err)
			}
			_, err = io.Copy(conn, io.LimitReader(conn, int64(len("first words"))))
			if err != nil {
				return resp.Fail(err)
			}
			return 200
		}, mw...)
		addr := serveTest(t, srv)
		ask := func(fields string) string {
			return "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n" +
				fields + "\r\n"
		}
		for fields, body := range map[string]string{
			"Content-Length: 6\r\n":                                 "a body",
			"Transfer-Encoding: chunked\r\n":                        "6\r\na body\r\n0\r\n\r\n",
			"Content-Length: 6\r\nExpect: 100-continue\r\n":         "",
			"Transfer-Encoding: chunked\r\nX: not in one piece\r\n": "",
		} {
			w := dial(t, addr)
			w.send(ask(fields), body)
			if strings.Contains(fields, "Expect") {
				w.want("POST", 100, "")
				w.send("a body")
			} else if body == "" {
				w.send("6\r\na b", "ody\r\n0\r\n", "\r\n")
			}
			w.send("first words")
			if resp, err := http.ReadResponse(w.r, nil); err != nil || resp.StatusCode != 101 {
				t.Fatalf("%q: %v %v", fields, resp, err)
			}
			if got, err := io.ReadAll(w.r); string(got) != "first words" || err != nil {
				t.Errorf("%q: %q %v", fields, got, err)
			}
		}
		for raw, status := range map[string]int{
			ask("Transfer-Encoding: chunked\r\n") + "6\r\nno chunk":   400,
			ask("Content-Length: 101\r\n") + strings.Repeat("x", 101): 413,
		} {
			a := once(t, addr, "POST", raw)
			if a.status != status || a.header.Get("Upgrade") != "" {
				t.Errorf("%q: %v, want %d", raw, a, status)
			}
		}
	})
}

// TestUpgradeDeadline looks as net's does, and the connection goes on after it.
func TestUpgradeDeadline(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			conn, err := resp.Upgrade("echo")
			if err != nil {
				return resp.Fail(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				return resp.Fail(err)
			}
			_, err = conn.Read(make([]byte, 1))
			var timeout interface{ Timeout() bool }
			late := errors.As(err, &timeout) && timeout.Timeout()
			if err := conn.SetReadDeadline(time.Time{}); err != nil {
				return resp.Fail(err)
			}
			fmt.Fprintln(conn, late)
			b := make([]byte, 4)
			_, err = io.ReadFull(conn, b)
			fmt.Fprintln(conn, string(b), err)
			return 200
		}, mw...)
		addr := serveTest(t, srv)
		w := upgraded(t, addr, "")
		if line, err := w.r.ReadString('\n'); line != "true\n" {
			t.Fatalf("%q %v", line, err)
		}
		w.send("data")
		if line, err := w.r.ReadString('\n'); line != "data <nil>\n" {
			t.Errorf("%q %v", line, err)
		}
	})
}

// TestUpgradeEndsWithDraining: nobody else would end it.
func TestUpgradeEndsWithDraining(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ended := make(chan error, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			conn, err := resp.Upgrade("echo")
			if err != nil {
				return resp.Fail(err)
			}
			_, err = conn.Read(make([]byte, 1))
			ended <- err
			return resp.Fail(err)
		}, mw...)
		addr := serveTest(t, srv)
		w := upgraded(t, addr, "")
		down := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			down <- srv.Shutdown(ctx)
		}()
		if err := received(t, ended); err != ErrStopping {
			t.Errorf("%v", err)
		}
		w.leaves()
		if err := received(t, down); err != nil {
			t.Errorf("%v", err)
		}
	})
}

// TestUpgradeDeadlinesBeside: deadlines may be set while another goroutine writes, as of any
// net.Conn, and one that the handler has set ends a write that the client does not take.
func TestUpgradeDeadlinesBeside(t *testing.T) {
	srv := &Server{}
	ended := make(chan error, 1)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		conn, err := resp.Upgrade("echo")
		if err != nil {
			return resp.Fail(err)
		}
		written := make(chan error, 1)
		go func() {
			var err error
			for b := make([]byte, 100_000); err == nil; {
				_, err = conn.Write(b)
			}
			written <- err
		}()
		for range 1000 {
			if err := conn.SetWriteDeadline(time.Time{}); err != nil {
				t.Error(err)
			}
			if err := conn.SetDeadline(time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		}
		if err := conn.SetWriteDeadline(time.Unix(1, 0)); err != nil {
			t.Error(err)
		}
		ended <- <-written
		return 200
	}, Blocking)
	upgraded(t, serveTest(t, srv), "")
	if err := received(t, ended); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}
