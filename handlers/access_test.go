package handlers_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func nets(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func ok(*lwan.Request, *lwan.Response) lwan.Status { return 204 }

func TestAccess(t *testing.T) {
	inner := handlers.AccessConfig{
		Allow:      nets("10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32"),
		Deny:       nets("10.1.0.0/16", "10.2.0.0/16"),
		DenyOthers: true,
	}
	both := handlers.AccessConfig{Allow: nets("10.0.0.0/8"), Deny: nets("10.0.0.0/8")}
	mapped := handlers.AccessConfig{Deny: nets("::ffff:10.0.0.0/104"), Status: 404}
	suffixes := handlers.AccessConfig{DenySuffixes: []string{".bak", "~"}}
	for _, tt := range []struct {
		name   string
		c      handlers.AccessConfig
		remote string
		target string
		want   int
	}{
		{"zero", handlers.AccessConfig{}, "192.0.2.1:1", "/", 204},
		{"inside", inner, "10.9.9.9:1", "/", 204},
		{"longer denied", inner, "10.1.9.9:1", "/", 403},
		{"longest allowed", inner, "10.1.2.3:1", "/", 204},
		{"mapped address", inner, "[::ffff:10.9.9.9]:1", "/", 204},
		{"other", inner, "192.0.2.1:1", "/", 403},
		{"IPv6", inner, "[2001:db8::1]:1", "/", 204},
		{"other IPv6", inner, "[2001:db9::1]:1", "/", 403},
		{"deny wins", both, "10.0.0.1:1", "/", 403},
		{"mapped network", mapped, "10.0.0.1:1", "/", 404},
		{"suffix", suffixes, "10.0.0.1:1", "/a.bak", 403},
		{"encoded suffix", suffixes, "10.0.0.1:1", "/a%2ebak", 403},
		{"suffix in the query", suffixes, "10.0.0.1:1", "/a?x.bak", 204},
		{"other suffix", suffixes, "10.0.0.1:1", "/a.bak/b", 204},
	} {
		r := httptest.NewRequest("GET", tt.target, nil)
		r.RemoteAddr = tt.remote
		if got := lwantest.Do(t, handlers.Access(tt.c)(ok), r); got.Status != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got.Status, tt.want)
		}
	}
}

// TestAccessElse: those alone whom the address keeps out are asked, and those who come in by it
// cannot say who they are.
func TestAccessElse(t *testing.T) {
	h := handlers.Access(handlers.AccessConfig{
		Allow: nets("10.0.0.0/8"), DenyOthers: true, DenySuffixes: []string{"~"},
		ElseSets: []string{"X-User"},
		Else: func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if req.Header("Authorization") != "good" {
					return lwan.StatusUnauthorized
				}
				if err := req.SetHeader("X-User", "joe"); err != nil {
					return resp.Fail(err)
				}
				return next(req, resp)
			}
		},
	})(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, req.Header("X-User"))
	})
	for _, tt := range []struct {
		remote, target, auth string
		status               int
		user                 string
	}{
		{"10.0.0.1:1", "/", "", 200, ""},
		{"10.0.0.1:1", "/", "good", 200, ""},
		{"10.0.0.1:1", "/x~", "good", 403, ""},
		{"192.0.2.1:1", "/", "", 401, ""},
		{"192.0.2.1:1", "/", "good", 200, "joe"},
		{"192.0.2.1:1", "/x~", "good", 403, ""},
		{"@", "/", "good", 200, "joe"},
	} {
		r := httptest.NewRequest("GET", tt.target, nil)
		r.RemoteAddr = tt.remote
		r.Header.Set("X-User", "root")
		r.Header.Set("Authorization", tt.auth)
		got := lwantest.Do(t, h, r)
		if got.Status != tt.status || got.Status == 200 && got.Body != tt.user {
			t.Errorf("%+v: %d %q", tt, got.Status, got.Body)
		}
	}
}
