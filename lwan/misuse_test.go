//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// misused are handlers that do what no handler should. That may end only their own request: each is
// answered with 500, and a line of the log names the route and says what was wrong.
var misused = map[string]struct {
	handler Handler
	logged  string
}{
	"panic": {func(req *Request, resp *Response) Status { panic("as asked") }, "panic: as asked"},
	"goexit": {func(req *Request, resp *Response) Status { runtime.Goexit(); return 200 },
		"Goexit"},
	"nil": {func(req *Request, resp *Response) Status {
		var p *http.Cookie
		return resp.Text(200, p.Name)
	}, "nil pointer dereference"},
	"nil map": {func(req *Request, resp *Response) Status { noMap()["a"] = 1; return 200 },
		"nil map"},
	"nil error": {func(req *Request, resp *Response) Status { return resp.Fail(nil) },
		"Fail was called without an error"},
	"no status": {func(req *Request, resp *Response) Status { return 0 }, "no final status"},
	"interim":   {func(req *Request, resp *Response) Status { return 103 }, "no final status"},
	"panic in await": {func(req *Request, resp *Response) Status {
		return resp.Fail(req.Await(func(context.Context) error { panic("over there") }))
	}, "panic: over there"},
	"goexit in await": {func(req *Request, resp *Response) Status {
		return resp.Fail(req.Await(func(context.Context) error { runtime.Goexit(); return nil }))
	}, "Goexit"},
	"panic in defer": {func(req *Request, resp *Response) Status {
		defer func() { panic("at the end") }()
		return resp.Text(200, "ok")
	}, "panic: at the end"},
	"field value": {func(req *Request, resp *Response) Status {
		resp.SetHeader("X-Evil", "a\r\nSet-Cookie: evil=1")
		return resp.Text(200, "ok")
	}, "X-Evil"},
	"field name": {func(req *Request, resp *Response) Status {
		resp.AddHeader("X-Evil: a\r\nSet-Cookie", "evil=1")
		return resp.Text(200, "ok")
	}, "X-Evil"},
	"content type": {func(req *Request, resp *Response) Status {
		return resp.Data(200, "text/plain\r\nSet-Cookie: evil=1", []byte("ok"))
	}, "Content-Type"},
	"cookie name": {func(req *Request, resp *Response) Status {
		resp.SetCookie(&http.Cookie{Name: "a\r\nSet-Cookie: evil", Value: "1"})
		return resp.Text(200, "ok")
	}, "Set-Cookie"},
	"early hint": {func(req *Request, resp *Response) Status {
		return resp.Fail(resp.EarlyHints("</a>\r\nSet-Cookie: evil=1"))
	}, "Link"},
	"event name": {func(req *Request, resp *Response) Status {
		_, err := (&Event{Name: "a\r\ndata: evil"}).appendTo(nil)
		return resp.Fail(err)
	}, "line breaks"},
	"framing": {func(req *Request, resp *Response) Status {
		resp.SetHeader("Transfer-Encoding", "chunked")
		return resp.Text(200, "ok")
	}, "Transfer-Encoding"},
	"length": {func(req *Request, resp *Response) Status {
		resp.SetHeader("Content-Length", "ten")
		return resp.Text(200, "ok")
	}, "Content-Length"},
}

func noMap() map[string]int { return nil }

// TestMisuse: what a handler does wrong costs it its answer, and nobody else anything.
func TestMisuse(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		for name, m := range misused {
			srv.Handle("GET /"+strings.ReplaceAll(name, " ", "_"), m.handler, mw...)
		}
		srv.Handle("GET /", text("ok"))
		book := logged(srv)
		addr := serveTest(t, srv)
		for name, m := range misused {
			path := "/" + strings.ReplaceAll(name, " ", "_")
			w := dial(t, addr)
			w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
			a := w.answer("GET")
			if a.status != 500 || a.header.Get("Set-Cookie") != "" ||
				strings.Contains(a.body, "evil") {
				t.Errorf("%s: %v", name, a)
			} else if !a.close {
				w.open("/")
			}
			settled(t, name+": lines in the log", 1, func() int64 {
				return int64(min(book.lines("GET "+path, m.logged), 1))
			})
		}
		dial(t, addr).open("/")
	})
}

