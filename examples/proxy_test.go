package examples_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// useProxy asks for the page: nobody listens where requests would go.
func useProxy(t *testing.T, s *site) {
	page := ask(t, s.client(t), "GET", "/-/status", nil)
	if page.status != 200 || !strings.Contains(page.body, "127.0.0.1:9000") {
		t.Errorf("%+v", page)
	}
}

// TestProxyExample runs the proxy before two servers, one of which ends.
func TestProxyExample(t *testing.T) {
	bin := build(t)
	var servers [2]*httptest.Server
	var urls []string
	for i := range servers {
		servers[i] = httptest.NewServer(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%d %s", i, r.URL) }))
		defer servers[i].Close()
		urls = append(urls, servers[i].URL)
	}
	s := run(t, filepath.Join(bin, "proxy"), "127.0.0.1:0", "-to", strings.Join(urls, ","))
	c := s.client(t)
	seen := map[string]bool{}
	for range 10 {
		a := ask(t, c, "GET", "/x?y", nil)
		if a.status != 200 || !strings.HasSuffix(a.body, " /x?y") {
			t.Fatalf("%+v", a)
		}
		seen[a.body] = true
	}
	if len(seen) != 2 {
		t.Errorf("answered by %v", seen)
	}
	page := ask(t, c, "GET", "/-/status", nil).body
	for _, server := range servers {
		address := server.Listener.Addr().String()
		if !strings.Contains(page, address) {
			t.Errorf("%s is not on the page:\n%s", address, page)
		}
	}
	if m := ask(t, c, "GET", "/-/metrics", nil).body; !strings.Contains(m, `{group="servers"`) {
		t.Errorf("metrics: %s", m)
	}
	servers[0].Close()
	for range 20 {
		a := ask(t, c, "GET", "/", nil)
		if a.status != 200 || a.body != "1 /" {
			t.Fatalf("%+v", a)
		}
	}
	down := func() bool {
		page := ask(t, c, "GET", "/-/status", nil).body
		return strings.Contains(page, " down ")
	}
	for late := time.Now().Add(20 * time.Second); !down(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("the server that has ended is not down")
		}
	}
}
