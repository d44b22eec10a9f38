//go:build linux

package lwan

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// before runs fn in BeforeHead.
func before(fn func(req *Request, resp *Response, st Status)) Middleware {
	return func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			resp.BeforeHead(func(st Status) { fn(req, resp, st) })
			return next(req, resp)
		}
	}
}

// filtered passes the body through wrap.
func filtered(wrap func(io.Writer) io.WriteCloser) Middleware {
	return before(func(req *Request, resp *Response, st Status) { resp.Filter(wrap) })
}

// TestBeforeHeadOrder: as middleware returns, innermost first, once, with the status on the wire,
// streamed or not.
func TestBeforeHeadOrder(t *testing.T) {
	note := func(name string) Middleware {
		return before(func(req *Request, resp *Response, st Status) {
			resp.AddHeader("X-Order", fmt.Sprint(name, int(st)))
		})
	}
	srv := &Server{}
	srv.Use(note("a"), note("b"))
	srv.Handle("GET /whole", text("whole"), note("c"))
	srv.Handle("GET /stream", func(req *Request, resp *Response) Status {
		resp.WriteString("str")
		if err := resp.SendHead(203); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("eam")
		return 200
	}, note("c"))
	srv.Handle("GET /panic", func(req *Request, resp *Response) Status { panic("on purpose") },
		note("c"))
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/whole": "[c200 b200 a200]", "/stream": "[c203 b203 a203]", "/panic": "[c500 b500 a500]",
		"/none": "[b404 a404]",
	} {
		if got := fmt.Sprint(get(t, addr, path).header.Values("X-Order")); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestBeforeHeadMisbehaves: what goes wrong there is a 500, once, and the connection goes on.
func TestBeforeHeadMisbehaves(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /panic", text("x"),
		before(func(*Request, *Response, Status) { panic("in BeforeHead") }))
	srv.Handle("GET /panic-stream",
		func(req *Request, resp *Response) Status { return resp.Fail(resp.Flush()) },
		before(func(*Request, *Response, Status) { panic("in BeforeHead") }))
	srv.Handle("GET /flush", text("body"), before(func(_ *Request, resp *Response, _ Status) {
		if err := resp.Flush(); err != nil {
			panic(err)
		}
	}))
	srv.Handle("GET /write", func(*Request, *Response) Status { return 200 },
		before(func(_ *Request, resp *Response, _ Status) { resp.WriteString("late") }))
	srv.Handle("GET /filter-panic", text("x"),
		filtered(func(io.Writer) io.WriteCloser { panic("no filter") }))
	srv.Handle("GET /filter-fails", text("x"),
		filtered(func(w io.Writer) io.WriteCloser { return brokenFilter{} }))
	srv.Handle("GET /ok", text("ok"))
	book := logged(srv)
	addr := serveTest(t, srv)
	for path, want := range map[string]int{
		"/panic": 500, "/panic-stream": 500, "/flush": 200, "/write": 200, "/filter-panic": 500,
		"/filter-fails": 500,
	} {
		w := dial(t, addr)
		w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.answer("GET")
		if a.status != want || a.err != nil {
			t.Errorf("%s: %v", path, a)
		}
		if n := book.lines("level=ERROR", `route="GET `+path+`"`); n != map[int]int{500: 1}[want] {
			t.Errorf("%s: %d log lines", path, n)
		}
		if !a.close {
			w.open("/ok")
		}
	}
	if a := get(t, addr, "/flush"); a.body != "body" {
		t.Errorf("%v", a)
	}
	if a := get(t, addr, "/write"); a.body != "late" {
		t.Errorf("%v", a)
	}
}

type brokenFilter struct{}

func (brokenFilter) Write(p []byte) (int, error) { return 0, errSecret }
func (brokenFilter) Close() error                { return errSecret }

// TestFilters: whole answers and streams, one and two of them, larger than is held back.
func TestFilters(t *testing.T) {
	big := strings.Repeat("compressible ", 10_000)
	quote := func(w io.Writer) io.WriteCloser { return &quoter{w: w} }
	zip := before(func(req *Request, resp *Response, st Status) {
		resp.SetHeader("Content-Encoding", "gzip")
		resp.Filter(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	})
	srv := &Server{Limits: Limits{Buffer: 10_000}}
	srv.Handle("GET /whole", text("text"), filtered(upperFilter))
	srv.Handle("GET /both", text("text"), filtered(quote), filtered(upperFilter))
	srv.Handle("GET /big", text(big), filtered(upperFilter))
	srv.Handle("GET /big-error",
		func(req *Request, resp *Response) Status { return resp.Text(404, big) },
		filtered(upperFilter))
	srv.Handle("GET /set",
		func(req *Request, resp *Response) Status { resp.SetBody(big); return 200 },
		filtered(upperFilter))
	stream := func(req *Request, resp *Response) Status {
		for range 3 {
			resp.WriteString("text ")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
		}
		resp.WriteString("end")
		return 200
	}
	srv.Handle("GET /stream", stream, filtered(upperFilter))
	srv.Handle("GET /stream-zip", stream, zip)
	srv.Handle("GET /zip", text(big), zip)
	srv.Handle("GET /empty", text(""), filtered(upperFilter))
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/whole": "TEXT!", "/both": "<TEXT!>", "/big": strings.ToUpper(big) + "!",
		"/set": strings.ToUpper(big) + "!", "/stream": "TEXT TEXT TEXT END!",
		"/stream-zip": "text text text end", "/zip": big, "/empty": "!",
		"/big-error": strings.ToUpper(big) + "!",
	} {
		w := dial(t, addr)
		w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.answer("GET")
		body := a.body
		if a.header.Get("Content-Encoding") == "gzip" {
			body = unzip(t, body)
		}
		status := map[bool]int{true: 404, false: 200}[path == "/big-error"]
		if a.status != status || body != want || a.err != nil {
			t.Errorf("%s: %v, %d bytes", path, a, len(body))
		}
		if b := w.answer("GET"); b.status != 404 {
			t.Errorf("after %s: %v", path, b)
		}
	}
}

