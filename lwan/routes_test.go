//go:build linux

package lwan

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestRegistrationErrors: all of them at once, each with its place; a conflict names both.
func TestRegistrationErrors(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /a/{x}", text(""))
	srv.Handle("GET /a/{y}", text(""))
	srv.Handle("GET /b/{", text(""))
	srv.Handle("GET /nil", nil)
	srv.Handle("GET /mw", text(""), nil)
	srv.Use(nil)
	srv.Group("bad prefix")
	srv.Group("host.example/api").Handle("GET other.example/x", text(""))
	srv.Mount("/m", nil)
	_, err := srv.Build()
	if err == nil {
		t.Fatal("no error")
	}
	here := "routes_test.go:"
	for _, want := range []string{
		"/a/{x}", "/a/{y}", "/b/{", `"GET /nil"`, `"GET /mw"`, "Use:", `"bad prefix"`,
		"both the pattern and its group", `mount "/m"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in\n%v", want, err)
		}
	}
	for line := range strings.Lines(err.Error()) {
		if n := strings.Count(line, here); strings.Contains(line, "/a/{y}") && n == 0 {
			t.Errorf("no place: %s", line)
		}
	}
	if n := strings.Count(err.Error(), here); n < 9 {
		t.Errorf("%d places in\n%v", n, err)
	}
	for _, start := range []func() error{
		srv.ListenAndServe, func() error { _, err := srv.Build(); return err },
	} {
		if err := start(); !errors.Is(err, errNotNew) {
			t.Errorf("after a failure: %v", err)
		}
	}
}

// TestTooLate: what is registered after the start is not dropped in silence.
func TestTooLate(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", text(""))
	if _, err := srv.Build(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.Handle("GET /late", text(""))
	srv.Use(func(next Handler) Handler { return next })
	if n := len(srv.errs); n != 2 {
		t.Errorf("%d errors are kept", n)
	}
	if got := slices.Collect(srv.List()); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// TestChains: middleware of the server, of groups and of the route, outermost first, whatever the
// order of calls; for answers that no handler gives too.
func TestChains(t *testing.T) {
	tag := func(name string) Middleware {
		return func(next Handler) Handler {
			return func(req *Request, resp *Response) Status {
				resp.AddHeader("X-In", name)
				return next(req, resp)
			}
		}
	}
	srv := &Server{}
	api := srv.Group("/api", tag("api"))
	v1 := api.Group("/v1/", tag("v1"))
	v1.Handle("GET /x", text("x"), tag("route1"), tag("route2"))
	v1.Handle("GET /tree/", text("tree"))
	srv.Handle("GET /top", text("top"))
	plain := srv.Group("", tag("plain"))
	plain.Handle("GET /plain", text("plain"))
	api.Use(tag("api2"))
	srv.Use(tag("root")) // after Handle: it counts all the same
	addr := serveTest(t, srv)
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/v1/x", 200, "[root api api2 v1 route1 route2]"},
		{"POST", "/api/v1/x", 405, "[root api api2 v1 route1 route2]"},
		{"OPTIONS", "/api/v1/x", 204, "[root api api2 v1 route1 route2]"},
		{"GET", "/api/v1/tree", 307, "[root api api2 v1]"},
		{"GET", "/top", 200, "[root]"},
		{"GET", "/plain", 200, "[root plain]"},
		{"GET", "/api/none", 404, "[root]"},
	} {
		a := once(t, addr, c.method, c.method+" "+c.path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if got := fmt.Sprint(a.header.Values("X-In")); a.status != c.status || got != c.want {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, a.status, got, c.status, c.want)
		}
	}
}

// TestModules open in order, close in reverse order, and see where they are.
func TestModules(t *testing.T) {
	var trace []string
	type config struct{ Name string }
	module := Module[config]{Name: "mod", Open: func(s *Scope, c config) error {
		trace = append(trace, "open "+c.Name+" "+s.Prefix())
		s.OnClose(func() error { trace = append(trace, "close "+c.Name); return nil })
		s.Handle("GET /", func(req *Request, resp *Response) Status {
			return resp.Text(200, c.Name+":"+req.Rest())
		})
		if c.Name == "outer" {
			s.Mount("/inner", Module[config]{Name: "nested", Open: func(s *Scope, c config) error {
				trace = append(trace, "nested "+s.Prefix())
				s.Handle("GET /{$}", text("nested"))
				return nil
			}}.With(config{}))
		}
		return nil
	}}
	srv := &Server{}
	srv.Register(module)
	srv.Mount("/a", module.With(config{"outer"}))
	srv.Group("/g").Mount("/b", module.With(config{"second"}))
	srv.MountNamed("/c", "mod", func(into any) error { into.(*config).Name = "named"; return nil })
	srv.OnClose(func() error { trace = append(trace, "close server"); return nil })
	addr := serveTest(t, srv)
	for path, want := range map[string]string{
		"/a/x": "outer:x", "/g/b/y": "second:y", "/c/": "named:", "/a/inner/": "nested",
	} {
		if a := get(t, addr, path); a.status != 200 || a.body != want {
			t.Errorf("%s: %v", path, a)
		}
	}
	var list []string
	for r := range srv.List() {
		list = append(list, r.Module+" "+r.Pattern)
		if !strings.Contains(r.Source, "routes_test.go:") {
			t.Errorf("%+v", r)
		}
	}
	got := fmt.Sprint(list)
	if got != "[mod GET /a/ mod GET /g/b/ mod GET /c/ nested GET /a/inner/{$}]" {
		t.Error(got)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	want := "[open outer /a open second /g/b open named /c nested /a/inner close named close " +
		"second close outer close server]"
	if got := fmt.Sprint(trace); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestModuleThatFails: those before it are closed, the server does not start, and the error says
// which and where.
func TestModuleThatFails(t *testing.T) {
	open := func(name string, fail func() error, trace *[]string) Mountable {
		return Module[struct{}]{Name: name, Open: func(s *Scope, _ struct{}) error {
			s.OnClose(func() error { *trace = append(*trace, name); return nil })
			return fail()
		}}.With(struct{}{})
	}
	good := func() error { return nil }
	for how, fail := range map[string]func() error{
		"error": func() error { return errSecret }, "panic": func() error { panic(errSecret) },
	} {
		var trace []string
		srv := &Server{}
		srv.Mount("/one", open("one", good, &trace))
		srv.Mount("/two", open("two", good, &trace))
		srv.Mount("/bad", open("bad", fail, &trace))
		srv.Mount("/never", open("never", good, &trace))
		err := srv.ListenAndServe()
		if err == nil || !strings.Contains(err.Error(), `module "bad" at /bad`) ||
			!strings.Contains(err.Error(), "routes_test.go:") ||
			!strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", how, err)
		}
		if how == "error" && !errors.Is(err, errSecret) {
			t.Errorf("%s is not wrapped: %v", how, err)
		}
		if got := fmt.Sprint(trace); got != "[bad two one]" {
			t.Errorf("%s: closed %s", how, got)
		}
	}
}

// TestMountNamedErrors: an unknown name, and a configuration that cannot be read.
func TestMountNamedErrors(t *testing.T) {
	m := Module[int]{Name: "known", Open: func(*Scope, int) error { return nil }}
	for want, mount := range map[string]func(*Server){
		`there are ["known"]`: func(s *Server) { s.MountNamed("/x", "unknown", nil) },
		"configuration: secret": func(s *Server) {
			s.MountNamed("/x", "known", func(any) error {
				return errSecret
			})
		},
		"no Open function": func(s *Server) { s.Mount("/x", Module[int]{Name: "hollow"}.With(1)) },
		"io: read/write on closed pipe": func(s *Server) {
			s.OnClose(func() error { return io.ErrClosedPipe })
			s.MountNamed("/x", "unknown", nil)
		},
	} {
		srv := &Server{}
		srv.Register(m)
		mount(srv)
		_, err := srv.Build()
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "routes_test.go:") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
