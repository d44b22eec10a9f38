//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestHead: the head that GET would get, and no content (RFC 9110 section 9.3.2).
func TestHead(t *testing.T) {
	srv := &Server{}
	misbehaving(srv)
	srv.Handle("GET /told", func(req *Request, resp *Response) Status {
		if req.Method() == "HEAD" {
			resp.SetHeader("Content-Length", "12345") // known without making it
			return 200
		}
		resp.SetBody(strings.Repeat("z", 12345))
		return 200
	})
	srv.Handle("GET /known-stream", func(req *Request, resp *Response) Status {
		resp.SetHeader("Content-Length", "5")
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("hello")
		return 200
	})
	addr := serveTest(t, srv)
	for _, path := range []string{
		"/ok", "/large", "/stream", "/panic", "/none", "/told", "/known-stream",
	} {
		t.Run(path, func(t *testing.T) {
			w := dial(t, addr)
			w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\nHEAD " + path +
				" HTTP/1.1\r\nHost: x\r\n\r\n")
			a, b := w.answer("GET"), w.answer("HEAD")
			if a.status != b.status || a.length != b.length ||
				a.chunked != b.chunked || b.body != "" {
				t.Errorf("GET %d %d %v, HEAD %d %d %v %q",
					a.status, a.length, a.chunked, b.status, b.length, b.chunked, b.body)
			}
			w.open("/ok") // nothing of a body is in the way
		})
	}
}

// TestStatusesWithoutContent: 204 and 304 have neither content nor a length of it, 205 has the
// length 0 (RFC 9110 sections 8.6, 15.3.6).
func TestStatusesWithoutContent(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /whole/{status}", func(req *Request, resp *Response) Status {
		st, err := Param[int](req, "status")
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(Status(st), "not to be sent")
	})
	srv.Handle("GET /stream/{status}", func(req *Request, resp *Response) Status {
		st, err := Param[int](req, "status")
		if err != nil {
			return resp.Fail(err)
		}
		if err := resp.SendHead(Status(st)); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("not to be sent")
		return 200
	})
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	for _, way := range []string{"whole", "stream"} {
		for status, length := range map[int]string{204: "", 304: "", 205: "0"} {
			t.Run(fmt.Sprint(way, status), func(t *testing.T) {
				w := dial(t, addr)
				w.send(fmt.Sprintf("GET /%s/%d HTTP/1.1\r\nHost: x\r\n\r\n", way, status))
				a := w.want("GET", status, "")
				if got := a.header.Get("Content-Length"); got != length || a.chunked {
					t.Errorf("Content-Length %q, chunked %v", got, a.chunked)
				}
				w.open("/ok")
			})
		}
	}
}

// TestMethods: OPTIONS, methods that a path does not have, and methods that are not known (RFC 9110
// sections 9.1, 9.3.7, 10.2.1).
func TestMethods(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /thing", text("thing"))
	srv.Handle("PUT /thing", text("put"))
	srv.Handle("/any", func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Method())
	})
	srv.Handle("BREW /pot", text("coffee"))
	srv.Handle("OPTIONS /own", func(req *Request, resp *Response) Status {
		return resp.Text(200, "mine")
	})
	addr := serveTest(t, srv)
	for _, c := range []struct {
		line, allow string
		status      int
	}{
		{"OPTIONS * HTTP/1.1", "BREW, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT", 204},
		{"OPTIONS /thing HTTP/1.1", "GET, HEAD, PUT, OPTIONS", 204},
		{"OPTIONS /own HTTP/1.1", "", 200},
		{"OPTIONS /any HTTP/1.1", "", 200},
		{"OPTIONS /none HTTP/1.1", "", 404},
		{"POST /thing HTTP/1.1", "GET, HEAD, PUT", 405},
		{"TRACE /thing HTTP/1.1", "GET, HEAD, PUT", 405},
		{"BREW /pot HTTP/1.1", "", 200},
		{"BREW /any HTTP/1.1", "", 200},
		{"BREW /thing HTTP/1.1", "GET, HEAD, PUT", 405},
		{"FROB /any HTTP/1.1", "", 501},
		{"FROB /thing HTTP/1.1", "", 501},
		{"get /thing HTTP/1.1", "", 501}, // methods are case-sensitive
		{"PROPFIND /any HTTP/1.1", "", 200},
		{"DELETE /any HTTP/1.1", "", 200},
	} {
		a := once(t, addr, "GET", c.line+"\r\nHost: x\r\n\r\n")
		if a.status != c.status || a.header.Get("Allow") != c.allow || a.err != nil {
			t.Errorf("%s: %v, want %d %q", c.line, a, c.status, c.allow)
		}
	}
}

