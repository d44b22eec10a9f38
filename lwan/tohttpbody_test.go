//go:build !linux || golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// TestHTTPEngineReadDeadlineEnds: the deadline for a body is not one for what the handler does with
// it. net/http, which listens for the client's leaving then, took it for that.
func TestHTTPEngineReadDeadlineEnds(t *testing.T) {
	const limit = 20 * time.Millisecond
	srv := &Server{Limits: Limits{Read: limit}}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		ctx := req.Context()
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		if err := req.Sleep(3 * limit); err != nil {
			return resp.Fail(err)
		}
		if err := context.Cause(ctx); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "alive")
	})
	startHTTP(t, srv)
	_, br := dialHTTP(t, srv.Addrs()[0],
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
	expectHTTP(t, br, 200, "alive")
}

// TestHTTPEngineSlowBodyIsNoLeaving: net/http ends the context of a request when a read deadline
// has passed. The client is there, and the handler goes on.
func TestHTTPEngineSlowBodyIsNoLeaving(t *testing.T) {
	srv := &Server{Limits: Limits{Read: time.Millisecond}}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		ctx := req.Context()
		if _, err := req.BodyBytes(); err != errSlowBody {
			return resp.Fail(err)
		}
		if err := req.Sleep(10 * time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		if err := context.Cause(ctx); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "still there")
	})
	srv.LingerTimeout = -1
	startHTTP(t, srv)
	for range 50 {
		_, br := dialHTTP(t, srv.Addrs()[0],
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
		expectHTTP(t, br, 200, "still there")
	}
}

// TestHTTPEngineBodyThatDoesNotCome: an answer does not wait for it for ever, whether the handler
// has read some of it or none, nor does the connection behind an answer that has begun meanwhile;
// and bytes that come late are no request.
func TestHTTPEngineBodyThatDoesNotCome(t *testing.T) {
	srv := &Server{LingerTimeout: 20 * time.Millisecond}
	srv.Handle("POST /none", okHandler)
	srv.Handle("POST /some", func(req *Request, resp *Response) Status {
		if _, err := req.Body().Read(make([]byte, 1)); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "ok")
	})
	srv.Handle("POST /stream", func(req *Request, resp *Response) Status {
		if _, err := req.Body().Read(make([]byte, 1)); err != nil {
			return resp.Fail(err)
		}
		resp.SetHeader("Content-Length", "2")
		resp.WriteString("ok")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	startHTTP(t, srv)
	for _, path := range []string{"/none", "/some", "/stream"} {
		_, br := dialHTTP(t, srv.Addrs()[0],
			"POST "+path+" HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf")
		if resp := expectHTTP(t, br, 200, "ok"); !resp.Close && path != "/stream" {
			t.Errorf("%s: the connection is said to go on", path)
		}
		expectEnd(t, br)
	}
}

// TestHTTPEngineLingersBehindTheLast: a client that is still sending when a last answer comes was
// reset, and may not have read it.
func TestHTTPEngineLingersBehindTheLast(t *testing.T) {
	const length = 1 << 20
	srv := &Server{LingerTimeout: time.Hour, Limits: Limits{Body: length / 2}}
	srv.Handle("POST /all", func(req *Request, resp *Response) Status {
		_, err := req.BodyBytes()
		return resp.Fail(err)
	})
	srv.Handle("POST /some", func(req *Request, resp *Response) Status {
		if _, err := req.Body().Read(make([]byte, 1)); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(413, "413 Content Too Large\n")
	})
	startHTTP(t, srv)
	begin, rest := strings.Repeat("x", length/2), strings.Repeat("x", length/2)
	for _, path := range []string{"/all", "/some"} {
		for _, field := range []string{"", "Connection: close\r\n"} {
			conn, br := dialHTTP(t, srv.Addrs()[0],
				fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n%s",
					path, field, length, begin))
			expectHTTP(t, br, 413, "413 Content Too Large\n")
			if _, err := io.WriteString(conn, rest); err != nil {
				t.Errorf("%s %q: %v", path, field, err)
			}
			expectEnd(t, br)
		}
	}
}

// TestHTTPEngineDuplex: a handler that has begun to read may answer, and read on, and the
// connection goes on.
func TestHTTPEngineDuplex(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		p := make([]byte, 4)
		for {
			n, err := req.Body().Read(p)
			if err == io.EOF {
				return 200
			}
			if err != nil {
				return resp.Fail(err)
			}
			resp.Write(p[:n])
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
		}
	})
	startHTTP(t, srv)
	conn, br := dialHTTP(t, srv.Addrs()[0],
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf")
	var seen strings.Builder
	for !strings.Contains(seen.String(), "half") {
		b, err := br.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		seen.WriteByte(b)
	}
	const rest = "rest" + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
	if _, err := io.WriteString(conn, rest); err != nil {
		t.Fatal(err)
	}
	for !strings.HasSuffix(seen.String(), "rest\r\n0\r\n\r\n") {
		b, err := br.ReadByte()
		if err != nil {
			t.Fatalf("%q: %v", seen.String(), err)
		}
		seen.WriteByte(b)
	}
	expectHTTP(t, br, 200, "")
}

// TestHTTPEngineDuplexKeepsAlive: how much of the body is still to come when the answer begins does
// not end the connection.
func TestHTTPEngineDuplexKeepsAlive(t *testing.T) {
	const length = 2 * transport.DiscardLimit
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		if _, err := req.Body().Read(make([]byte, 1)); err != nil {
			return resp.Fail(err)
		}
		resp.SetHeader("Content-Length", "2")
		resp.WriteString("ok")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		if _, err := io.Copy(io.Discard, req.Body()); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	startHTTP(t, srv)
	conn, br := dialHTTP(t, srv.Addrs()[0],
		fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\nx", length))
	if resp := expectHTTP(t, br, 200, "ok"); resp.Close {
		t.Error("the connection is said to end")
	}
	rest := strings.Repeat("x", length-1) +
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
	if _, err := io.WriteString(conn, rest); err != nil {
		t.Fatal(err)
	}
	expectHTTP(t, br, 200, "ok")
}

// TestHTTPEngineWriteDeadlineIsForOneWrite: an answer that pauses for longer than Limits.Write
// loses nothing.
func TestHTTPEngineWriteDeadlineIsForOneWrite(t *testing.T) {
	const limit = 20 * time.Millisecond
	srv := &Server{Limits: Limits{Write: limit}}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		resp.WriteString("one ")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		if err := req.Sleep(3 * limit); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("two")
		return 200
	})
	startHTTP(t, srv)
	_, br := dialHTTP(t, srv.Addrs()[0], getRoot)
	expectHTTP(t, br, 200, "one two")
}
