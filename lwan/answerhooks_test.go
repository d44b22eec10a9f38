package lwan_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// places are where an operation is tried.
var places = []string{
	"handler", "middleware", "before", "filter.make", "filter.write", "filter.flush",
	"filter.close", "page", "defer", "observer",
}

// hooks is a server that does anything anywhere: GET /place/base/op. The base is what its handler
// answers.
type hooks struct {
	file *os.File
	srv  *lwan.Server

	mu       sync.Mutex
	observed map[string][]string
	topics   map[string]*lwan.Topic
	ends     map[string]int
}

func newHooks(t *testing.T, mw ...lwan.Middleware) *hooks {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("content of a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	h := &hooks{
		file: f, observed: map[string][]string{}, topics: map[string]*lwan.Topic{},
		ends: map[string]int{},
	}
	h.srv = &lwan.Server{
		Log: slog.New(slog.DiscardHandler), Loops: 1,
		LingerTimeout: 50 * time.Millisecond, ErrorPage: h.page,
	}
	h.srv.Observe(h)
	h.srv.Handle("GET /ok", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "still in sync")
	})
	h.srv.Handle("GET /{place}/{base}/{op}", h.handle, append(mw, h.middleware)...)
	return h
}

func (h *hooks) do(
	req *lwan.Request, resp *lwan.Response, place string, otherwise lwan.Status,
) lwan.Status {
	if req.Param("place") != place {
		return otherwise
	}
	if st := ops[req.Param("op")](h, req, resp); st != 0 {
		return st
	}
	return otherwise
}

func (h *hooks) handle(req *lwan.Request, resp *lwan.Response) lwan.Status {
	place := req.Param("place")
	if place == "handler" {
		if st := h.do(req, resp, place, 0); st != 0 {
			return st
		}
	}
	switch req.Param("base") {
	case "stream":
		resp.WriteString("head ")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("tail")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		return 200
	case "length":
		resp.SetHeader("Content-Length", "9")
		if err := resp.SendHead(200); err != nil {
			return resp.Fail(err)
		}
		resp.WriteString("of length")
		return 200
	case "error":
		return resp.Fail(errors.New("the handler has failed"))
	}
	if place == "handler" {
		return 200
	}
	return resp.Text(200, "whole")
}

func (h *hooks) middleware(next lwan.Handler) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		switch place := req.Param("place"); place {
		case "before":
			resp.BeforeHead(func(lwan.Status) { h.do(req, resp, place, 0) })
		case "filter.make", "filter.write", "filter.flush", "filter.close":
			resp.Filter(func(w io.Writer) io.WriteCloser {
				h.do(req, resp, "filter.make", 0)
				return &hookFilter{w, place, func() { h.do(req, resp, place, 0) }}
			})
		case "defer":
			req.Defer(func() { h.do(req, resp, place, 0) })
		}
		return h.do(req, resp, "middleware", next(req, resp))
	}
}

func (h *hooks) page(req *lwan.Request, resp *lwan.Response, st lwan.Status) lwan.Status {
	if req.Param("place") != "page" {
		return st
	}
	return h.do(req, resp, "page", st)
}

// Done implements lwan.Observer.
func (h *hooks) Done(req *lwan.Request, resp *lwan.Response, _ time.Duration) {
	h.mu.Lock()
	failed := ""
	if resp.Err() != nil {
		failed = " failed"
	}
	h.observed[req.Path()] = append(h.observed[req.Path()], fmt.Sprint(int(resp.Status()), failed))
	h.mu.Unlock()
	h.do(req, resp, "observer", 0)
}

func (h *hooks) Close() error { return nil }

func (h *hooks) outcome(path string) (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.observed[path])
}

func (h *hooks) topic(path string) *lwan.Topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[path] == nil {
		h.topics[path] = new(lwan.Topic)
	}
	return h.topics[path]
}

// subscribed says how many subscribers of the path's topic are left, and how many have ended.
func (h *hooks) subscribed(path string) (left, ends int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[path]; t != nil {
		left = t.Len()
	}
	return left, h.ends[path]
}

func (h *hooks) ended(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends[path]++
}

// eachCase calls fn for each place, base and operation; with -short for one in four of them, others
// each time.
func eachCase(fn func(path string)) {
	for _, place := range places {
		for _, base := range []string{"whole", "stream", "length", "error"} {
			for name := range ops {
				if !testing.Short() || rand.IntN(4) == 0 {
					fn("/" + place + "/" + base + "/" + name)
				}
			}
		}
	}
}

// onWire is what a client got to see.
type onWire struct {
	status int // 0: no final head
	cut    bool
	known  bool // the end was: it was whole before it could fail
	next   bool // the connection has gone on, and was in step
	head   bool // there was nothing but the head, which does not tell of a failure behind it
}

// converse sends a request with another one behind it, and fails the test if what comes are not
// answers.
func (h *hooks) converse(t *testing.T, addr, path string) (got onWire) {
	t.Helper()
	return h.converseBy(t, addr, "GET", path)
}

// converseBy is converse with a method.
func (h *hooks) converseBy(t *testing.T, addr, method, path string) (got onWire) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"+
		"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n", method, path)
	r := bufio.NewReader(c)
	for {
		a, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			got.cut = true
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: nothing comes", path)
			}
			return got
		}
		if a.StatusCode < 200 && a.StatusCode != 101 {
			continue
		}
		got.status, got.known, got.head = a.StatusCode, a.ContentLength >= 0, method == "HEAD"
		if a.StatusCode == 101 {
			io.Copy(io.Discard, r)
			return got
		}
		if a.Header.Get("Content-Type") == "text/event-stream" {
			h.topic(path).Close()
		}
		_, err = io.Copy(io.Discard, a.Body)
		got.cut = err != nil
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d: the end does not come", path, a.StatusCode)
		}
		break
	}
	got.next = h.next(t, r, path)
	return got
}

