package handlers_test

import (
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestHSTS(t *testing.T) {
	for _, tt := range []struct {
		cfg         handlers.HSTSConfig
		url, scheme string
		want        string
	}{
		{handlers.HSTSConfig{}, "/", "https", "max-age=31536000"},
		{handlers.HSTSConfig{}, "/?reset=1", "https", "max-age=31536000"},
		{handlers.HSTSConfig{}, "/", "http", ""},
		{handlers.HSTSConfig{}, "/?hsts=max-age%3D1", "https", "max-age=1"},
		{handlers.HSTSConfig{MaxAge: -1}, "/", "https", "max-age=0"},
		{
			handlers.HSTSConfig{MaxAge: time.Hour, IncludeSubdomains: true, Preload: true},
			"/", "https", "max-age=3600; includeSubDomains; preload",
		},
	} {
		h := behindProxy(t, handlers.HSTS(tt.cfg))
		r := newRequest(t, "GET", tt.url, "X-Forwarded-Proto", tt.scheme)
		r.RemoteAddr = "192.0.2.1:1"
		got := lwantest.Do(t, h, r)
		if v := got.Header.Get("Strict-Transport-Security"); v != tt.want || got.Status != 200 {
			t.Errorf("%+v, %s %s: %d %q", tt.cfg, tt.scheme, tt.url, got.Status, v)
		}
	}
}

// TestHSTSCheck: lists of browsers take a year and all subdomains.
func TestHSTSCheck(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for cfg, good := range map[handlers.HSTSConfig]bool{
		{}:                                       true,
		{MaxAge: -1, IncludeSubdomains: true}:    true,
		{Preload: true}:                          false,
		{Preload: true, MaxAge: year}:            false,
		{Preload: true, IncludeSubdomains: true}: true,
		{Preload: true, IncludeSubdomains: true, MaxAge: year}:     true,
		{Preload: true, IncludeSubdomains: true, MaxAge: year - 1}: false,
		{Preload: true, IncludeSubdomains: true, MaxAge: -1}:       false,
	} {
		if err := cfg.Check(); (err == nil) != good {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}
