package lwan_test

import (
	"net/http/httptest"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestViews: what is seen without a copy is what the copies say.
func TestViews(t *testing.T) {
	for _, tt := range []struct{ target, host, path, wantHost string }{
		{"/a/b?q=1%202&q=3&e=", "Example.COM:8080", "/a/b", "example.com"},
		{"/a%2fb/%63", "example.com.", "/a\x00b/c", "example.com"},
		{"/", "[::1]:8080", "/", "[::1]"},
		{"/", "[::1]", "/", "[::1]"},
		{"/", "10.0.0.1:80", "/", "10.0.0.1"},
		{"/", ".", "/", "."},
	} {
		r := httptest.NewRequest("GET", tt.target, nil)
		r.Host = tt.host
		r.Header.Set("Cookie", "a=1; b=; a=2")
		lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			if got := string(req.PathBytes()); got != tt.path {
				t.Errorf("%s: path %q, want %q", tt.target, got, tt.path)
			}
			if got := string(req.HostBytes()); got != tt.wantHost {
				t.Errorf("%s: host %q, want %q", tt.host, got, tt.wantHost)
			}
			for _, name := range []string{"q", "e", "none"} {
				v, ok := req.QueryBytes(name)
				if string(v) != req.Query(name) || ok != (req.QueryAll(name) != nil) {
					t.Errorf("%s: query %s is %q, %v", tt.target, name, v, ok)
				}
			}
			for name, want := range map[string]bool{"a": true, "b": true, "c": false} {
				if v, ok := req.CookieBytes(name); string(v) != req.Cookie(name) || ok != want {
					t.Errorf("cookie %s is %q, %v", name, v, ok)
				}
			}
			return 204
		}, r)
	}
}

// TestViewsAllocateNothing, but for a host in capitals.
func TestViewsAllocateNothing(t *testing.T) {
	r := httptest.NewRequest("GET", "http://example.com:80/a%20b?q=%31", nil)
	r.Header.Set("Cookie", "a=1")
	lwantest.Do(t, func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		n := testing.AllocsPerRun(100, func() {
			req.PathBytes()
			req.HostBytes()
			req.QueryBytes("q")
			req.CookieBytes("a")
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
		return 204
	}, r)
}