// TestInjectionIsEncoded: where a value has a form in which it does no harm, it is sent in that.
func TestInjectionIsEncoded(t *testing.T) {
	const evil = "a\r\nSet-Cookie: evil=1\r\n\r\n<script>"
	srv := &Server{}
	srv.Handle("GET /redirect", func(req *Request, resp *Response) Status {
		return resp.Redirect(302, "/"+evil)
	})
	srv.Handle("GET /cookie", func(req *Request, resp *Response) Status {
		resp.SetCookie(&http.Cookie{Name: "c", Value: evil, Path: evil, Domain: "a\r\nb"})
		return resp.Text(200, "ok")
	})
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		events := resp.Events()
		err := events.Send(Event{Data: "one\r\nid: evil\rdata"})
		if err == nil {
			err = events.Comment("note\ndata: evil")
		}
		if err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	srv.Handle("GET /page", func(req *Request, resp *Response) Status {
		return resp.Error(400, evil)
	})
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/redirect": "", "/cookie": "ok",
		"/events": "data: one\ndata: id: evil\ndata: data\n\n: note\n: data: evil\n\n", "/page": "",
	} {
		a := get(t, addr, path, "Accept: text/html")
		if want != "" && a.body != want || a.err != nil || strings.Contains(a.body, "<script>") {
			t.Errorf("%s: %v", path, a)
		}
		for _, c := range a.header["Set-Cookie"] {
			if path != "/cookie" || !strings.HasPrefix(c, "c=") {
				t.Errorf("%s: a cookie was injected: %v", path, a)
			}
		}
	}
}

// TestTrailerInjection: a trailer that would end its line cuts the stream, so that it does not look
// complete.
func TestTrailerInjection(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		resp.SetTrailer("X-Sum", "1\r\nSet-Cookie: evil=1")
		return 200
	})
	book := logged(srv)
	if a := get(t, serveTest(t, srv), "/"); a.err == nil || len(a.trailer) > 0 {
		t.Errorf("%v, trailers %v", a, a.trailer)
	}
	settled(t, "lines in the log", 1, func() int64 { return int64(book.lines("GET /", "X-Sum")) })
}

// TestHugeResponse: an answer of any size goes out with little of it in memory; if the client takes
// nothing, it ends after Limits.Write.
func TestHugeResponse(t *testing.T) {
	const size = 64 << 20
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		piece := []byte(fill(64 << 10))
		for range size / len(piece) {
			if _, err := resp.Write(piece); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	})
	w := dial(t, serveTest(t, srv))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	a, answer := w.head("GET")
	n, err := io.Copy(io.Discard, answer.Body)
	runtime.ReadMemStats(&after)
	if n != size || err != nil || !a.chunked {
		t.Errorf("%d bytes, %v, chunked %v", n, err, a.chunked)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > size/4 {
		t.Errorf("%d bytes were allocated for an answer of %d", grown, size)
	}
}

// TestKeptStreamsAreClosed: an event stream or an upgraded connection that was kept past its
// handler's end must not reach the connection that its worker serves by then.
func TestKeptStreamsAreClosed(t *testing.T) {
	if debugBuild {
		t.Skip("with lwandebug they panic")
	}
	srv := &Server{Loops: 1}
	var events *Events
	var conn net.Conn
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		events = resp.Events()
		return 200
	})
	srv.Handle("GET /upgrade", func(req *Request, resp *Response) (st Status) {
		var err error
		if conn, err = resp.Upgrade("echo"); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	srv.Handle("POST /use", func(req *Request, resp *Response) Status {
		if err := events.Send(Event{Data: "late"}); !errors.Is(err, ErrForeign) {
			t.Errorf("event: %v", err)
		}
		if n, err := conn.Read(make([]byte, 10)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %d, %v", n, err)
		}
		if _, err := conn.Write([]byte("late")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		if err := conn.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("close: %v", err)
		}
		return echo(req, resp)
	})
	addr := serveTest(t, srv)
	w, upgraded := dial(t, addr), dial(t, addr)
	w.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
	w.answer("GET")
	upgraded.send(
		"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	upgraded.head("GET")
	upgraded.ended()
	w.send(post("/use", "what is mine"))
	w.want("POST", 200, "what is mine")
}
