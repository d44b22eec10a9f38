//go:build linux

package lwan

import (
	"strings"
	"testing"
)

// TestMeant: what other routers write, and what is meant as it stands.
func TestMeant(t *testing.T) {
	for pattern, want := range map[string]string{
		"GET /items/:id":            "GET /items/{id}",
		"/items/:id/parts/:part":    "/items/{id}/parts/{part}",
		"GET /items/:id.json":       "GET /items/{id}",
		"GET /static/*":             "GET /static/{path...}",
		"GET /static/*filepath":     "GET /static/{filepath...}",
		"GET /a/*/b":                "GET /a/{path}/b",
		"GET /a/**":                 "GET /a/{path...}",
		"GET /users/<id>":           "GET /users/{id}",
		"GET /users/<int:id>/x":     "GET /users/{id}/x",
		"get /items":                "GET /items",
		"Post /items/:id":           "POST /items/{id}",
		"get\t/items":               "GET /items",
		"GET/items":                 "GET /items",
		"GET example.org/items/:id": "GET example.org/items/{id}",
		"GET /search?q":             "GET /search",

		"GET /items/{id}":    "",
		"GET  /items/{id}":   "",
		"/":                  "",
		"/static/":           "",
		"/{path...}":         "",
		"/{$}":               "",
		"GET /a:b/c*d/<e":    "",
		"GET /:/<>/*1":       "",
		"example.org/a":      "",
		"brew /pot":          "",
		"PROPFIND /dav/":     "",
		"GET /time/12:30":    "",
		"GET /v1/items:sort": "",
	} {
		if got := meant(pattern); got != want {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
	}
}

// TestPatternHints are in the log when the server is built, with the place that registered the
// pattern, of groups too.
func TestPatternHints(t *testing.T) {
	srv := &Server{}
	book := logged(srv)
	srv.Handle("GET /items/:id", text("item"))
	srv.Group("/users/:user").Handle("get /posts", text("posts"))
	srv.Handle("GET /fine/{id}", text("fine"))
	if _, err := srv.Build(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if n := book.lines("did you mean"); n != 2 {
		t.Errorf("%d hints:\n%s", n, book)
	}
	for _, want := range []string{
		`pattern="GET /items/:id" meant="GET /items/{id}" registered=`,
		`meant="GET /users/{user}/posts"`, "routes_hint_test.go:",
	} {
		if !strings.Contains(book.String(), want) {
			t.Errorf("no %s in\n%s", want, book)
		}
	}
}
