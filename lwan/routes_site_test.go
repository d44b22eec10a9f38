package lwan_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// named answers with a name, and around is middleware that says that it was there.
func named(name string) lwan.Handler {
	return func(req *lwan.Request, resp *lwan.Response) lwan.Status { return resp.Text(200, name) }
}

func around(name string) lwan.Middleware {
	return func(next lwan.Handler) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.AddHeader("Around", name)
			return next(req, resp)
		}
	}
}

// TestSites: a host finds its site and nothing of others, with middleware of the server outside.
func TestSites(t *testing.T) {
	srv := &lwan.Server{}
	srv.Use(around("server"))
	srv.Handle("/root", named("root"))
	add := func(name string, hosts ...string) *lwan.Routes {
		r := srv.Site(hosts...)
		r.Use(around(name))
		r.Handle("GET /x", named(name))
		r.Handle("POST /post", named(name))
		return r
	}
	add("exact", "example.com", "www.Example.com")
	add("star", "*.example.com")
	add("deep", "*.a.example.com")
	add("address", "[::1]")
	module := lwan.Module[string]{Name: "m", Open: func(s *lwan.Scope, name string) error {
		s.Handle("", named(name))
		return nil
	}}
	other := add("other")
	other.MountAt("a.conf:7:3", "/mounted", module.With("mounted"), around("mw"))

	h := lwantest.Build(t, srv)
	for _, tt := range []struct{ ask, host, want string }{
		{"GET /x", "example.com", "200 exact server,exact"},
		{"GET /x", "EXAMPLE.com:8080", "200 exact server,exact"},
		{"GET /x", "example.com.", "200 exact server,exact"},
		{"GET /x", "www.example.com", "200 exact server,exact"},
		{"GET /x", "b.example.com", "200 star server,star"},
		{"GET /x", "b.c.example.com", "200 star server,star"},
		{"GET /x", "b.a.example.com", "200 deep server,deep"},
		{"GET /x", "a.example.com", "200 star server,star"},
		{"GET /x", ".example.com", "200 other server,other"},
		{"GET /x", "*.example.com", "200 star server,star"},
		{"GET /x", "notexample.com", "200 other server,other"},
		{"GET /x", "[::1]:80", "200 address server,address"},
		{"GET /x", strings.Repeat("a", 300) + ".example.com", "200 other server,other"},
		{"GET /mounted", "nobody", "200 mounted server,other,mw"},
		{"GET /mounted", "example.com", "404  server,exact"},
		{"GET /root", "nobody", "404  server,other"},
		{"GET /post", "example.com", "405  server,exact"},
	} {
		method, target, _ := strings.Cut(tt.ask, " ")
		r := httptest.NewRequest(method, target, nil)
		r.Host = tt.host
		r.Header.Set("Accept", "text/none")
		got := lwantest.Do(t, h, r)
		body := got.Body
		if got.Status != 200 {
			body = ""
		}
		if line := strings.Join([]string{
			strconv.Itoa(int(got.Status)), body, strings.Join(got.Header.Values("Around"), ","),
		}, " "); line != tt.want {
			t.Errorf("%s of %s: %q, want %q", tt.ask, tt.host, line, tt.want)
		}
	}
}

// TestSiteOfOthers: without a site for all other hosts the server's own table counts.
func TestSiteOfOthers(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("/x", named("own"))
	srv.Site("example.com").Handle("/x", named("site"))
	h := lwantest.Build(t, srv)
	for host, want := range map[string]string{"example.com": "site", "": "own", "other": "own"} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Host = host
		if got := lwantest.Do(t, h, r); got.Body != want {
			t.Errorf("%q: %q, want %q", host, got.Body, want)
		}
	}
}

// TestWrongSites: mistakes come out of Build, with the place of the call.
func TestWrongSites(t *testing.T) {
	broken := lwan.Module[int]{
		Name: "broken", Open: func(*lwan.Scope, int) error { return lwan.ErrGone },
	}
	for want, wrong := range map[string]func(s *lwan.Server){
		`two sites for "A."`:    func(s *lwan.Server) { s.Site("a"); s.Site("A.") },
		`two sites for ""`:      func(s *lwan.Server) { s.Site(); s.Site() },
		`"a/b" is no host`:      func(s *lwan.Server) { s.Site("a/b") },
		`"*.*.a" is no host`:    func(s *lwan.Server) { s.Site("*.*.a") },
		`"a*" is no host`:       func(s *lwan.Server) { s.Site("a*") },
		`Site: this is a group`: func(s *lwan.Server) { s.Group("/a").Site("b") },
		`or a site`:             func(s *lwan.Server) { s.Site("a").Site("b") },
		`route ""`:              func(s *lwan.Server) { s.Site("a").Handle("", nil) },
		`"/y"`: func(s *lwan.Server) {
			r := s.Site("a")
			r.Handle("/y", named(""))
			r.Handle("/y", named(""))
		},
		`x.conf:1:2: module "br`: func(s *lwan.Server) {
			s.Site("a").MountAt("x.conf:1:2", "/", broken.With(0))
		},
	} {
		srv := &lwan.Server{}
		wrong(srv)
		_, err := srv.Build()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestModuleByType: what a program that reads configurations asks of a module.
func TestModuleByType(t *testing.T) {
	type config struct{ Name string }
	var opened config
	var m lwan.AnyModule = lwan.Module[config]{Name: "m",
		Open: func(_ *lwan.Scope, c config) error {
			opened = c
			return nil
		}}
	if m.ModuleName() != "m" || m.ConfigType().Name() != "config" {
		t.Errorf("%s of %s", m.ModuleName(), m.ConfigType())
	}
	bound, err := m.Bind(func(into any) error { into.(*config).Name = "x"; return nil })
	if err != nil || opened.Name != "" {
		t.Fatalf("%v, %+v is open already", err, opened)
	}
	srv := &lwan.Server{}
	srv.MountAt("here", "/", bound)
	lwantest.Build(t, srv)
	if opened.Name != "x" {
		t.Errorf("opened with %+v", opened)
	}
	if _, err := m.Bind(func(any) error { return lwan.ErrGone }); err == nil {
		t.Error("an error of decode was lost")
	}
}
