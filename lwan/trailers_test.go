//go:build linux

package lwan

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// trailed answers in each way that there is, with a trailer.
func trailed(t *testing.T) map[string]Handler {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("body"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	set := func(resp *Response) { resp.SetTrailer("X-Sum", "4") }
	stream := func(resp *Response, err error) Status {
		if err != nil {
			return resp.Fail(err)
		}
		return 200
	}
	return map[string]Handler{
		"whole": func(_ *Request, resp *Response) Status {
			set(resp)
			return resp.Text(200, "body")
		},
		"whole, afterwards": func(_ *Request, resp *Response) Status {
			st := resp.Text(200, "body")
			set(resp)
			return st
		},
		"set": func(_ *Request, resp *Response) Status {
			resp.SetBody("body")
			set(resp)
			return 200
		},
		"in BeforeHead": func(_ *Request, resp *Response) Status {
			resp.BeforeHead(func(Status) { set(resp) })
			return resp.Text(200, "body")
		},
		"with a length": func(_ *Request, resp *Response) Status {
			resp.SetHeader("Content-Length", "4")
			set(resp)
			return resp.Text(200, "body")
		},
		"with a field of the same name": func(_ *Request, resp *Response) Status {
			resp.SetHeader("X-Sum", "field")
			set(resp)
			return resp.Text(200, "body")
		},
		"stream": func(_ *Request, resp *Response) Status {
			set(resp)
			err := resp.SendHead(200)
			resp.WriteString("body")
			return stream(resp, err)
		},
		"stream, afterwards": func(_ *Request, resp *Response) Status {
			err := resp.SendHead(200)
			resp.WriteString("body")
			set(resp)
			return stream(resp, err)
		},
		"stream with a length": func(_ *Request, resp *Response) Status {
			resp.SetHeader("Content-Length", "4")
			set(resp)
			err := resp.SendHead(200)
			resp.WriteString("body")
			return stream(resp, err)
		},
		"file": func(_ *Request, resp *Response) Status {
			set(resp)
			return stream(resp, resp.SendFile(f, 0, 4))
		},
		"blocking": Blocking(func(_ *Request, resp *Response) Status {
			set(resp)
			return resp.Text(200, "body")
		}),
		"FromHTTP": FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "body")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
		})),
	}
}

// TestTrailersOfAnAnswer arrive, however it is sent; and where none can be, the answer is what it
// is without.
func TestTrailersOfAnAnswer(t *testing.T) {
	srv := &Server{}
	book := logged(srv)
	all := trailed(t)
	srv.Handle("/{name}", func(req *Request, resp *Response) Status {
		return all[req.Param("name")](req, resp)
	})
	addr := serveTest(t, srv)
	for name := range all {
		path := "/" + strings.ReplaceAll(name, " ", "%20")
		a := get(t, addr, path)
		if a.status != 200 || a.body != "body" || a.err != nil || !a.chunked ||
			a.trailer.Get("X-Sum") != "4" || len(a.trailer["X-Sum"]) != 1 {
			t.Errorf("%s: %v, chunked %v, trailers %v", name, a, a.chunked, a.trailer)
		}
		if name != "with a field of the same name" && a.header.Get("X-Sum") != "" {
			t.Errorf("%s: it is among the fields: %v", name, a.header)
		}
		a = once(t, addr, "GET", "GET "+path+" HTTP/1.0\r\n\r\n")
		if a.status != 200 || a.body != "body" || a.chunked || len(a.trailer) > 0 {
			t.Errorf("%s in HTTP/1.0: %v, %v", name, a, a.trailer)
		}
		w := dial(t, addr)
		w.send("HEAD " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if a := w.answer("HEAD"); a.status != 200 || a.body != "" {
			t.Errorf("HEAD %s: %v", name, a)
		}
		w.open("/set") // the connection is in step
	}
	if n := book.lines("level=ERROR"); n > 0 {
		t.Errorf("%s", book)
	}
}

// TestTrailersOfManySizes: the body and its trailers are whole, whatever the body's size, and the
// next answer is in step.
func TestTrailersOfManySizes(t *testing.T) {
	srv := &Server{Limits: Limits{Buffer: -1}}
	srv.Handle("/{n}", func(req *Request, resp *Response) Status {
		n, err := Param[int](req, "n")
		if err != nil {
			return resp.Fail(err)
		}
		resp.SetTrailer("X-Sum", fmt.Sprint(n))
		resp.SetTrailer("X-Other", "o")
		return resp.Text(200, strings.Repeat("x", n))
	})
	w := dial(t, serveTest(t, srv))
	for _, n := range []int{
		0, 1, 100, inlineTested - 1, inlineTested, inlineTested + 1, 1 << 20, 5 << 20,
	} {
		w.send(get1(fmt.Sprint("/", n)))
		a := w.answer("GET")
		if len(a.body) != n || a.err != nil || a.trailer.Get("X-Sum") != fmt.Sprint(n) ||
			a.trailer.Get("X-Other") != "o" {
			t.Errorf("%d: %d bytes, %v, %v", n, len(a.body), a.err, a.trailer)
		}
	}
}

// inlineTested is a size at which a body is sent in another way.
const inlineTested = 16 << 10

// TestTrailersWhereThereAreNone: statuses without content have no trailers, and no framing that
// promises some.
func TestTrailersWhereThereAreNone(t *testing.T) {
	srv := &Server{}
	srv.Handle("/{st}", func(req *Request, resp *Response) Status {
		st, err := Param[int](req, "st")
		if err != nil {
			return resp.Fail(err)
		}
		resp.SetTrailer("X-Sum", "0")
		return Status(st)
	})
	w := dial(t, serveTest(t, srv))
	for _, st := range []int{204, 205, 304} {
		w.send(get1(fmt.Sprint("/", st)))
		a := w.answer("GET")
		if a.status != st || a.chunked || a.body != "" || len(a.trailer) > 0 ||
			a.header.Get("Trailer") != "" {
			t.Errorf("%d: %v, %v", st, a, a.trailer)
		}
	}
}

// TestTrailerThatComesTooLate is not dropped without a word: the answer is cut, and the log says
// why.
func TestTrailerThatComesTooLate(t *testing.T) {
	srv := &Server{}
	book := logged(srv)
	srv.Handle("/", func(_ *Request, resp *Response) Status {
		resp.SetHeader("Content-Length", "8")
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("body")
		resp.SetTrailer("X-Sum", "4")
		resp.WriteString("body")
		return 200
	})
	if a := get(t, serveTest(t, srv), "/"); a.err == nil {
		t.Errorf("%v", a)
	}
	settled(t, "lines", 1, func() int64 { return int64(book.lines("comes too late")) })
}

// TestTrailersOfFromHTTPBehindALength are what they are with net/http: not sent.
func TestTrailersOfFromHTTPBehindALength(t *testing.T) {
	srv := &Server{}
	srv.Handle("/", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		io.WriteString(w, "body")
		w.Header().Set(http.TrailerPrefix+"X-Sum", "4")
	})))
	a := get(t, serveTest(t, srv), "/")
	if a.body != "body" || a.err != nil || a.length != 4 || len(a.trailer) > 0 {
		t.Errorf("%v, %v", a, a.trailer)
	}
}