// TestConnect: this is no proxy; the connection must not be left open as if it were a tunnel (RFC
// 9110 section 9.3.6).
func TestConnect(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", text("all"))
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
	if a := w.answer("CONNECT"); a.status != 501 || !a.close {
		t.Errorf("%v", a)
	}
	w.ended()
}

// TestDate: an answer carries the date of its origin (RFC 9110 section 6.6.1), unless the handler
// gives another.
func TestDate(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", text("hello"))
	srv.Handle("GET /own", func(req *Request, resp *Response) Status {
		resp.SetHeader("date", "Sun, 06 Nov 1994 08:49:37 GMT")
		return 204
	})
	addr := serveTest(t, srv)
	a := get(t, addr, "/")
	if d := a.header.Values("Date"); len(d) != 1 || !strings.HasSuffix(d[0], " GMT") {
		t.Errorf("%q", d)
	}
	d := get(t, addr, "/own").header.Values("Date")
	if len(d) != 1 || d[0] != "Sun, 06 Nov 1994 08:49:37 GMT" {
		t.Errorf("%q", d)
	}
}

// TestExpectContinue: the client is asked for the body when the handler reads, and not before (RFC
// 9110 section 10.1.1).
func TestExpectContinue(t *testing.T) {
	read := make(chan struct{})
	srv := &Server{}
	srv.Handle("POST /read", func(req *Request, resp *Response) Status {
		close(read)
		return echo(req, resp)
	})
	srv.Handle("POST /echo", echo)
	srv.Handle("POST /refuse", func(req *Request, resp *Response) Status { return 403 })
	addr := serveTest(t, srv)
	expect := func(path, version string, length int) string {
		return fmt.Sprintf("POST %s %s\r\nHost: x\r\nExpect: 100-continue\r\n"+
			"Content-Length: %d\r\n\r\n", path, version, length)
	}

	w := dial(t, addr)
	w.send(expect("/read", "HTTP/1.1", 4))
	w.want("POST", 100, "")
	received(t, read) // and only now
	w.send("body")
	w.want("POST", 200, "body")
	w.send(expect("/echo", "HTTP/1.1", 4) + "sent") // a client that does not wait is not asked
	w.want("POST", 200, "sent")
	w.send(expect("/echo", "HTTP/1.1", 0)) // there is nothing to ask for
	w.want("POST", 200, "")
	w.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n")
	w.want("POST", 100, "")
	w.send("3\r\nabc\r\n0\r\n\r\n")
	w.want("POST", 200, "abc")

	// What the client sends after a refusal may be the body or the next request.
	w.send(expect("/refuse", "HTTP/1.1", 4))
	if a := w.answer("POST"); a.status != 403 || !a.close {
		t.Errorf("unread: %v", a)
	}
	w.ended()

	w = dial(t, addr)
	w.send("GET /echo HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\n\r\n")
	if a := w.answer("GET"); a.status != 417 {
		t.Errorf("an unknown expectation: %v", a)
	}

	w = dial(t, addr)
	w.send(expect("/echo", "HTTP/1.0", 4), "body") // HTTP/1.0 clients do not know 100
	w.want("POST", 200, "body")
}

// TestNoContinueInsideAStream: once the answer has begun, 100 (Continue) would be bytes of its
// body.
func TestNoContinueInsideAStream(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		resp.WriteString("first ")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		if _, err := resp.ReadFrom(req.Body()); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	a, resp := w.head("POST")
	if a.status != 200 || !a.close {
		t.Fatalf("%v", a)
	}
	w.send("body") // the final status has come: the client may send all the same
	b, err := io.ReadAll(resp.Body)
	if string(b) != "first body" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	w.ended()
}
