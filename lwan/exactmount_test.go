package lwan_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestExactPathOfModule: a module says whether it answers at its prefix, at the prefix with a
// slash, below it, or at several of these; and so does a group.
func TestExactPathOfModule(t *testing.T) {
	type pattern = string
	says := func(p pattern) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status { return resp.Text(200, p) }
	}
	module := lwan.Module[[]pattern]{Name: "exact",
		Open: func(s *lwan.Scope, patterns []pattern) error {
			for _, p := range patterns {
				s.Handle(p, says(p))
			}
			return nil
		}}
	for _, tt := range []struct {
		at       string
		patterns []pattern
		ask      string // "METHOD target"
		status   int
		want     string // the pattern that answers, or Location, or Allow
	}{
		{"/health", []pattern{""}, "GET /health", 200, ""},
		{"/health", []pattern{""}, "POST /health?x", 200, ""},
		{"/health", []pattern{""}, "GET /health/", 404, ""},
		{"/health", []pattern{""}, "GET /health/x", 404, ""},
		{"/health", []pattern{"/"}, "GET /health", 307, "/health/"},
		{"/health", []pattern{"/{$}"}, "GET /health", 307, "/health/"},
		{"/health", []pattern{"/"}, "GET /health/", 200, "/"},
		{"/health", []pattern{"", "/"}, "GET /health", 200, ""},
		{"/health", []pattern{"", "/"}, "GET /health/", 200, "/"},
		{"/health", []pattern{"", "/"}, "GET /health/x", 200, "/"},
		{"/health", []pattern{"", "/{$}"}, "GET /health/", 200, "/{$}"},
		{"/health", []pattern{"", "/{$}"}, "GET /health/x", 404, ""},
		{"/health", []pattern{"GET "}, "GET /health", 200, "GET "},
		{"/health", []pattern{"GET "}, "HEAD /health", 200, ""},
		{"/health", []pattern{"GET "}, "POST /health", 405, "GET, HEAD"},
		{"/health", []pattern{"GET ", "POST  "}, "POST /health", 200, "POST  "},
		{"/health", []pattern{"GET ", "POST /"}, "GET /health/", 405, "POST"},
		{"/health/", []pattern{"", "/x"}, "GET /health", 200, ""},
		{"/users/{id}", []pattern{"GET "}, "GET /users/7", 200, "GET "},
		{"/", []pattern{"", "/"}, "GET /", 200, ""},
		{"/", []pattern{"", "/"}, "GET /x", 200, "/"},
		{"", []pattern{"GET "}, "GET /", 200, "GET "},
		{"", []pattern{"GET "}, "GET /x", 404, ""},
		{"example.com", []pattern{"", "/"}, "GET /", 200, ""},
		{"example.com/health", []pattern{""}, "GET /health", 200, ""},
	} {
		mounted, grouped := &lwan.Server{}, &lwan.Server{}
		mounted.Mount(tt.at, module.With(tt.patterns))
		group := grouped.Group(tt.at)
		for _, p := range tt.patterns {
			group.Handle(p, says(p))
		}
		for _, srv := range []*lwan.Server{mounted, grouped} {
			method, target, _ := strings.Cut(tt.ask, " ")
			got := lwantest.Do(t, lwantest.Build(t, srv), httptest.NewRequest(method, target, nil))
			have := got.Body
			switch got.Status {
			case 307:
				have = got.Header.Get("Location")
			case 405:
				have = got.Header.Get("Allow")
			case 404:
				have = ""
			}
			if got.Status != tt.status || have != tt.want {
				t.Errorf("%q at %q, %s: %d %q, want %d %q",
					tt.patterns, tt.at, tt.ask, got.Status, have, tt.status, tt.want)
			}
		}
	}
}
