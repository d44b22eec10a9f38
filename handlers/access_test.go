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
