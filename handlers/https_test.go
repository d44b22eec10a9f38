package handlers_test

import (
	"crypto/tls"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestHTTPS(t *testing.T) {
	year := 365 * 24 * time.Hour
	for _, tt := range []struct {
		c      handlers.HTTPSConfig
		host   string
		target string
		tls    bool
		status int
		want   string // Location or Strict-Transport-Security
	}{
		{handlers.HTTPSConfig{}, "example.com", "/a?b", false, 308, "https://example.com/a?b"},
		{handlers.HTTPSConfig{}, "Example.com:8080", "//a/%2f", false, 308,
			"https://example.com//a/%2f"},
		{handlers.HTTPSConfig{}, "[::1]:80", "/", false, 308, "https://[::1]/"},
		{handlers.HTTPSConfig{}, "", "/", false, 400, ""},
		{handlers.HTTPSConfig{}, "example.com", "/.well-known/acme-challenge/x", false, 204, ""},
		{handlers.HTTPSConfig{HSTS: year, NoRedirect: true}, "example.com", "/", false, 204, ""},
		{handlers.HTTPSConfig{}, "example.com", "/", true, 204, ""},
		{handlers.HTTPSConfig{HSTS: year}, "example.com", "/", true, 204, "max-age=31536000"},
		{handlers.HTTPSConfig{HSTS: -1}, "example.com", "/", true, 204, "max-age=0"},
		{handlers.HTTPSConfig{HSTS: year, IncludeSubdomains: true, Preload: true}, "example.com",
			"/",
			true, 204, "max-age=31536000; includeSubDomains; preload"},
	} {
		mw, err := handlers.HTTPS(tt.c)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "http://x"+tt.target, nil)
		r.RequestURI, r.Host = tt.target, tt.host
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		got := lwantest.Do(t, mw(ok), r)
		said := got.Header.Get("Location") + got.Header.Get("Strict-Transport-Security")
		if got.Status != tt.status || said != tt.want {
			t.Errorf("%+v, %s%s: %d %q, want %d %q", tt.c, tt.host, tt.target, got.Status, said,
				tt.status, tt.want)
		}
	}
	for _, c := range []handlers.HTTPSConfig{
		{Preload: true}, {Preload: true, HSTS: year},
		{Preload: true, HSTS: 1, IncludeSubdomains: true},
	} {
		if _, err := handlers.HTTPS(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
