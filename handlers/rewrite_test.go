package handlers_test

import (
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func luaPattern(t *testing.T, text string) *handlers.LuaPattern {
	t.Helper()
	p, err := handlers.ParseLuaPattern(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRewriter: rules before routing, and those of a module.
func TestRewriter(t *testing.T) {
	re := regexp.MustCompile
	rw, err := handlers.NewRewriter(
		handlers.RewriteRule{Match: re(`^/blog/([0-9]{4})/([^/]+)$`), To: "/articles/$2?year=$1",
			Redirect: 301},
		handlers.RewriteRule{Match: re(`^/p/(.+)$`), To: "/product?id=$1"},
		handlers.RewriteRule{Match: re(`^/f/(.+)$`), To: "/files/$1"},
		handlers.RewriteRule{Lua: luaPattern(t, "^/lua/(%d+)(%a)$"), To: "/files/%2%1%%21"},
		handlers.RewriteRule{Match: re(`^/go(.*)$`), To: "/$1", Redirect: 302},
		handlers.RewriteRule{Match: re(`^/away/(.*)$`), To: "https://b.test/$1", Redirect: 308},
		handlers.RewriteRule{Match: re(`^/when$`), To: "/files/when",
			When: func(req *lwan.Request) bool { return req.Method() == "POST" }},
		handlers.RewriteRule{Match: re(`^/to-admin`), To: "/admin/x"},
		handlers.RewriteRule{Lua: luaPattern(t, "^/slow"+strings.Repeat(".-", 8)+"X"), To: "/x"},
	)
	if err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	srv.Rewrite(rw.Target)
	srv.Use(rw.Redirects)
	show := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.RoutedTarget())
	}
	srv.Handle("/", show)
	srv.Handle("/admin/", show, handlers.Access(handlers.AccessConfig{DenyOthers: true}))
	srv.Mount("/m", handlers.Rewrite.With([]handlers.RewriteRule{
		{Lua: luaPattern(t, "^([a-z]+)$"), To: "/files/%1"},
		{Lua: luaPattern(t, "^admin/"), To: "/admin/x"},
		{Lua: luaPattern(t, "^again1"), To: "/m/again1"},
		{Match: re(`^r/(.*)`), To: "/$1", Redirect: 303},
	}))
	h := lwantest.Build(t, srv)
	for _, tt := range []struct{ ask, want string }{
		{"GET /blog/2024/a%20b", "301 /articles/a%20b?year=2024"},
		{"GET /blog/2024/a%3fb%2fc", "301 /articles/a%3Fb%2Fc?year=2024"},
		{"GET /p/1%262?x=y", "200 /product?id=1%262"},
		{"GET /f/a%3fb?x=y", "200 /files/a%3Fb?x=y"},
		{"GET /lua/12a", "200 /files/a12!"},
		{"GET /go/x", "302 /x"},
		{"GET /go/%2fevil.test", "302 /%2Fevil.test"},
		{"GET /go/%5cevil.test", "302 /%5Cevil.test"},
		{"GET /away/x", "308 https://b.test/x"},
		{"GET /away/@evil.test", "308 https://b.test/@evil.test"},
		{"GET /when", "200 /when"},
		{"POST /when", "200 /files/when"},
		{"GET /to-admin", "403"},
		{"GET /slow" + strings.Repeat("a", 300), "500"},
		{"GET /m/abc?q", "200 /files/abc?q"},
		{"GET /m/admin/", "403"},
		{"GET /m/again1", "500"},
		{"GET /m/r/x", "303 /x"},
		{"GET /m/1", "404"},
	} {
		method, target, _ := strings.Cut(tt.ask, " ")
		got := ask(t, h, method, target)
		if got != tt.want && !(len(tt.want) == 3 && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%.60s: %q, want %q", tt.ask, got, tt.want)
		}
	}
}

// ask is the status, and the place that the client is sent to or the body.
func ask(t *testing.T, h lwan.Handler, method, target string) string {
	t.Helper()
	got := lwantest.Do(t, h, httptest.NewRequest(method, target, nil))
	text := got.Body
	if to := got.Header.Get("Location"); to != "" {
		text = to
	}
	return strings.TrimSpace(strconv.Itoa(int(got.Status)) + " " + text)
}

// TestRewriteRules: what is no rule.
func TestRewriteRules(t *testing.T) {
	re := regexp.MustCompile(`^/(.*)$`)
	for _, rule := range []handlers.RewriteRule{
		{To: "/x"},
		{Match: re, Lua: luaPattern(t, "x"), To: "/x"},
		{Match: re},
		{Match: re, To: "x"},
		{Match: re, To: "//evil/x"},
		{Match: re, To: "/a b"},
		{Match: re, To: "/a#b"},
		{Match: re, To: "https://b.test/"},
		{Match: re, To: "/x", Redirect: 200},
		{Match: re, To: "https://$1/", Redirect: 302},
		{Match: re, To: "https://b.test$1", Redirect: 302},
		{Match: re, To: "javascript:x", Redirect: 302},
		{Lua: luaPattern(t, "x"), To: "https://%1/", Redirect: 302},
	} {
		if _, err := handlers.NewRewriter(rule); err == nil {
			t.Errorf("%+v is taken", rule)
		}
	}
}
