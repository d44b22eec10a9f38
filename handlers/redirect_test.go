package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestRedirect(t *testing.T) {
	for _, tt := range []struct{ to, target, want string }{
		{"/new/", "/old", "/new/"},
		{"/new", "/old", "/new"},
		{"/new", "/old?b=c", "/new?b=c"},
		{"https://example.com", "/old", "https://example.com"},
		{"/new", "/old/", "/new/"},
		{"/new/", "/old/", "/new/"},
		{"/new/", "/old/a", "/new/a"},
		{"/new", "/old/a", "/new/a"},
		{"/", "/old/a/b/", "/a/b/"},
		{"https://example.com", "/old/a", "https://example.com/a"},
		{"https://example.com/x/", "/old/a?b=c", "https://example.com/x/a?b=c"},
		{"https://example.com", "/old/.evil.org", "https://example.com/.evil.org"},
		{"https://example.com", "/old/@evil.org", "https://example.com/@evil.org"},
		{"/", "/old/%5Cevil.org", "/%5Cevil.org"},
		{"/", "/old/%2Fevil.org", "/%2Fevil.org"},
		{"/new/", "/old/a%3Fb%23c?d=%26", "/new/a%3Fb%23c?d=%26"},
		{"/new/", "/old/100%25", "/new/100%25"},
		{"/new/", "/old/a%2Fb/c", "/new/a%2Fb/c"},
		{"/new/", "/old/a%252Fb/c", "/new/a%252Fb/c"}, // decoded once
		{"/new/", "/old/%252F%2F%25252F", "/new/%252F%2F%25252F"},
		{"/new/", "/old/%252e%252e/a", "/new/%252e%252e/a"},
		{"/", "/old/%252Fevil.org", "/%252Fevil.org"},
		{"/", "/old/%2F%2Fevil.org", "/%2F%2Fevil.org"},
		{"/new/", "/old/a;b,c=d&e@f:g!$'()*+~", "/new/a;b,c=d&e@f:g!$'()*+~"},
		{"/new/", "/old/%C3%A4%20%22%0d%0a", "/new/%C3%A4%20%22%0D%0A"},
		{"/new/", "/old/a?", "/new/a?"},
		{"/ä", "/old/a", "/%C3%A4/a"},
	} {
		t.Run(tt.to+" "+tt.target, func(t *testing.T) {
			srv := &lwan.Server{}
			srv.Mount("/old", handlers.Redirect.With(handlers.RedirectConfig{To: tt.to}))
			got := lwantest.Get(t, lwantest.Build(t, srv), tt.target)
			if got.Status != 307 || got.Header.Get("Location") != tt.want {
				t.Errorf("%d %q", got.Status, got.Header)
			}
		})
	}
}

// TestFixedRedirect: what is left of the path, or the query, can be left out.
func TestFixedRedirect(t *testing.T) {
	for _, tt := range []struct {
		config       handlers.RedirectConfig
		target, want string
	}{
		{handlers.RedirectConfig{To: "/new", Fixed: true}, "/old", "/new"},
		{handlers.RedirectConfig{To: "/new", Fixed: true}, "/old/a?b", "/new?b"},
		{handlers.RedirectConfig{To: "/new", DropQuery: true}, "/old/a?b", "/new/a"},
		{
			handlers.RedirectConfig{To: "/new?x#y", Fixed: true, DropQuery: true},
			"/old/a?b", "/new?x#y",
		},
	} {
		srv := &lwan.Server{}
		srv.Mount("/old", handlers.Redirect.With(tt.config))
		got := lwantest.Get(t, lwantest.Build(t, srv), tt.target)
		if to := got.Header.Get("Location"); to != tt.want {
			t.Errorf("%+v of %s: %s, want %s", tt.config, tt.target, to, tt.want)
		}
	}
}

// A client follows, method and query included.
func TestRedirectOfServer(t *testing.T) {
	srv := &lwan.Server{}
	srv.Mount("/old", handlers.Redirect.With(handlers.RedirectConfig{To: "/new", Code: 308}))
	srv.Handle("PUT /new/{path...}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Param("path")+"?"+req.Query("q"))
	})
	s := lwantest.Start(t, srv)
	r, err := http.NewRequest("PUT", s.URL+"/old/a%20b?q=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 || resp.Request.URL.RequestURI() != "/new/a%20b?q=1" {
		t.Errorf("%s %s", resp.Status, resp.Request.URL)
	}
}

func TestRedirectConfig(t *testing.T) {
	for _, code := range []lwan.Status{301, 302, 303, 307, 308} {
		srv := &lwan.Server{}
		srv.Mount("/", handlers.Redirect.With(handlers.RedirectConfig{To: "/new", Code: code}))
		if got := lwantest.Get(t, lwantest.Build(t, srv), "/a"); got.Status != int(code) {
			t.Errorf("%d: %+v", code, got)
		}
	}
	for _, tt := range []struct {
		config handlers.RedirectConfig
		field  string
	}{
		{handlers.RedirectConfig{}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "new"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "//example.com/"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "javascript:alert(1)"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "https:example.com"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "https://"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new?a=b"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new?"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new?a", Fixed: true}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new?a", DropQuery: true}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new#a"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new\r\nX: y"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/%zz"}, "RedirectConfig.To"},
		{handlers.RedirectConfig{To: "/new", Code: 304}, "RedirectConfig.Code"},
		{handlers.RedirectConfig{To: "/new", Code: 200}, "RedirectConfig.Code"},
	} {
		mustNotStart(t, handlers.Redirect.With(tt.config), "redirect", tt.field)
	}
}

// mustNotStart fails t unless a server with that module refuses to start, with an error that
// contains all of words.
func mustNotStart(t *testing.T, m lwan.Mountable, words ...string) {
	t.Helper()
	srv := &lwan.Server{}
	srv.Mount("/x", m)
	_, err := srv.Build()
	if err == nil {
		t.Errorf("%v: it starts", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not named: %v", w, err)
		}
	}
}
