//go:build linux

package lwan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLayers: the same middleware around the same handlers gives the same answers with net/http and
// with us: all of it in FromHTTP, the middleware alone in FromHTTPMiddleware, and around handlers
// of ours, which net/http knows by ToHTTP.
func TestLayers(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	whole, mixed := &Server{}, &Server{}
	logged(whole)
	logged(mixed)
	for _, c := range layers {
		pattern := "/" + c.name + "/{id}"
		inner, ours := http.Handler(c.h), FromHTTP(c.h)
		if c.ours != nil {
			inner, ours = ToHTTP(c.ours), c.ours
		}
		mux.Handle(pattern, c.mw(inner))
		whole.Handle(pattern, FromHTTP(c.mw(inner)))
		mixed.Handle(pattern, ours, FromHTTPMiddleware(c.mw))
	}
	theirs := httptest.NewUnstartedServer(mux)
	theirs.Config.ErrorLog = log.New(io.Discard, "", 0)
	theirs.Start()
	defer theirs.Close()
	wholeAddr, mixedAddr := serveTest(t, whole), serveTest(t, mixed)
	for _, c := range layers {
		t.Run(c.name, func(t *testing.T) {
			one := twin{name: c.name, request: c.request, after: c.after}
			want := script(t, theirs.Listener.Addr().String(), one)
			if got := script(t, wholeAddr, one); got != want {
				t.Errorf("FromHTTP:\n%s\nnet/http:\n%s", got, want)
			}
			if got := script(t, mixedAddr, one); got != want {
				t.Errorf("FromHTTPMiddleware:\n%s\nnet/http:\n%s", got, want)
			}
		})
	}
}

// TestLayerOutcome: what happens inside of net/http middleware is known outside of it.
func TestLayerOutcome(t *testing.T) {
	var key = NewKey[string]("layer")
	order := make(chan string, 10)
	srv := &Server{}
	srv.Use(func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			st := next(req, resp)
			v, _ := key.Get(req)
			order <- fmt.Sprint(int(st), " ", resp.Err(), " ", v)
			return st
		}
	}, FromHTTPMiddleware(notes))
	srv.Handle("GET /ok", func(req *Request, resp *Response) Status {
		key.Set(req, "set inside")
		req.Defer(func() { order <- "deferred" })
		return resp.Text(201, "ok")
	})
	srv.Handle("GET /fails", func(req *Request, resp *Response) Status {
		return resp.Fail(errSecret)
	})
	srv.Handle("GET /cut", func(req *Request, resp *Response) Status {
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		return resp.Fail(errSecret)
	})
	book := logged(srv)
	addr := serveTest(t, srv)
	for path, want := range map[string][]string{
		"/ok":    {"201 <nil> set inside", "deferred"},
		"/fails": {"500 " + errSecret.Error() + " "},
		"/cut":   {"499 " + errSecret.Error() + " "},
		"/none":  {"404 <nil> "},
	} {
		get(t, addr, path)
		for _, w := range want {
			if got := received(t, order); got != w {
				t.Errorf("%s: %s, want %s", path, got, w)
			}
		}
	}
	if n := book.lines("request failed"); n != 2 {
		t.Errorf("%d failures are logged, want 2:\n%s", n, book)
	}
}

// TestLayerMisused: what cannot work says so.
func TestLayerMisused(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /nil", FromHTTP(nil))
	srv.Handle("GET /nil-middleware", text("x"), FromHTTPMiddleware(nil))
	if _, err := srv.Build(); err == nil || strings.Count(err.Error(), "is nil") != 2 {
		t.Errorf("%v", err)
	}
	srv = &Server{}
	srv.Handle("GET /none", text("x"),
		FromHTTPMiddleware(func(http.Handler) http.Handler { return nil }))
	srv.Handle("GET /no-request", text("x"),
		FromHTTPMiddleware(around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Method = "NO METHOD"
			next.ServeHTTP(w, r)
		})))
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		return resp.Fail(resp.Events().Send(Event{Data: "x"}))
	}, FromHTTPMiddleware(inTimeLayer))
	srv.Handle("POST /read", echo,
		FromHTTPMiddleware(around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			io.CopyN(io.Discard, r.Body, 2)
			next.ServeHTTP(w, r)
		})))
	book := logged(srv)
	addr := serveTest(t, srv)
	for _, path := range []string{"/none", "/no-request", "/events", "/read"} {
		before := book.lines("level=ERROR")
		request := get1(path)
		if path == "/read" {
			request = post(path, "body")
		}
		if a := once(t, addr, "GET", request); a.status != 500 {
			t.Errorf("%s: %v", path, a)
		}
		if book.lines("level=ERROR") != before+1 {
			t.Errorf("%s: it is not in the log once", path)
		}
	}
}

// TestLayerOwnContext: middleware may give the request another context, or another ResponseWriter,
// not both.
func TestLayerOwnContext(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /context", tellOurs,
		FromHTTPMiddleware(around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(&noting{ResponseWriter: w}, r.WithContext(context.Background()))
		})))
	srv.Handle("GET /writer", tellOurs,
		FromHTTPMiddleware(around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			w.WriteHeader(rec.Code)
			w.Write(bytes.ToUpper(rec.Body.Bytes()))
		})))
	addr := serveTest(t, srv)
	if a := get(t, addr, "/context"); a.status != 200 || !strings.Contains(a.body, "/context") {
		t.Errorf("%v", a)
	}
	if a := get(t, addr, "/writer"); a.status != 200 || !strings.Contains(a.body, "/WRITER") {
		t.Errorf("%v", a)
	}
}

