package handlers_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func ExampleSecurityHeaders() {
	t := new(testing.B)
	secure, err := handlers.SecurityHeaders(handlers.SecurityHeadersConfig{
		ResourcePolicy: "cross-origin", OpenerPolicy: "off",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &lwan.Server{}
	srv.Use(secure)
	got := lwantest.Get(t, lwantest.Build(t, srv), "/none")
	for _, name := range []string{
		"X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy",
	} {
		fmt.Printf("%s: %q\n", name, got.Header.Get(name))
	}
	// Output:
	// X-Content-Type-Options: "nosniff"
	// Cross-Origin-Resource-Policy: "cross-origin"
	// Cross-Origin-Opener-Policy: ""
}

// TestSecurityHeaders: the defaults are on every answer, and a page's own field stays.
func TestSecurityHeaders(t *testing.T) {
	secure, err := handlers.SecurityHeaders(handlers.SecurityHeadersConfig{})
	if err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{}
	srv.Use(secure)
	srv.Handle("GET /own", page(200, "x", "Content-Security-Policy", "default-src 'none'"))
	srv.Handle("GET /dies", func(*lwan.Request, *lwan.Response) lwan.Status { panic("x") })
	h := lwantest.Build(t, srv)
	for path, csp := range map[string]string{
		"/own": "default-src 'none'", "/dies": "default-src 'self'; base-uri 'self'; " +
			"form-action 'self'; frame-ancestors 'none'; object-src 'none'",
	} {
		got := lwantest.Do(t, h, httptest.NewRequest("GET", path, nil)).Header
		for name, want := range map[string]string{
			"Content-Security-Policy": csp, "X-Frame-Options": "DENY",
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "strict-origin-when-cross-origin",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "",
		} {
			if v := got.Get(name); v != want || len(got[name]) > 1 {
				t.Errorf("%s: %s is %q, want %q", path, name, got[name], want)
			}
		}
	}
	c := handlers.SecurityHeadersConfig{ReferrerPolicy: "a\nb"}
	if _, err := handlers.SecurityHeaders(c); err == nil {
		t.Error("a line break is taken")
	}
}
