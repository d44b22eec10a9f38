package lwan_test

import (
	"errors"
	"math"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// show answers with what a handler sees of a path.
func show(name string) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, strings.Join([]string{name, req.Path(), req.Query("q"), req.Pattern(),
			req.Rest()}, " "))
	}
}

func askFor(t *testing.T, h lwan.Handler, method, target, host, from string) string {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	if from != "" {
		r.Header.Set("From", from)
	}
	got := lwantest.Do(t, h, r)
	return strings.TrimSpace(strconv.Itoa(got.Status) + " " + strings.TrimSuffix(got.Body, "\n"))
}

// TestRewrite: requests are routed by what the functions say, once, in the middleware of the route
// that is found.
func TestRewrite(t *testing.T) {
	srv := &lwan.Server{}
	site := srv.Site("a.test")
	srv.Rewrite(func(req *lwan.Request) (string, error) {
		if req.Path() == "/all" {
			return "/from/server", nil
		}
		return "", nil
	})
	site.Rewrite(func(req *lwan.Request) (string, error) {
		switch rest, ok := strings.CutPrefix(req.Path(), "/old/"); {
		case ok && req.Pattern() == "" && req.Rest() == "":
			return "/new/" + rest, nil
		case req.Path() == "/loop":
			return "/loop", nil // is asked for once
		case req.Path() == "/in":
			return "/admin/x?q=2", nil
		case req.Path() == "/bad":
			return "http://elsewhere/", nil
		case req.Path() == "/error":
			return "", &lwan.Error{Status: 409, Err: errors.New("no")}
		case req.Path() == "/panic":
			panic("no")
		}
		return "", nil
	})
	site.Rewrite(func(req *lwan.Request) (string, error) {
		if req.Path() == "/old/x" {
			return "", errors.New("the first one that says something counts")
		}
		return "", nil
	})
	site.Handle("/", show("site"))
	site.Handle("/internal", show("internal"), lwan.Internal)
	site.Rewrite(func(req *lwan.Request) (string, error) {
		if req.Path() == "/hidden" {
			return "/internal", nil
		}
		return "", nil
	})
	admin := site.Group("/admin", func(lwan.Handler) lwan.Handler {
		return func(*lwan.Request, *lwan.Response) lwan.Status { return 403 }
	})
	admin.Handle("/", show("admin"))
	srv.Handle("/", show("root"))
	h := lwantest.Build(t, srv)
	for _, tt := range []struct{ target, host, want string }{
		{"/x?q=1", "a.test", "200 site /x 1 / x"},
		{"/old/x?q=1", "a.test", "200 site /new/x 1 / new/x"},
		{"/old/a%2fb", "a.test", "200 site /new/a%2Fb  / new/a%2Fb"},
		{"//old/x", "a.test", "307"}, // to the clean path first
		{"/loop", "a.test", "200 site /loop  / loop"},
		{"/in?q=1", "a.test", "403 403 Forbidden"},
		{"/hidden", "a.test", "200 internal /internal  /internal"},
		{"/internal", "a.test", "404 404 Not Found"},
		{"/bad", "a.test", "500 500 Internal Server Error"},
		{"/error", "a.test", "409 409 Conflict"},
		{"/panic", "a.test", "500 500 Internal Server Error"},
		{"/all", "a.test", "200 site /from/server  / from/server"},
		{"/all", "b.test", "200 root /from/server  / from/server"},
		{"/old/x", "b.test", "200 root /old/x  / old/x"},
	} {
		got := askFor(t, h, "GET", tt.target, tt.host, "")
		if got != tt.want && !(tt.want == "307" && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s %s: %q, want %q", tt.host, tt.target, got, tt.want)
		}
	}
}

