package lwan_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestRedirectStaysHere: what a client puts into a path takes nobody to another host.
func TestRedirectStaysHere(t *testing.T) {
	srv := &lwan.Server{}
	srv.Handle("GET /to/{path}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Redirect(303, "/"+req.Param("path"))
	})
	srv.Handle("GET /rest/{path...}", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Redirect(303, "/"+req.Param("path"))
	})
	h := lwantest.Build(t, srv)
	base := &url.URL{Scheme: "http", Host: "here.example", Path: "/to/x"}
	for _, tt := range []struct{ target, location string }{
		{"/to/a", "/a"},
		{"/to/%2Fevil.example", "/.//evil.example"},
		{"/to/%2F%2Fevil.example", "/.///evil.example"},
		{"/to/%5Cevil.example", "/%5Cevil.example"},
		{"/to/%09%2Fevil.example", "/%09/evil.example"},
		{"/to/%0D%0A%2Fevil.example", "/%0D%0A/evil.example"},
		{"/to/%2F%5Cevil.example", "/.//%5Cevil.example"},
		{"/rest/%2Fevil.example/a", "/.//evil.example/a"},
		{"/rest/.%2F%2Fevil.example", "/.//evil.example"},
	} {
		got := lwantest.Do(t, h, httptest.NewRequest("GET", tt.target, nil))
		if l := got.Header.Get("Location"); got.Status != 303 || l != tt.location {
			t.Errorf("%s: %d %q, want %q", tt.target, got.Status, l, tt.location)
		}
		to, err := base.Parse(got.Header.Get("Location"))
		if err != nil || to.Host != base.Host {
			t.Errorf("%s leads to %v (%v)", tt.target, to, err)
		}
		if strings.Contains(got.Body, `"//`) {
			t.Errorf("%s: the page links to another host: %s", tt.target, got.Body)
		}
	}
}
