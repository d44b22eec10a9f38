package handlers_test

import (
	"testing"
	"time"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestExpire(t *testing.T) {
	c := handlers.ExpireConfig{After: time.Minute, Types: map[string]time.Duration{
		"Text/CSS": time.Hour, "image/*": 24 * time.Hour, "image/gif": -1, "text/none": 0,
	}}
	whole := handlers.ExpireConfig{After: time.Minute, CacheControl: "public, max-age=7"}
	for _, tt := range []struct {
		c           handlers.ExpireConfig
		status      lwan.Status
		contentType string
		own         string
		want        string
		expires     time.Duration
	}{
		{c, 200, "text/html; charset=utf-8", "", "max-age=60", time.Minute},
		{c, 200, "text/css; charset=utf-8", "", "max-age=3600", time.Hour},
		{c, 200, "image/png", "", "max-age=86400", 24 * time.Hour},
		{c, 200, "image/gif", "", "no-cache", 0},
		{c, 200, "text/none", "", "", 0},
		{c, 200, "///", "", "max-age=60", time.Minute},
		{c, 304, "", "", "max-age=60", time.Minute},
		{c, 404, "text/html", "", "", 0},
		{c, 301, "text/html", "", "", 0},
		{c, 200, "text/html", "private", "private", 0},
		{whole, 200, "text/html", "", "public, max-age=7", 0},
		{handlers.ExpireConfig{}, 200, "text/html", "", "", 0},
	} {
		answer := func(_ *lwan.Request, resp *lwan.Response) lwan.Status {
			resp.SetHeader("Content-Type", tt.contentType)
			if tt.own != "" {
				resp.SetHeader("Cache-Control", tt.own)
			}
			return tt.status
		}
		got := lwantest.Get(t, handlers.Expire(tt.c)(answer), "/")
		control := got.Header.Get("Cache-Control")
		at, err := time.Parse(time.RFC1123, got.Header.Get("Expires"))
		left := time.Until(at)
		if control != tt.want || (err == nil) != (tt.expires > 0) {
			t.Errorf("%d %s: %q, %v", tt.status, tt.contentType, control, err)
		} else if err == nil && (left > tt.expires || left < tt.expires-time.Minute) {
			t.Errorf("%d %s: expires in %v, want %v", tt.status, tt.contentType, left, tt.expires)
		}
	}
}
