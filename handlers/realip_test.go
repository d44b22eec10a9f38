package handlers_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

func TestRealIP(t *testing.T) {
	proxies := nets("10.0.0.0/8", "2001:db8::/32")
	for _, tt := range []struct {
		header, peer, field, want string
	}{
		{"", "10.0.0.1:5", "192.0.2.7", "192.0.2.7:0"},
		{"", "10.0.0.1:5", "192.0.2.7:80", "192.0.2.7:80"},
		{"", "10.0.0.1:5", "forged, 198.51.100.1, 192.0.2.7 , 10.0.0.2", "192.0.2.7:0"},
		{"", "192.0.2.1:5", "198.51.100.1", "192.0.2.1:5"},
		{"", "10.0.0.1:5", "", "10.0.0.1:5"},
		{"", "10.0.0.1:5", "192.0.2.7, unknown", "10.0.0.1:5"},
		{"", "10.0.0.1:5", "192.0.2.7, unknown, 10.0.0.2", "10.0.0.2:0"},
		{"", "10.0.0.1:5", "192.0.2.7,", "10.0.0.1:5"},
		{"", "10.0.0.1:5", "10.0.0.3, 10.0.0.2", "10.0.0.3:0"},
		{"", "10.0.0.1:5", "0.0.0.0", "10.0.0.1:5"},
		{"", "10.0.0.1:5", "224.0.0.1", "10.0.0.1:5"},
		{"", "10.0.0.1:5", "fe80::1%eth0", "[fe80::1]:0"},
		{"", "10.0.0.1:5", "::ffff:192.0.2.7", "192.0.2.7:0"},
		{"", "[2001:db8::1]:5", "[2001:db9::1]:80", "[2001:db9::1]:80"},
		{"x-forwarded-for", "[2001:db8::1]:5", "[2001:db9::1]", "[2001:db9::1]:0"},
		{"Forwarded", "10.0.0.1:5", `for=192.0.2.7;proto=http;by=1.1.1.1`, "192.0.2.7:0"},
		{"Forwarded", "10.0.0.1:5", `for=1.1.1.1, FOR="[2001:db9::1]:80"; by="a,b;for=x"`,
			"[2001:db9::1]:80"},
		{"Forwarded", "10.0.0.1:5", `for="192.0.2.7", for=10.0.0.2`, "192.0.2.7:0"},
		{"Forwarded", "10.0.0.1:5", `for=192.0.2.7, for=_hidden`, "10.0.0.1:5"},
		{"Forwarded", "10.0.0.1:5", `for=192.0.2.7, by=x`, "10.0.0.1:5"},
		{"Forwarded", "10.0.0.1:5", `for="192.0.2.7`, "10.0.0.1:5"},
		{"X-Real-IP", "10.0.0.1:5", "192.0.2.7", "192.0.2.7:0"},
		{"X-Real-IP", "10.0.0.1:5", "192.0.2.7, 192.0.2.8", "10.0.0.1:5"},
	} {
		mw, err := handlers.RealIP(handlers.RealIPConfig{From: proxies, Header: tt.header})
		if err != nil {
			t.Fatal(err)
		}
		name := tt.header
		if name == "" {
			name = "X-Forwarded-For"
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		r.Header.Set(name, tt.field)
		got := lwantest.Do(t, mw(func(req *lwan.Request, resp *lwan.Response) lwan.Status {
			return resp.Text(200, req.RemoteAddr().String())
		}), r).Body
		if got != tt.want {
			t.Errorf("%s: %s from %s: %s, want %s", name, tt.field, tt.peer, got, tt.want)
		}
	}
	for _, c := range []handlers.RealIPConfig{{}, {From: proxies, Header: "a b"}} {
		if _, err := handlers.RealIP(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

// TestRealIPIsLogged: what comes later sees the address, the log too.
func TestRealIPIsLogged(t *testing.T) {
	mw, err := handlers.RealIP(handlers.RealIPConfig{From: nets("192.0.2.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	srv := &lwan.Server{}
	access := handlers.AccessLog(&log)
	srv.Observe(access)
	srv.Use(mw)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Forwarded-For", "198.51.100.7")
	lwantest.Do(t, lwantest.Build(t, srv), r)
	if err := access.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(log.String(), "198.51.100.7 ") {
		t.Errorf("%s", log.String())
	}
}
