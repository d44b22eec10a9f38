package conf

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers/gateway"
	"github.com/golwan/golwan/lwan/lwantest"
)

// serve starts a server of a configuration; the listener is there already.
func serve(t *testing.T, text string) (srv *Server, addr string) {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	c, err := LoadText("x.conf", "listener 127.0.0.1:0\n"+text, Standard(), Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if srv, err = c.Server(); err != nil {
		t.Fatal(err)
	}
	lwantest.Start(t, srv.Server)
	return srv, srv.Addrs()[0].String()
}

// sendRaw sends a request with a target as it is, and reads the answer.
func sendRaw(t *testing.T, addr, target, fields string) (status int, body string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n%s\r\n", target, fields)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	return answer.StatusCode, string(text)
}

// backend is an HTTP server that says its name and what it was asked for.
func backend(t *testing.T, name string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			w.Header().Set("Location", "/v1/there")
			w.WriteHeader(http.StatusFound)
			return
		}
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "%s %s %s %s %s", name, r.RequestURI, r.Host,
			r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Real-Ip"))
	}))
	t.Cleanup(s.Close)
	return s
}

func (p *proxyRig) text(text string) string {
	return strings.NewReplacer("ONE", p.one, "TWO", p.two, "NOBODY", p.none).Replace(text)
}

type proxyRig struct{ one, two, none string }

func newProxyRig(t *testing.T) *proxyRig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxyRig{none: l.Addr().String()}
	if err := l.Close(); err != nil { // nobody is there
		t.Fatal(err)
	}
	p.one = backend(t, "one").Listener.Addr().String()
	p.two = backend(t, "two").Listener.Addr().String()
	return p
}

// TestProxySections: what the sections of the gateway do, with backends on sockets.
func TestProxySections(t *testing.T) {
	p := newProxyRig(t)
	_, addr := serve(t, p.text(`
group both {
	to = NOBODY, ONE
	retry { tries = 2 }
}
group backup {
	backend NOBODY { weight = 3 }
	backend ONE { down = yes }
	backend TWO { backup = yes }
}
group hashed {
	to = ONE TWO
	balance = hash
	hash_key = header X-Key
}
site {
	proxy / { to = ONE }
	proxy /api { to = ONE
	             path = /v1 }
	proxy /cut { to = ONE
	             path = / }
	proxy /slash { to = ONE
	               encoded_slash = pass }
	proxy /host { to = ONE
	              host = b.test
	              forwarded = real }
	proxy /both { group = both }
	proxy /backup { group = backup }
	proxy /hashed { group = hashed }
	proxy /page { to = ONE
	              path = /
	              intercept = 502 }
	proxy /down { to = NOBODY }
	error_pages { 502 = /sorry }
	response /sorry { code = 200
	                  body = sorry }
}
`))
	for _, tt := range []struct {
		target, fields string
		status         int
		body           string
	}{
		{"/x/y?z=%2e", "", 200, "one /x/y?z=%2e a.test 127.0.0.1 "},
		{"/x/../y", "", 307, ""},
		{"/a%20b", "", 200, "one /a%20b a.test 127.0.0.1 "},
		{"/a%2fb", "", 404, "404 Not Found\n"},
		{"/slash/a%2fb", "", 200, "one /slash/a%2Fb a.test 127.0.0.1 "},
		{"/api/x", "", 200, "one /v1/x a.test 127.0.0.1 "},
		{"/cut/x?y", "", 200, "one /x?y a.test 127.0.0.1 "},
		{"/host/", "X-Real-Ip: 1.2.3.4\r\n", 200, "one /host/ b.test  127.0.0.1"},
		{"/both/", "", 200, "one /both/ a.test 127.0.0.1 "},
		{"/backup/", "", 200, "two /backup/ a.test 127.0.0.1 "},
		{"/page/broken", "", 502, "sorry"},
		{"/down/", "", 502, "sorry"},
	} {
		tt.target = p.text(tt.target)
		status, body := sendRaw(t, addr, tt.target, tt.fields)
		if status != tt.status || tt.body != "" && body != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.target, status, body, tt.status, tt.body)
		}
	}
	seen := map[string]bool{}
	for i := range 16 { // the same key always goes to the same backend
		field := fmt.Sprintf("X-Key: %d\r\n", i)
		_, first := sendRaw(t, addr, "/hashed/", field)
		_, second := sendRaw(t, addr, "/hashed/", field)
		if first != second {
			t.Errorf("key %d: %q, then %q", i, first, second)
		}
		seen[first] = true
	}
	if len(seen) != 2 {
		t.Errorf("hashed: %v", seen)
	}
}

// protectedParts of a site, and how else their names may be written.
var protectedParts = map[string]string{
	"admin": "%61dmin", "cond": "co%6ed", "one": "on%65", "begin": "%62egin", "re": "%72e",
	"part": "p%61rt",
}

