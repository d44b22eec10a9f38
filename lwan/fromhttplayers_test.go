//go:build linux

package lwan

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// layer is net/http middleware around a handler of net/http, or one of ours; h or ours is set.
type layer struct {
	name    string
	request string // for /name/7
	mw      func(http.Handler) http.Handler
	h       http.HandlerFunc
	ours    Handler
	after   string // what the client sends once it has seen the first answer
}

// around makes middleware of a function that gets next.
func around(
	fn func(w http.ResponseWriter, r *http.Request, next http.Handler),
) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fn(w, r, next) })
	}
}

// noting is a ResponseWriter that middleware puts in between.
type noting struct {
	http.ResponseWriter
	status, bytes int
}

func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

func (n *noting) WriteHeader(code int) {
	n.status = code
	n.Header().Del("Content-Length") // as for all that changes a body
	n.ResponseWriter.WriteHeader(code)
}

func (n *noting) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.status = 200
	}
	n.bytes += len(p)
	return n.ResponseWriter.Write(p)
}

// notes writes down what the ResponseWriter in between has seen, behind the body.
var notes = around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	n := &noting{ResponseWriter: w}
	next.ServeHTTP(n, r)
	fmt.Fprintf(w, "|%d %d", n.status, n.bytes)
})

// zipping compresses, as many do.
type zipping struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (z zipping) Write(p []byte) (int, error) { return z.z.Write(p) }

func (z zipping) WriteHeader(code int) {
	z.Header().Del("Content-Length")
	z.ResponseWriter.WriteHeader(code)
}

var zips = around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Add("Vary", "Accept-Encoding")
	z := gzip.NewWriter(w)
	defer z.Close()
	next.ServeHTTP(zipping{w, z}, r)
})

type layerMark struct{}

// rewrites changes everything of a request that can be changed.
var rewrites = around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	r = r.WithContext(context.WithValue(r.Context(), layerMark{}, "marked"))
	r.Method, r.Host, r.RemoteAddr = "PUT", "other", "192.0.2.7"
	r.Header = http.Header{"X-Only": {"this"}, "Content-Type": {"text/plain"}}
	u := *r.URL
	u.Path, u.RawPath, u.RawQuery = "/else where", "", "q=new"
	r.URL = &u
	r.SetPathValue("id", "8")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("another body")), 12
	next.ServeHTTP(w, r)
})

var presets = around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	w.Header().Set("Cache-Control", "private")
	w.Header().Set("Content-Type", "text/css")
	w.Header().Set("X-Layer", "1")
	w.Header().Add("Vary", "Origin")
	next.ServeHTTP(w, r)
})

func plainly(next http.Handler) http.Handler { return next }

func late(next http.Handler) http.Handler {
	return http.TimeoutHandler(next, time.Millisecond, "late")
}

func inTimeLayer(next http.Handler) http.Handler {
	return http.TimeoutHandler(next, time.Minute, "late")
}

func posting(name, body string, fields ...string) string {
	return fmt.Sprintf("POST /%s/7?q=1 HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s",
		name, lines(fields), len(body), body)
}

func getting(name string) string { return get1("/" + name + "/7?q=1") }

// tellHTTP writes what it knows of its request.
func tellHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintln(w, r.Method, r.Host, r.URL.Path, r.URL.RawQuery, r.RequestURI, r.Pattern,
		r.PathValue("id"), r.Header["X-Only"], r.Context().Value(layerMark{}), string(body), err,
		strings.HasPrefix(r.RemoteAddr, "192.0.2.7"))
}

func tellOurs(req *Request, resp *Response) Status {
	body, err := req.BodyBytes()
	id, bad := Param[int](req, "id")
	return resp.Text(200,
		fmt.Sprintln(req.Method(), req.Host(), req.Path(), req.Query("q"), req.Target(),
			req.Pattern(), req.Param("id"), id, bad, req.HeaderAll("X-Only"),
			req.Context().Value(layerMark{}), string(body), err, req.RemoteAddr().Addr()))
}

