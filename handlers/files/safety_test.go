package files

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// raw sends a target as it is: no client would.
func (s *testSite) raw(target string) *reply {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", target)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		s.t.Fatal(target, err)
	}
	body, err := io.ReadAll(resp.Body)
	return &reply{resp.StatusCode, resp.Header, resp.ContentLength, string(body), err}
}

// Whatever the target, nothing outside of the tree and nothing hidden is answered with.
func TestTraversal(t *testing.T) {
	outer := writeTree(t, map[string]string{
		"secret.txt": "outer secret", "www/a.txt": "inside", "www/sub/b.txt": "inside",
		"www/.env": "hidden secret", "www/sub/.git/config": "hidden secret",
	})
	s := mounted(t, "/files", Config{Dir: outer + "/www", List: true})
	for _, path := range []string{
		"/files/../secret.txt", "/files/%2e%2e/secret.txt", "/files/..%2fsecret.txt",
		"/files/%2e%2e%2fsecret.txt", "/files/sub/../../secret.txt",
		"/files/sub/%2e%2e/%2e%2e/secret.txt", "/files/..%5csecret.txt", `/files/..\secret.txt`,
		"/files/%252e%252e/secret.txt", "/files//../secret.txt", "/files/./../secret.txt",
		"/files/sub%2f..%2f..%2fsecret.txt",
		"/files" + outer + "/secret.txt", "/files/%2f" + outer + "/secret.txt", "/files/a.txt%00",
		"/files/a.txt%00.html", "/files/.env", "/files/%2eenv", "/files/./.env",
		"/files/sub/.git/config", "/files/sub/%2egit/config", "/files/sub/.git/",
		"/files/sub%2fb.txt", `/files/sub\b.txt`, "/files/sub%5cb.txt",
		"/files/....//....//secret.txt", "/files/~/secret.txt",
		"/files/a.txt/../../../secret.txt", "/files/sub/.", "/files/sub/..", "/files/.",
		"/files/..", "/files/%2e", "/files/%2e%2e",
		"/../secret.txt", "/%2e%2e/secret.txt", "http://x/files/../secret.txt",
		"/files/%c0%ae%c0%ae/secret.txt", "/files/a.txt;x",
	} {
		r := s.raw(path)
		if strings.Contains(r.body, "secret") && r.status == 200 ||
			r.status == 200 && strings.Contains(r.body, "inside") || r.status >= 500 {
			t.Errorf("%s: %d %.100q", path, r.status, r.body)
		}
		loc := r.field("Location")
		if strings.Contains(loc+"/", "/../") || strings.HasPrefix(loc, "//") {
			t.Errorf("%s: Location %q", path, loc)
		}
	}
	s.want("/files/sub/b.txt", 200, "inside") // the tree is there
}

// A name that looks like a URI does not make a redirect to another host.
func TestRedirectStays(t *testing.T) {
	s := mounted(t, "/", Config{
		Dir: writeTree(t, map[string]string{
			"evil.example/x": "", "a/evil.example/x": "", "http:/x": "",
		}),
	})
	for target, want := range map[string]string{
		"/evil.example": "evil.example/", "/a/evil.example": "evil.example/", "/http:": "./http:/",
	} {
		if r := s.raw(target); r.status != 301 || r.field("Location") != want {
			t.Errorf("%s: %d %q", target, r.status, r.field("Location"))
		}
	}
	for _, target := range []string{
		"//evil.example", "//evil.example/%2e%2e", "/%2f/evil.example",
	} {
		loc := s.raw(target).field("Location")
		if strings.HasPrefix(loc, "//") || strings.Contains(loc, "://") {
			t.Errorf("%s: %q", target, loc)
		}
	}
}

func TestExclude(t *testing.T) {
	s := mounted(t, "/",
		Config{Dir: writeTree(t, someFiles), List: true, Hidden: true,
			Index:   []string{"index.html"},
			Exclude: []string{"*.json", "/noindex", "index.html", "key.*"}})
	for path, status := range map[string]int{
		"/sub/deep/x.json": 404, "/noindex/": 404, "/noindex/y.svg": 404, "/noindex": 404,
		"/a.txt": 200, "/index.html": 404, "/.secret/key.pem": 404, "/sub/.htaccess": 200, "/": 200,
	} {
		s.want(path, status, "")
	}
	list := s.get("/", "Accept", "application/json").body
	for _, name := range []string{"noindex", "index.html"} {
		if strings.Contains(list, `"`+name+`"`) {
			t.Errorf("%s is listed: %s", name, list)
		}
	}
	if !strings.Contains(list, `".secret"`) {
		t.Errorf("hidden files are not listed: %s", list)
	}
}