// next reads the answer to the second request, or the end.
func (h *hooks) next(t *testing.T, r *bufio.Reader, path string) bool {
	t.Helper()
	if _, err := r.Peek(1); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: neither a next answer nor the end comes", path)
		}
		return false
	}
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Errorf("%s: out of step: %v", path, err)
		return false
	}
	b, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != 200 || string(b) != "still in sync" {
		t.Errorf("%s: out of step: %d %.100q %v", path, a.StatusCode, b, err)
	}
	return true
}

// pardons reports whether the error page answers a failure with a good status, which it may.
func pardons(path string) bool {
	name, ok := strings.CutPrefix(path, "/page/error/")
	switch name {
	case "text", "data", "json", "render", "redirect", "none", "http", "subscribe", "blocking",
		"httpmiddleware":
		return ok
	}
	return false
}

// check compares what a client got with what an observer was told.
func (h *hooks) check(t *testing.T, path string, got onWire) {
	t.Helper()
	var told []string
	end := time.Now().Add(10 * time.Second)
	for ; len(told) == 0 && time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		told = h.outcome(path)
	}
	if len(told) != 1 {
		t.Errorf("%s: observed %q", path, told)
		return
	}
	status, failed := 0, false
	fmt.Sscan(told[0], &status)
	failed = strings.HasSuffix(told[0], "failed")
	switch {
	case got.status == 0 && status != 499:
		t.Errorf("%s: no answer, but %q in the log", path, told[0])
	case got.status != 0 && got.status != status:
		t.Errorf("%s: %d on the wire, %q in the log", path, got.status, told[0])
	case got.head:
	case failed && got.status < 400 && got.status != 101 && !got.cut &&
		(got.next || !got.known) && !pardons(path):
		t.Errorf("%s: %+v looks complete, %q in the log", path, got, told[0])
	}
	if left, ends := h.subscribed(path); left != 0 || ends > 1 {
		t.Errorf("%s: %d subscribers, %d ends", path, left, ends)
	}
}

// TestHooksOnServer: whatever is done wherever, a request gets one final head or none, an observer
// is told what the client got, a failure does not look like a success, and the connection is in
// step or closed.
func TestHooksOnServer(t *testing.T) {
	t.Parallel()
	h := newHooks(t)
	s := lwantest.Start(t, h.srv)
	eachCase(func(path string) {
		h.check(t, path, h.converse(t, strings.TrimPrefix(s.URL, "http://"), path))
	})
}

// TestHooksOnGoroutines is the same for handlers that run as Blocking.
func TestHooksOnGoroutines(t *testing.T) {
	t.Parallel()
	h := newHooks(t, lwan.Blocking)
	s := lwantest.Start(t, h.srv)
	eachCase(func(path string) {
		h.check(t, path, h.converse(t, strings.TrimPrefix(s.URL, "http://"), path))
	})
}

// TestHooksOnToHTTP is the same under a server of net/http.
func TestHooksOnToHTTP(t *testing.T) {
	t.Parallel()
	h := newHooks(t)
	s := httptest.NewUnstartedServer(lwan.ToHTTP(lwantest.Build(t, h.srv)))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	defer s.Close()
	eachCase(func(path string) {
		h.check(t, path, h.converse(t, s.Listener.Addr().String(), path))
	})
}

// TestHooksInMemory is the same for what a test gets to see.
func TestHooksInMemory(t *testing.T) {
	t.Parallel()
	h := newHooks(t)
	handler := lwantest.Build(t, h.srv)
	eachCase(func(path string) {
		r := httptest.NewRequest("GET", path, nil)
		if strings.Contains(path, "/subscribe") {
			h.topic(path).Close()
		}
		got := lwantest.Do(t, handler, r)
		h.check(t, path, onWire{
			status: got.Status, cut: got.Cut, known: got.Header.Get("Content-Length") != "",
		})
	})
}

// TestHooksForHead is TestHooksOnServer for answers without content.
func TestHooksForHead(t *testing.T) {
	t.Parallel()
	h := newHooks(t)
	s := lwantest.Start(t, h.srv)
	eachCase(func(path string) {
		h.check(t, path, h.converseBy(t, strings.TrimPrefix(s.URL, "http://"), "HEAD", path))
	})
}

// TestHooksForHeadOnToHTTP is the same under a server of net/http.
func TestHooksForHeadOnToHTTP(t *testing.T) {
	t.Parallel()
	h := newHooks(t)
	s := httptest.NewUnstartedServer(lwan.ToHTTP(lwantest.Build(t, h.srv)))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	defer s.Close()
	eachCase(func(path string) {
		h.check(t, path, h.converseBy(t, s.Listener.Addr().String(), "HEAD", path))
	})
}

// TestHooksInLayer is TestHooksOnServer, and that for HEAD, inside of middleware of net/http.
func TestHooksInLayer(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD"} {
		h := newHooks(t,
			lwan.FromHTTPMiddleware(func(next http.Handler) http.Handler {
				return http.HandlerFunc(next.ServeHTTP)
			}))
		s := lwantest.Start(t, h.srv)
		eachCase(func(path string) {
			h.check(t, path, h.converseBy(t, strings.TrimPrefix(s.URL, "http://"), method, path))
		})
	}
}
