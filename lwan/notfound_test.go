package lwan_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestNotFoundAsRoute: a catch-all route that says that there is nothing is none. 405 and OPTIONS
// stay what they are without it (RFC 9110 sections 15.5.6 and 9.3.7), in the chain of the route
// that is there for other methods.
func TestNotFoundAsRoute(t *testing.T) {
	says := func(s string) lwan.Handler {
		return func(req *lwan.Request, resp *lwan.Response) lwan.Status { return resp.Text(200, s) }
	}
	mark := func(name string) lwan.Middleware {
		return func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				resp.AddHeader("X-In", name)
				resp.SetHeader("X-Param", req.Param("id")+req.Rest())
				return next(req, resp)
			}
		}
	}
	srv := &lwan.Server{}
	api := srv.Group("/api", mark("api"))
	api.Handle("GET /items/{id}", says("item"), mark("item"))
	api.Handle("DELETE /items/{id}", says("deleted"))
	api.Handle("POST /items", says("made"))
	api.Handle("/any", says("any"))
	api.Handle("GET /tree/", says("tree"))
	api.Handle("/gone/{id}", lwan.NotFound)
	api.Handle("PUT /gone/{id}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return lwan.NotFound(req, resp)
	})
	api.Handle("/", lwan.NotFound)
	srv.Handle("/{path...}", says("site"))
	h := lwantest.Build(t, srv)
	for _, tt := range []struct {
		method, target string
		status         int
		allow, in, par string
	}{
		{"GET", "/api/items/1", 200, "", "api item", "1"},
		{"HEAD", "/api/items/1", 200, "", "api item", "1"},
		{"POST", "/api/items/1", 405, "DELETE, GET, HEAD", "api item", ""},
		{"OPTIONS", "/api/items/1", 204, "DELETE, GET, HEAD, OPTIONS", "api item", ""},
		{"GET", "/api/items", 405, "POST", "api", ""},
		{"OPTIONS", "/api/items", 204, "POST, OPTIONS", "api", ""},
		{"PUT", "/api/any", 200, "", "api", ""},
		{"POST", "/api/tree/x", 405, "GET, HEAD", "api", ""},
		{"GET", "/api/tree", 307, "", "api", ""},
		{"GET", "/api/none", 404, "", "api", "none"},
		{"OPTIONS", "/api/none", 404, "", "api", "none"},
		{"DELETE", "/api/", 404, "", "api", ""},
		{"GET", "/api/gone/1", 405, "PUT", "api", ""},
		{"PUT", "/api/gone/1", 404, "", "api", "1"}, // a handler's own answer
		{"GET", "/api//none", 307, "", "api", ""},
		{"POST", "/else", 200, "", "", ""},
	} {
		got := lwantest.Do(t, h, httptest.NewRequest(tt.method, tt.target, nil))
		in := strings.Join(got.Header.Values("X-In"), " ")
		if got.Status != tt.status || got.Header.Get("Allow") != tt.allow || in != tt.in {
			t.Errorf("%s %s: %d, Allow %q, in %q; want %d, %q, %q", tt.method, tt.target,
				got.Status, got.Header.Get("Allow"), in, tt.status, tt.allow, tt.in)
		}
		if p := got.Header.Get("X-Param"); p != tt.par && tt.status != 307 {
			t.Errorf("%s %s: parameters %q, want %q", tt.method, tt.target, p, tt.par)
		}
	}
}