// TestWhen: tables on a condition are searched first, the innermost ones before those around them.
func TestWhen(t *testing.T) {
	from := func(who string) func(req *lwan.Request) bool {
		return func(req *lwan.Request) bool { return string(req.HeaderBytes("From")) == who }
	}
	srv := &lwan.Server{}
	srv.Use(around("server"))
	joe := srv.When(from("joe"))
	joe.Use(around("joe"))
	joe.Handle("GET /x", show("joe"))
	joe.Handle("BREW /pot", show("joe"))
	joe.Handle("/none", lwan.NotFound)
	joe.Handle("/dir/", show("joe"))
	inner := joe.When(func(req *lwan.Request) bool { return strings.HasPrefix(req.Path(), "/in") })
	module := lwan.Module[string]{Name: "m", Open: func(s *lwan.Scope, name string) error {
		s.Handle("/", show(name))
		return nil
	}}
	inner.MountAt("x:1", "/in", module.With("module"))
	joe.Handle("/in/", show("joe"))
	srv.When(func(*lwan.Request) bool { return true }).Handle("/always", show("always"))
	srv.When(func(req *lwan.Request) bool {
		if req.Path() == "/panic" {
			panic("no")
		}
		return false
	}).Handle("/", show("never"))
	srv.Handle("/", show("root"))
	srv.Handle("/none", show("root"))
	srv.Handle("/again", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return req.Reroute(resp, "/in/other")
	})
	h := lwantest.Build(t, srv)
	for _, tt := range []struct{ ask, from, want string }{
		{"GET /x", "joe", "200 joe /x  GET /x"},
		{"GET /x", "ann", "200 root /x  / x"},
		{"GET /x", "", "200 root /x  / x"},
		{"POST /x", "joe", "405 405 Method Not Allowed"},
		{"GET /y", "joe", "200 root /y  / y"},
		{"GET /none", "joe", "200 root /none  /none"},
		{"GET /in/y", "joe", "200 module /in/y  /in/ y"},
		{"GET /in/y", "ann", "200 root /in/y  / in/y"},
		{"GET /always", "ann", "200 always /always  /always"},
		{"GET /again", "joe", "200 module /in/other  /in/ other"},
		{"GET /again", "ann", "200 root /in/other  / in/other"},
		{"GET /panic", "ann", "500 500 Internal Server Error"},
		{"BREW /pot", "joe", "200 joe /pot  BREW /pot"},
	} {
		method, target, _ := strings.Cut(tt.ask, " ")
		if got := askFor(t, h, method, target, "a.test", tt.from); got != tt.want {
			t.Errorf("%s from %q: %q, want %q", tt.ask, tt.from, got, tt.want)
		}
	}
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header.Set("From", "joe")
	if got := lwantest.Do(t, h, r).Header["Around"]; strings.Join(got, ",") != "server,joe" {
		t.Errorf("middleware: %q", got)
	}
}

// TestWhenIsRefused: where tables on conditions and functions cannot be.
func TestWhenIsRefused(t *testing.T) {
	always := func(*lwan.Request) bool { return true }
	never := func(*lwan.Request) (string, error) { return "", nil }
	for name, wrong := range map[string]func(srv *lwan.Server){
		"a group":      func(srv *lwan.Server) { srv.Group("/g").When(always) },
		"no condition": func(srv *lwan.Server) { srv.When(nil) },
		"rewrite, group": func(srv *lwan.Server) {
			srv.Group("/g").Rewrite(never)
		},
		"rewrite, none": func(srv *lwan.Server) { srv.Rewrite(nil) },
		"rewrite, when": func(srv *lwan.Server) {
			srv.When(always).Rewrite(never)
		},
		"a mistake inside": func(srv *lwan.Server) {
			srv.When(always).Handle("/{", show(""))
		},
	} {
		srv := &lwan.Server{}
		srv.Handle("/", show(""))
		wrong(srv)
		if _, err := srv.Build(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestConditionsCostNothing: a request of a table with conditions and rewrites allocates nothing
// for them.
func TestConditionsCostNothing(t *testing.T) {
	plain, asked := &lwan.Server{}, &lwan.Server{}
	for range 10 {
		asked.When(func(req *lwan.Request) bool { return len(req.HeaderBytes("From")) > 0 }).
			Handle("/", show(""))
	}
	asked.Rewrite(func(req *lwan.Request) (string, error) {
		if string(req.PathBytes()) == "/y" {
			return "/z", nil
		}
		return "", nil
	})
	var counts [2]float64
	for i, srv := range []*lwan.Server{plain, asked} {
		srv.Handle("/", func(*lwan.Request, *lwan.Response) lwan.Status { return 204 })
		h := lwantest.Build(t, srv)
		r := httptest.NewRequest("GET", "/x", nil)
		lwantest.Do(t, h, r)
		counts[i] = math.Inf(1)
		for range 10 { // a pool is empty now and then
			few := testing.AllocsPerRun(50, func() { lwantest.Do(t, h, r) })
			counts[i] = min(counts[i], few)
		}
	}
	if counts[1] > counts[0] {
		t.Errorf("%.1f allocations, %.1f without", counts[1], counts[0])
	}
}