var layers = []layer{
	{name: "plain", request: getting("plain"), mw: plainly, h: tellHTTP},
	{name: "rewritten", request: posting("rewritten", "body"), mw: rewrites, h: tellHTTP},
	{
		name: "strip", request: getting("strip"),
		mw: func(next http.Handler) http.Handler { return http.StripPrefix("/strip", next) },
		h:  tellHTTP,
	},
	{
		name: "strip-other", request: getting("strip-other"),
		mw: func(next http.Handler) http.Handler { return http.StripPrefix("/x", next) },
		h:  tellHTTP,
	},
	{
		name: "late", request: getting("late"), mw: late,
		h: func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.Write([]byte("x"))
		},
	},
	{name: "in-time", request: getting("in-time"), mw: inTimeLayer, h: tellHTTP},
	{
		name: "in-time-abort", request: getting("in-time-abort"), mw: inTimeLayer,
		h: func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		},
	},
	{name: "max-bytes", request: posting("max-bytes", "too much", "Connection: close"),
		mw: func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 3) },
		h: func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			_, tooLarge := errors.AsType[*http.MaxBytesError](err)
			w.WriteHeader(413)
			fmt.Fprint(w, string(b), tooLarge)
		}},
	{
		name: "cross-origin", request: posting("cross-origin", "x", "Sec-Fetch-Site: cross-site"),
		mw: http.NewCrossOriginProtection().Handler, h: tellHTTP,
	},
	{
		name: "same-origin", request: posting("same-origin", "x", "Sec-Fetch-Site: same-origin"),
		mw: http.NewCrossOriginProtection().Handler, h: tellHTTP,
	},
	{
		name: "notes", request: getting("notes"), mw: notes,
		h: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(418)
			w.Write([]byte("teapot"))
		},
	},
	{name: "zips", request: getting("zips"), mw: zips,
		h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/x")
			io.WriteString(w, strings.Repeat("text", 1000))
		}},
	{name: "presets", request: getting("presets"), mw: presets,
		h: func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, w.Header())
			w.Header().Del("X-Layer") // too late
		}},
	{name: "presets-replaced", request: getting("presets-replaced"), mw: presets,
		h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Content-Type", "text/html")
			w.Header().Del("X-Layer")
			w.Header().Add("Vary", "Accept")
			w.(http.Flusher).Flush()
			io.WriteString(w, "stream")
		}},
	{name: "answers-itself", request: getting("answers-itself"),
		mw: around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			http.Error(w, "no", http.StatusForbidden)
		}), h: tellHTTP},
	{name: "form",
		request: posting("form", "a=b&c=d", "Content-Type: application/x-www-form-urlencoded"),
		mw: around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("X-A", r.PostFormValue("a"))
			next.ServeHTTP(w, r)
		}),
		h: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PostFormValue("c")) }},
	{
		name: "abort", request: getting("abort"), mw: notes,
		h: func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
	},
	{name: "abort-late", request: getting("abort-late"), mw: notes,
		h: func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			if err := http.NewResponseController(w).Flush(); err != nil {
				fmt.Fprint(w, err)
			}
			panic(http.ErrAbortHandler)
		}},
	{name: "hints", request: getting("hints"), mw: presets,
		h: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a>")
			w.WriteHeader(103)
			io.WriteString(w, "body")
		}},
	{
		name: "head", request: "HEAD /head/7 HTTP/1.1\r\nHost: x\r\n\r\n", mw: presets,
		h: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "content") },
	},
	{name: "trailers", request: getting("trailers"), mw: presets,
		h: func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "body")
			w.(http.Flusher).Flush() // else net/http has no place for them
			w.Header().Set(http.TrailerPrefix+"X-Late", "2")
		}},
	{name: "continue", request: "POST /continue/7 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" +
		"Content-Length: 4\r\n\r\n", mw: presets,
		h: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(100) // the handler's own, as a proxy passes on what it gets
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, string(b), err)
		}, after: "body"},
	{name: "hijack", request: getting("hijack"), mw: notes,
		h: func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			_, late := w.Write([]byte("x"))
			fmt.Fprintf(rw,
				"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n%v",
				errors.Is(late, http.ErrHijacked))
			rw.Flush()
		}},

	{name: "our-plain", request: getting("our-plain"), mw: plainly, ours: tellOurs},
	{
		name: "our-rewritten", request: posting("our-rewritten", "body"),
		mw: rewrites, ours: tellOurs,
	},
	{
		name: "our-strip", request: getting("our-strip"),
		mw:   func(next http.Handler) http.Handler { return http.StripPrefix("/our-strip", next) },
		ours: tellOurs,
	},
	{
		name: "our-strip-slash", request: getting("our-strip-slash"),
		mw: func(next http.Handler) http.Handler {
			return http.StripPrefix("/our-strip-slash/", next)
		}, ours: tellOurs,
	},
	{
		name: "our-late", request: getting("our-late"), mw: late,
		ours: func(req *Request, resp *Response) Status {
			return resp.Fail(req.Sleep(time.Minute))
		},
	},
	{name: "our-in-time", request: getting("our-in-time"), mw: inTimeLayer, ours: tellOurs},
	{
		name: "our-max-bytes", request: posting("our-max-bytes", "too much", "Connection: close"),
		mw:   func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 3) },
		ours: echo,
	},
	{
		name: "our-notes", request: getting("our-notes"), mw: notes,
		ours: func(req *Request, resp *Response) Status { return resp.Text(418, "teapot") },
	},
	{
		name: "our-notes-panic", request: getting("our-notes-panic"), mw: notes,
		ours: func(req *Request, resp *Response) Status { panic("on purpose") },
	},
	{name: "our-notes-404", request: getting("our-notes-404"), mw: notes, ours: NotFound},
	{
		name: "our-zips", request: getting("our-zips"), mw: zips,
		ours: func(req *Request, resp *Response) Status {
			return resp.Text(200, strings.Repeat("text", 1000))
		},
	},
	{name: "our-zipped-stream", request: getting("our-zipped-stream"), mw: zips,
		ours: func(req *Request, resp *Response) Status {
			resp.SetContentType("text/x")
			resp.WriteString("one")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("two")
			return 200
		}},
	{
		name: "our-presets", request: getting("our-presets"), mw: presets,
		ours: func(req *Request, resp *Response) Status {
			return resp.Text(200, resp.Header("X-Layer"))
		},
	},
	{name: "our-presets-replaced", request: getting("our-presets-replaced"), mw: presets,
		ours: func(req *Request, resp *Response) Status {
			resp.SetHeader("Cache-Control", "no-store")
			resp.DelHeader("X-Layer")
			resp.AddHeader("Vary", "Accept")
			resp.SetContentType("text/html")
			if err := resp.SendHead(203); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("stream")
			return 200
		}},
	{name: "our-cut", request: getting("our-cut"), mw: presets,
		ours: func(req *Request, resp *Response) Status {
			resp.WriteString("half")
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
			return 500
		}},
	{name: "our-form",
		request: posting("our-form", "a=b&c=d", "Content-Type: application/x-www-form-urlencoded"),
		mw: around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("X-A", r.PostFormValue("a"))
			next.ServeHTTP(w, r)
		}), ours: func(req *Request, resp *Response) Status {
			f, err := req.Form()
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, f.Get("a")+f.Get("c"))
		}},
	{
		name: "our-head", request: "HEAD /our-head/7 HTTP/1.1\r\nHost: x\r\n\r\n", mw: presets,
		ours: text("content"),
	},
	{name: "our-hints", request: getting("our-hints"), mw: presets,
		ours: func(req *Request, resp *Response) Status {
			if err := resp.EarlyHints("</a>"); err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, "body")
		}},
	{name: "our-trailers", request: getting("our-trailers"), mw: presets,
		ours: func(req *Request, resp *Response) Status {
			if err := resp.SendHead(200); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString("body")
			resp.SetTrailer("X-Late", "2")
			return 200
		}},
	{name: "our-continue", request: "POST /our-continue/7 HTTP/1.1\r\nHost: x\r\n" +
		"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
		mw: presets, ours: echo, after: "body"},
}
