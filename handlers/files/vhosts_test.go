package files

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/golwan/golwan/lwan"
)

func TestHostPattern(t *testing.T) {
	for pattern, hosts := range map[string]map[string]string{
		"/srv/%0": {
			"a.example.com": "a.example.com", "x": "x", "127.0.0.1": "127.0.0.1", "": "", "..": "",
			"a..b": "", ".a": "", "a.": "", "[::1]": "", "a/b": "", "a\x00b": "", "ä.de": "",
			"A": "", "a%2fb": "", "a_b-c.d": "a_b-c.d",
		},
		"w/%3/%2.%1/htdocs/": {
			"www.example.com": "www/example.com/htdocs", "a.b.c.d": "b/c.d/htdocs", "b.c": "",
		},
		"%{1.1}/%{1.2}/%1-%%": {"x.com": "c/o/com-%", "x.c": ""},
		"/x/y%0z":             {"a": "yaz"},
	} {
		p, err := parseHostPattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		for host, want := range hosts {
			got, ok := p.append(nil, []byte(host))
			if ok && p.inside != "" {
				got = append(got, "/"+p.inside...)
			}
			if string(got) != want || ok != (want != "") {
				t.Errorf("%s of %q: %q %v, want %q", pattern, host, got, ok, want)
			}
		}
	}
	for _, pattern := range []string{
		"/srv/x", "", "/srv/%", "/srv/%x", "/srv/%{1}", "/srv/%{1.0}", "/srv/%0/../x", "/srv/%%",
		"/srv/%0//x", "/srv/%0/./x",
	} {
		if p, err := parseHostPattern(pattern); err == nil {
			t.Errorf("%q is taken: %v", pattern, p)
		}
	}
}

// getHost asks for a path of a host.
func (s *testSite) getHost(host, path string) string {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Host = host
	r, err := s.Client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	var body [64]byte
	n, _ := r.Body.Read(body[:])
	if r.StatusCode == 301 {
		return "301 " + r.Header.Get("Location")
	}
	return fmt.Sprint(r.StatusCode, " ", r.Header.Get("Location"), " ", string(body[:n]))
}

func vhosts(t *testing.T, prefix string, c VHostsConfig) *testSite {
	t.Helper()
	srv := &lwan.Server{Loops: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	srv.Mount(prefix, VHosts.With(c))
	return started(t, srv)
}

// TestVHosts: each host sees its own directory and nothing of another's, more of them than may be
// open, and who has none sees the default.
func TestVHosts(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"sites/a.example/index.html": "a", "sites/b.example/index.html": "b", "sites/file": "x",
		"sites/b.example/sub/x.txt": "sub", "sites/secret.txt": "secret",
		"default/index.html": "nobody",
	})
	for i := range 5 {
		at := filepath.Join(dir, "sites", fmt.Sprintf("h%d", i))
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(at, "index.html"), fmt.Sprint("host ", i))
	}
	for link, to := range map[string]string{
		"sites/a.example/b": "../b.example", "sites/out": dir, "sites/c.example": "b.example",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	s := vhosts(t, "/", VHostsConfig{
		Dir: filepath.Join(dir, "sites", "%0"), Default: filepath.Join(dir, "default"), Max: 2,
	})
	for range 2 {
		for request, want := range map[[2]string]string{
			{"a.example", "/"}:          "200  a",
			{"A.Example:8080", "/"}:     "200  a",
			{"a.example.", "/"}:         "200  a",
			{"b.example", "/sub"}:       "301 sub/",
			{"b.example", "/sub/x.txt"}: "200  sub",
			{"c.example", "/"}:          "200  b", // a link to a neighbour, of who owns them all
			{"a.example", "/b/"}:        "404",    // a link out of a host's own directory
			{"out", "/"}:                "200  nobody",
			{"file", "/"}:               "200  nobody",
			{"none.example", "/"}:       "200  nobody",
			{"127.0.0.1", "/"}:          "200  nobody",
			{"none.example", "/x"}:      "404",
		} {
			if got := s.getHost(request[0], request[1]); got != want && got[:3] != want {
				t.Errorf("%v: %s, want %s", request, got, want)
			}
		}
		for i := range 5 {
			got := s.getHost(fmt.Sprint("h", i), "/")
			if got != fmt.Sprint("200  host ", i) {
				t.Errorf("host %d: %s", i, got)
			}
		}
	}
	bare := vhosts(t, "/p", VHostsConfig{Dir: filepath.Join(dir, "sites", "%1", "sub")})
	if got := bare.getHost("none", "/p/"); got[:3] != "404" {
		t.Error(got)
	}
}

// TestVHostsOwners: what is behind the host in Dir is in a directory that may be somebody's own,
// and no link that he makes there leads to another host's.
func TestVHostsOwners(t *testing.T) {
	dir := writeTree(t, map[string]string{
		"a.example/htdocs/public/index.html": "a", "b.example/private/index.html": "secret",
		"c.example/htdocs/private/index.html": "secret",
	})
	for link, to := range map[string]string{
		"a.example/public": "htdocs/public", "www.a.example": "a.example",
		"b.example/public": "../c.example/htdocs/private",
		"c.example/public": filepath.Join(dir, "b.example", "private"),
		"d.example":        "b.example/private/..",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	s := vhosts(t, "/", VHostsConfig{Dir: filepath.Join(dir, "%0", "public")})
	for host, want := range map[string]string{
		"a.example": "200  a", "www.a.example": "200  a", "b.example": "404", "c.example": "404",
		"d.example": "404", "e.example": "404",
	} {
		if got := s.getHost(host, "/"); got != want && got[:3] != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestVHostsErrors(t *testing.T) {
	for _, c := range []VHostsConfig{
		{}, {Dir: "/x"}, {Dir: "%0", Max: -1}, {Dir: "%0", TTL: -1},
		{Dir: "%0", Files: Config{Dir: "."}}, {Dir: "%0", Files: Config{Fallback: ".."}},
		{Dir: "/not/there/%0"}, {Dir: "%0", Default: "/not/there"},
	} {
		srv := &lwan.Server{}
		srv.Mount("/", VHosts.With(c))
		if _, err := srv.Build(); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