// TestLayerAbandons: a handler that middleware has given up goes on with its own data, and does not
// harm the next requests on the only loop, for which it might be mistaken.
func TestLayerAbandons(t *testing.T) {
	srv := &Server{Loops: 1}
	const victims = 20
	release, ended := make(chan struct{}), make(chan string)
	srv.Handle("GET /late/{id}", func(req *Request, resp *Response) Status {
		<-release
		for range 1000 {
			resp.SetHeader("X-Late", "1")
			resp.WriteString("late")
		}
		err := resp.Flush()
		req.Defer(func() {
			ended <- fmt.Sprint(req.Param("id"), req.Header("X-Secret"), req.Path(), err != nil)
		})
		return 200
	}, FromHTTPMiddleware(late))
	await := func(req *Request, resp *Response) Status {
		if err := req.Sleep(time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "victim")
	}
	srv.Handle("GET /inline", text("victim"))
	srv.Handle("GET /parked", await)
	srv.Handle("GET /blocking", await, Blocking)
	logged(srv)
	addr := serveTest(t, srv)
	for range victims {
		if a := get(t, addr, "/late/7", "X-Secret: s"); a.status != 503 || a.body != "late" {
			t.Fatalf("%v", a)
		}
	}
	close(release)
	left := victims
	paths := []string{"/inline", "/parked", "/blocking"}
	for i := 0; left > 0; i++ {
		a := get(t, addr, paths[i%len(paths)], "X-Secret: another's")
		if a.status != 200 || a.body != "victim" || a.header.Get("X-Late") != "" {
			t.Fatalf("%v", a)
		}
		select {
		case got := <-ended:
			left--
			if got != "7s/late/7true" {
				t.Errorf("%s", got)
			}
		default:
		}
	}
}

// TestFromHTTPAfterwards: what a handler of net/http leaves running finds its request over.
func TestFromHTTPAfterwards(t *testing.T) {
	srv := &Server{Loops: 1}
	returned, seen := make(chan struct{}), make(chan []error, 1)
	srv.Handle("POST /", FromHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		go func() {
			<-returned
			ctl := http.NewResponseController(w)
			_, read := r.Body.Read(make([]byte, 10))
			_, write := w.Write([]byte("late"))
			_, _, hijack := ctl.Hijack()
			w.WriteHeader(500)
			w.Header().Set("X-Late", "1")
			seen <- []error{read, write, hijack, ctl.Flush(), ctl.SetReadDeadline(time.Now()),
				ctl.SetWriteDeadline(time.Now()), ctl.EnableFullDuplex()}
		}()
	})))
	logged(srv)
	addr := serveTest(t, srv)
	if a := once(t, addr, "POST", post("/", "one")); a.status != 200 || a.body != "" {
		t.Fatalf("%v", a)
	}
	close(returned)
	errs := received(t, seen)
	if errs[0] != http.ErrBodyReadAfterClose {
		t.Errorf("reading: %v", errs[0])
	}
	i := slices.IndexFunc(errs[1:], func(err error) bool {
		return !errors.Is(err, http.ErrHandlerTimeout)
	})
	if i >= 0 {
		t.Errorf("%d: %v", i, errs[1:])
	}
}

// TestLayerMisses: requests without a route are answered as they are without middleware, and so are
// routes that need the rest of a path.
func TestLayerMisses(t *testing.T) {
	rest := func(req *Request, resp *Response) Status {
		return resp.Text(200,
			fmt.Sprintf("%q %q %q", req.Rest(), req.RestBytes(), req.Param("all")))
	}
	register := func(mw ...Middleware) *Server {
		srv := &Server{}
		srv.Use(mw...)
		srv.Handle("GET /a/{$}", text("a"))
		srv.Handle("GET /rest/", rest)
		srv.Handle("GET /all/{all...}", rest)
		return srv
	}
	bare := serveTest(t, register())
	inside := serveTest(t, register(FromHTTPMiddleware(plainly)))
	for _, request := range []string{
		"OPTIONS *", "OPTIONS /a/", "POST /a/", "GET /a", "GET /b/../a/?q=1", "GET /none",
		"BREW /a/", "GET /%zz", "CONNECT x:1",
		"GET /rest/b%2Fc/d", "GET /all/b%2Fc/d", "GET /rest/", "GET http://other/rest/x",
	} {
		raw := request + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		want, got := script(t, bare, twin{request: raw}), script(t, inside, twin{request: raw})
		if got != want {
			t.Errorf("%s:\n%s\nwithout middleware:\n%s", request, got, want)
		}
	}
}

// TestLayerRest: what a trailing slash matches follows the path that middleware passes on.
func TestLayerRest(t *testing.T) {
	srv := &Server{}
	show := func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Rest()+" "+req.Param("all"))
	}
	moves := func(from, to string) Middleware {
		return FromHTTPMiddleware(
			around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				u := *r.URL
				u.Path = strings.Replace(u.Path, from, to, 1)
				r.URL = &u
				next.ServeHTTP(w, r)
			}))
	}
	srv.Handle("/same/", show, moves("/v1", ""))
	srv.Handle("/strip/", show, moves("/strip", ""))
	srv.Handle("/named/{all...}", show, moves("/v1", ""))
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/same/v1/x": "x ", "/strip/v1/x": "v1/x ", "/named/v1/x": "v1/x v1/x", // as PathValue
	} {
		if a := get(t, addr, path); a.body != want {
			t.Errorf("%s: %q, want %q", path, a.body, want)
		}
	}
}