func unzip(t *testing.T, s string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// quoter writes a bracket first and one at the end.
type quoter struct {
	w     io.Writer
	begun bool
}

func (q *quoter) Write(p []byte) (int, error) {
	if !q.begun {
		q.begun = true
		if _, err := io.WriteString(q.w, "<"); err != nil {
			return 0, err
		}
	}
	return q.w.Write(p)
}

func (q *quoter) Close() error { _, err := io.WriteString(q.w, ">"); return err }

// TestFailIsSticky: a forgotten return does not turn a failure into a success; Reset does.
func TestFailIsSticky(t *testing.T) {
	srv := &Server{ErrorStatus: func(err error) Status {
		if errors.Is(err, errSecret) {
			return 402
		}
		return 0
	}}
	srv.Handle("GET /forgotten", func(req *Request, resp *Response) Status {
		resp.Fail(errSecret)
		return resp.Text(200, "all is well")
	})
	srv.Handle("GET /other", func(req *Request, resp *Response) Status {
		resp.Fail(errSecret)
		return 404
	})
	srv.Handle("GET /reset", func(req *Request, resp *Response) Status {
		resp.SetHeader("X-A", "1")
		resp.Fail(errSecret)
		if !resp.Reset() || resp.Err() != nil {
			return 500
		}
		return resp.Text(200, "fresh")
	})
	srv.Handle("GET /message", func(req *Request, resp *Response) Status {
		resp.Error(400, "a message of something else")
		return resp.Fail(errSecret)
	})
	srv.Handle("GET /inner",
		func(req *Request, resp *Response) Status { return resp.Fail(errSecret) },
		func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				st := next(req, resp)
				if !errors.Is(resp.Err(), errSecret) {
					return 500
				}
				return st + 1
			}
		})
	srv.Handle("GET /mw-panic", text("x"), func(next Handler) Handler {
		return func(req *Request, resp *Response) Status { next(req, resp); panic("in middleware") }
	})
	srv.Handle("GET /sees-panic", func(req *Request, resp *Response) Status { panic("p") },
		func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				st := next(req, resp)
				var p *PanicError
				if st != 500 || !errors.As(resp.Err(), &p) || p.Value != "p" || len(p.Stack) == 0 {
					return 200
				}
				return 503
			}
		})
	book := logged(srv)
	addr := serveTest(t, srv)
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/forgotten": {402, "402 Payment Required\n"}, "/other": {404, "404 Not Found\n"},
		"/reset": {200, "fresh"}, "/message": {402, "402 Payment Required\n"},
		"/inner": {403, "403 Forbidden\n"}, "/mw-panic": {500, "500 Internal Server Error\n"},
		"/sees-panic": {503, "503 Service Unavailable\n"},
	} {
		a := get(t, addr, path)
		if a.status != want.status || a.body != want.body || strings.Contains(a.body, "secret") {
			t.Errorf("%s: %v, want %v", path, a, want)
		}
	}
	if n := book.lines("level=ERROR", "is a return missing", `route="GET /forgotten"`); n != 1 {
		t.Errorf("%d lines about the forgotten return\n%s", n, book)
	}
}

// TestUserErrors: ErrorStatus and ErrorPage that do what they should not.
func TestUserErrors(t *testing.T) {
	srv := &Server{}
	srv.ErrorStatus = func(err error) Status {
		switch err.Error() {
		case "panics":
			panic("in ErrorStatus")
		case "interim":
			return 102
		case "good":
			return 200
		}
		return 0
	}
	srv.ErrorPage = func(req *Request, resp *Response, st Status) Status {
		switch req.Query("page") {
		case "panics":
			resp.WriteString("half")
			panic("in ErrorPage")
		case "flushes":
			resp.WriteString("streamed")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			return st
		case "big":
			resp.WriteString(strings.Repeat("x", 2<<20))
			return st
		case "other":
			return resp.Text(410, "gone")
		case "invalid":
			return resp.Text(7, "seven")
		case "nothing":
			return st
		}
		return resp.Text(st, "own page")
	}
	srv.Handle("GET /{err}", func(req *Request, resp *Response) Status {
		return resp.Fail(errors.New(req.Param("err")))
	})
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	for target, want := range map[string]struct {
		status int
		body   string
	}{
		"/x": {500, "own page"}, "/panics": {500, "own page"}, "/interim": {500, "own page"},
		"/good": {500, "own page"}, "/x?page=panics": {500, "500 Internal Server Error\n"},
		"/x?page=flushes": {500, "streamed"}, "/x?page=big": {500, strings.Repeat("x", 2<<20)},
		"/x?page=other": {410, "gone"}, "/x?page=invalid": {500, "seven"},
		"/x?page=nothing": {500, "500 Internal Server Error\n"},
	} {
		w := dial(t, addr)
		w.send("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.answer("GET")
		if a.status != want.status || a.body != want.body || a.err != nil {
			t.Errorf("%s: %v", target, a)
		}
		if !a.close {
			w.open("/ok")
		}
	}
}
