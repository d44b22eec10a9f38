package router

import (
	"net"
	"strings"
	"testing"
)

var hosts = []string{
	"", "h", "h:80", "h:", ":80", ":", "h:x", "::1", "[::1]", "[::1]:80", "[::1]:", "[::1]80",
	"[::1", "::1]", "a:b:c", "[a]b:80", "[[a]]:80", "[a]:80]", "[a]:8[0", "a[b:80", "a]b:80",
	"h:8]0", "[::1]:80:80", "EXAMPLE.com:443",
}

// splitPort is what net/http does.
func splitPort(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

func TestStripPort(t *testing.T) {
	for _, h := range hosts {
		if got, want := foldHost(stripPort(h)), foldHost(splitPort(h)); got != want {
			t.Errorf("%q: %q, net says %q", h, got, want)
		}
	}
}

func FuzzStripPort(f *testing.F) {
	for _, h := range hosts {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, h string) {
		if strings.HasPrefix(h, "[]") {
			t.Skip("net takes the brackets off an address that is not there")
		}
		if got, want := foldHost(stripPort(h)), foldHost(splitPort(h)); got != want {
			t.Errorf("%q: %q, net says %q", h, got, want)
		}
	})
}

func TestHosts(t *testing.T) {
	table := tableOf(t, "GET /{x}", "h.example/{x}", "GET H.example/a",
		"CONNECT h.example:443/{x...}", "[fe80::1]/{x}")
	for _, c := range []struct{ method, host, path, pattern string }{
		{"GET", "h.example", "/a", "GET H.example/a"},
		{"GET", "H.EXAMPLE:8080", "/a", "GET H.example/a"},
		{"POST", "h.example", "/a", "h.example/{x}"},
		{"GET", "h.example", "/b", "h.example/{x}"},
		{"GET", "h.example.", "/b", "GET /{x}"},
		{"GET", "", "/a", "GET /{x}"},
		{"GET", strings.Repeat("h", maxHost+1), "/a", "GET /{x}"},
		{"CONNECT", "h.example:443", "/a", "CONNECT h.example:443/{x...}"},
		{"CONNECT", "h.example", "/a", "h.example/{x}"},
		{"GET", "[FE80::1]", "/a", "[fe80::1]/{x}"},
		{"GET", "[fe80::1]:80", "/a", "[fe80::1]/{x}"},
		{"GET", "fe80::1", "/a", "[fe80::1]/{x}"},
	} {
		var p Params
		if v, res := table.Find(c.method, c.host, c.path, &p); v != c.pattern {
			t.Errorf("%s %s%s: %q (%v), want %q", c.method, c.host, c.path, v, res.Kind, c.pattern)
		}
	}
}

// TestLongestHost is the limit and one past it.
func TestLongestHost(t *testing.T) {
	host := strings.Repeat("h", maxHost)
	table := tableOf(t, host+"/")
	var p Params
	if _, res := table.Find("GET", strings.ToUpper(host), "/", &p); res.Kind != Found {
		t.Errorf("a host of %d bytes: %v", maxHost, res.Kind)
	}
	if _, res := table.Find("GET", host+"h", "/", &p); res.Kind != NotFound {
		t.Errorf("a host of %d bytes: %v", maxHost+1, res.Kind)
	}
	if builds(host + "h/") {
		t.Errorf("a pattern with a host of %d bytes was accepted", maxHost+1)
	}
}