// TestEncodedPathsBehindGateway: no way of writing a path gets past a condition or an at that the
// plain path does not pass, also where a backend decodes slashes and cleans the path by itself.
func TestEncodedPathsBehindGateway(t *testing.T) {
	naive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := url.PathUnescape(r.RequestURI)
		for range 2 {
			if again, bad := url.PathUnescape(p); bad == nil {
				p = again
			}
		}
		p, _, _ = strings.Cut(strings.ReplaceAll(p, `\`, "/"), "?")
		p = strings.ToLower(path.Clean("/" + p))
		for plain := range protectedParts {
			if err == nil && strings.HasPrefix(p, "/"+plain) {
				fmt.Fprint(w, "secret")
				return
			}
		}
		fmt.Fprint(w, "open ", p)
	}))
	defer naive.Close()
	for _, slashes := range []string{"refuse", "pass"} {
		_, addr := serve(t, strings.NewReplacer("BACKEND", naive.Listener.Addr().String(),
			"SLASHES", slashes).Replace(`
site {
	proxy / { to = BACKEND
	          encoded_slash = SLASHES }
	at /admin { access { all = deny } }
	if path under /cond { access { all = deny } }
	if path == /one, /one/, /one/x, /one/s { access { all = deny } }
	if path =^ /begin { access { all = deny } }
	if path =~ "^/re(/|$)" { access { all = deny } }
	if path contains /part { access { all = deny } }
}
`))
		reaches(t, addr)
	}
}

// reaches tries to reach what is protected.
func reaches(t *testing.T, addr string) {
	t.Helper()
	if status, body := sendRaw(t, addr, "/x", ""); status != 200 || body != "open /x" {
		t.Fatalf("what is not protected: %d %q", status, body)
	}
	for _, target := range []string{
		"/P", "/P/", "/P/x", "//P/x", "/./P/x", "/x/../P/x", "/CODE", "/CODE/x", "/P//x", "/P/./x",
		"/P%2fx", "/P%2Fx", "/%2e/P/x", "/x/%2e%2e/P/x", "/P/%73", "/P?x", "/P/../P/x",
		"/x%2f..%2fP/x", "/x%2F..%2FP", "/%2fP/x", "/.%2fP/x", "/x/..%2fP/x", "/..%2fP",
		"/%2e%2e%2fP/x", "/x%2f%2e%2e%2fP", "http://a.test/P/x", "http://a.test/x/../P",
		"http://a.test//P", "/P;x=y/../P/x", "/%2E/CODE/x",
		"/P%2f%2fx", "/P%2f/x", "/P/%2fx", "/%2f%2fP/x", "/x%2f..%2fP%2fx", "/P%2f.%2fx",
		"/P%2f..%2fP%2fx", "/%2fP", "/%2FP%2F", "/x/%2e%2e%2fP%2fx",
	} {
		for plain, encoded := range protectedParts {
			target := strings.NewReplacer("P", plain, "CODE", encoded).Replace(target)
			if status, body := sendRaw(t, addr, target, ""); body == "secret" || status == 200 {
				t.Errorf("%s: %d %q", target, status, body)
			}
		}
	}
}

// TestGroupsAreShared: equal groups are one, also across modules, and figures of two that are not
// have different names.
func TestGroupsAreShared(t *testing.T) {
	p := newProxyRig(t)
	srv, _ := serve(t, p.text(`
group named { to = ONE }
site {
	proxy /a { to = ONE }
	proxy /b { to = ONE
	           head_timeout = 5s }
	proxy /c { to = ONE
	           sticky = node }
	proxy /d { group = named }
	proxy /e { group = named }
}
`))
	var names []string
	for _, g := range srv.config.book.groups() {
		names = append(names, g.Name)
	}
	if got, want := strings.Join(names, ", "), p.text("ONE, ONE 2, named"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPHP: golwan starts php-cgi, and passes on what a script wants to know.
func TestPHP(t *testing.T) {
	php, err := exec.LookPath("php-cgi")
	if err != nil {
		t.Skip("there is no php-cgi")
	}
	dir := t.TempDir()
	script := "<?php echo getmypid(), ' ', $_SERVER['SCRIPT_NAME'], ' ', " +
		"$_SERVER['PATH_INFO'] ?? '', ' ', $_GET['a'] ?? '';"
	if err := os.WriteFile(filepath.Join(dir, "index.php"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("PHP", php, "DIR", dir).Replace(`
site {
	fastcgi / {
		process { command = PHP }
		script_path = DIR
		default_index = index.php
		extensions = .php
	}
}
`)
	_, addr := serve(t, text)
	for target, want := range map[string]string{
		"/?a=b": "/index.php  b", "/index.php/more": "/index.php /more ",
	} {
		status, body := sendRaw(t, addr, target, "")
		if _, body, _ = strings.Cut(body, " "); status != 200 || body != want {
			t.Errorf("%s: %d %q, want %q", target, status, body, want)
		}
	}
	if status, _ := sendRaw(t, addr, "/none.txt", ""); status != 404 {
		t.Errorf("a path without a script: %d", status)
	}
}

// stateOfGroup is what a group says of its first backend.
func stateOfGroup(g *gateway.Group) gateway.BackendStats {
	all := g.Stats()
	if len(all) == 0 {
		return gateway.BackendStats{}
	}
	return all[0]
}
