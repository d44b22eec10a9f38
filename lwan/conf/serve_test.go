package conf

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// build makes the routes of a configuration, with the handler hello.
func build(t *testing.T, text string) lwan.Handler {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	reg := Standard()
	reg.Handlers["hello"] = func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "hello "+req.Rest())
	}
	reg.Handlers["user"] = func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		return resp.Text(200, "user "+req.Header("X-User"))
	}
	c, err := LoadText("x.conf", text, reg, Options{Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	return lwantest.Build(t, srv.Server)
}

// ask sends "METHOD TARGET [HOST [REMOTE [Field: value]]]".
func ask(t *testing.T, h lwan.Handler, text string) *lwantest.Result {
	t.Helper()
	parts := strings.SplitN(text, " ", 5)
	r := httptest.NewRequest(parts[0], parts[1], nil)
	r.Host = ""
	if len(parts) > 2 {
		r.Host = parts[2]
	}
	if len(parts) > 3 {
		r.RemoteAddr = parts[3] + ":1"
	}
	if len(parts) > 4 {
		name, value, _ := strings.Cut(parts[4], ": ")
		r.Header.Set(name, value)
	}
	return lwantest.Do(t, h, r)
}

// tree is a directory with files in it.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.html": "home", "a.txt": "text", "admin/secret.txt": "secret", "d/README": "read me",
		"d/x.gz":        "z",
		"page.mustache": "{{code}} {{short_message}}",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestServe: what sections do.
func TestServe(t *testing.T) {
	dir := tree(t)
	for _, tt := range []struct{ text, ask, want string }{
		{"site { serve_files / { path = DIR\n}\n}", "GET /", "200 home"},
		{"site { serve_files /f { path = DIR\n}\n}", "GET /f/a.txt", "200 text"},
		{"site { serve_files /f { path = DIR\n}\n}", "GET /a.txt", "404 *"},
		{"site { serve_files / { path = DIR\nauto_index = no\n}\n}", "GET /d/", "403 *"},
		{"site { serve_files / { path = DIR\nfallback = a.txt\n}\n}", "GET /none", "200 text"},
		{"site { serve_files / { path = DIR\nindex_path = a.txt\n}\n}", "GET /", "200 text"},
		{"expires = 1d\nsite { serve_files / { path = DIR\n}\n}", "GET /a.txt", "200 text Expires"},
		{"site { serve_files / { path = DIR\nexpires { *.txt = 1d\n}\n}\n}", "GET /a.txt",
			"200 text Expires"},
		{"site { serve_files / { path = DIR\ncache_control { *.txt = x\n}\n}\n}", "GET /a.txt",
			"200 text Cache-Control=x"},
		{"site { redirect /old { to = /new?x\n}\n}", "GET /old/y?z", "301 * Location=/new?x"},
		{"site { redirect /old { to = /new\ncode = 308\nappend_path = yes\nkeep_query = yes\n}\n}",
			"GET /old/y?z", "308 * Location=/new/y?z"},
		{"site { response /r { code = 202\nbody = done\nheaders { A = b\n}\n}\n}", "GET /r",
			"202 done A=b"},
		{"site { response /r { code = 202\n}\n}", "GET /r/below", "202 "},
		{"site { response /r { code = 503\n}\n}", "GET /r", "503 *"},
		{"site { metrics /m }", "GET /m * 127.0.0.1", "200 *"},
		{"site { metrics /m }", "GET /m * 192.0.2.1", "403 *"},
		{"site { metrics /m { allow = 192.0.2.0/24\n}\n}", "GET /m * 192.0.2.1", "200 *"},
		{"site { &hello /h }", "GET /h/x", "200 hello x"},
		{"site { &hello /h }", "GET /h", "200 hello "},
		{"site { &hello /h { access { all = deny\n}\n}\n}", "GET /h", "403 *"},
		{"site { &hello / \n&hello /h/i }", "GET /h/i/x", "200 hello x"},
		{"site { at /v1 { &hello /h }\n}", "GET /v1/h/x", "200 hello x"},
		{"site { at /v1 { at /a { &hello / }\n}\n}", "GET /v1/a/x", "200 hello x"},
		{"headers { A = b\n}\nsite { &hello / }", "GET /", "200 * A=b"},
		{"site { &hello /\nrequest_id }", "GET / * 192.0.2.1 X-Request-Id: 7",
			"200 * X-Request-Id=7"},
		{"response_headers { set { A = b\n}\n}\nsite { }", "GET /", "404 * A=b"},
		{"site { &hello /\nhttps\n}", "GET /x a", "308 * Location=https://a/x"},
		{"site { &hello /\nhttps { port = 8443\n}\n}", "GET /x a",
			"308 * Location=https://a:8443/x"},
		{"site { &hello /\nhttps\n}", "GET /.well-known/acme-challenge/x a", "200 *"},
		{"site { &hello /\nhttps { hsts = 1y\n}\n}", "GET https://a/x a",
			"200 * Strict-Transport-Security=max-age=31536000"},
		{"site { &hello /\nhttps { redirect = no\nhsts = 1y\n}\n}", "GET https://a/x a",
			"200 * Strict-Transport-Security=max-age=31536000"},
		{"site { &hello /\nhttps { redirect = no\n}\n}", "GET /x a", "200 hello x"},
		{"site { &hello /\nreal_ip { from = 192.0.2.0/24\n}\naccess { deny = 10.0.0.0/8\n}\n}",
			"GET / * 192.0.2.1 X-Forwarded-For: 10.0.0.1", "403 *"},
		{"site { &hello /\nif remote in 10.0.0.0/8 { access { all = deny\n}\n}\n" +
			"real_ip { from = 192.0.2.0/24\n}\n}",
			"GET / * 192.0.2.1 X-Forwarded-For: 10.0.0.1", "403 *"},
		{"site { &hello /\nexpire { after = 1m\n}\n}", "GET /", "200 * Cache-Control=max-age=60"},
		{"site { &hello /\ncors { origins = https://a\n}\n}", "GET / * 192.0.2.1 Origin: https://a",
			"200 * Access-Control-Allow-Origin=https://a"},
		{"allow_cors = yes\nsite { &hello / }", "GET / * 192.0.2.1 Origin: https://a",
			"200 * Access-Control-Allow-Origin=*"},
		{"site { &hello /\ncompress { min_size = 1\ntypes = text/plain\n}\n}",
			"GET /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx * " +
				"192.0.2.1 Accept-Encoding: gzip",
			"200 * Content-Encoding=gzip"},
		{"site { &hello /\naccess { allow = 10.0.0.0/8\nall = deny\nstatus = 404\n}\n}",
			"GET / * 192.0.2.1", "404 *"},
		{"site { &hello /\naccess { deny_suffixes = .bak ~\n}\n}", "GET /x~", "403 *"},
		{"site { &hello /\nauth_basic { users { joe = x\n}\nweak = yes\n}\n}", "GET /",
			"401 * WWW-Authenticate"},
		{"site { &hello /\nauth_basic { users { joe = x\n}\nweak = yes\n}\n}",
			"GET /x * 192.0.2.1 Authorization: Basic am9lOng=", "200 hello x"},
		{"site { &hello /\nif method == POST { access { all = deny\n}\n}\n}", "POST /", "403 *"},
		{"site { &hello /\nif method == POST { access { all = deny\n}\n}\n}", "GET /", "200 *"},
		{"if method == POST { access { all = deny\n}\n}\nelse if path under /x { " +
			"response_headers { set { A = b\n}\n}\n}\n" +
			"else { response_headers { set { A = c\n}\n}\n}\nsite { &hello / }", "GET /x",
			"200 * A=b"},
		{"if method == POST { access { all = deny\n}\n}\nelse if path under /x { " +
			"response_headers { set { A = b\n}\n}\n}\n" +
			"else { response_headers { set { A = c\n}\n}\n}\nsite { &hello / }", "GET /y",
			"200 * A=c"},
		{"site { &hello / { if query q { response_headers { set { A = b\n}\n}\n}\n}\n}", "GET /?q",
			"200 * A=b"},
		{"site a { &hello / }\nsite *.a { response / { code = 202\n}\n}", "GET / x.a", "202 *"},
		{"site a { &hello / }\nsite *.a { response / { code = 202\n}\n}", "GET / b", "421 *"},
		{"site a { &hello / }\nsite { response / { code = 202\n}\n}", "GET / b", "202 *"},
		{"error_template = DIR/page.mustache\nsite { }", "GET /x", "404 404 Not Found"},
		{"site { serve_files / { path = DIR\nauto_index_readme = no\n}\n}", "GET /d/",
			"200 *!read me"},
		{"site { serve_files / { path = DIR\n}\n}", "GET /d/", "200 *read me"},
	} {
		h := build(t, strings.ReplaceAll(tt.text, "DIR", dir))
		got := ask(t, h, tt.ask)
		status, rest, _ := strings.Cut(tt.want, " ")
		body, fields, _ := cutFields(rest)
		problem := ""
		switch {
		case fmt.Sprint(got.Status) != status:
			problem = "the status"
		case strings.HasPrefix(body, "*!") && strings.Contains(got.Body, body[2:]),
			strings.HasPrefix(body, "*") && !strings.HasPrefix(body, "*!") &&
				!strings.Contains(got.Body, body[1:]),
			!strings.HasPrefix(body, "*") && got.Body != body:
			problem = "the body"
		}
		if name, value, given := strings.Cut(fields, "="); fields != "" &&
			(got.Header.Get(name) == "" || given && got.Header.Get(name) != value) {
			problem = "field " + name
		}
		if problem != "" {
			t.Errorf("%s\n%s: %s: %d %q %v, want %s", tt.text, tt.ask, problem, got.Status,
				got.Body, got.Header, tt.want)
		}
	}
}

// cutFields takes the last word, if it is a field or one with a value.
func cutFields(s string) (body, field string, ok bool) {
	i := strings.LastIndexByte(s, ' ')
	if i < 0 || s[i+1:] == "" || !strings.ContainsAny(s[i+1:], "=") && s[i+1:] != "Expires" &&
		s[i+1:] != "WWW-Authenticate" {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// TestPhases: filters run in the order of their phases, wherever they stand.
func TestPhases(t *testing.T) {
	var order []string
	reg := Standard()
	for name, phase := range map[string]Phase{"last": PhaseInnermost, "first": PhaseID,
		"middle": PhaseAccess} {
		reg.Filters = append(reg.Filters, Filter[struct{ Name string }]{Name: name, Phase: phase,
			New: func(_ *lwan.Scope, c struct{ Name string }) (lwan.Middleware, error) {
				return func(next lwan.Handler) lwan.Handler {
					return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
						order = append(order, name+c.Name)
						return next(req, resp)
					}
				}, nil
			}})
	}
	c, err := LoadText("x", `
last { name = 1 }
first { name = 1 }
site {
	last { name = 2 }
	at /a {
		middle { name = 3 }
		first { name = 3 }
		response / {
			code = 200
			last { name = 4 }
			first { name = 4 }
		}
	}
	middle { name = 2 }
	if path under /b { first { name = 5 } }
}`, reg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	h := lwantest.Build(t, srv.Server)
	for target, want := range map[string]string{
		"/a/x": "first1 last1 first3 middle3 middle2 last2 first4 last4",
		"/b":   "first1 last1 first5 middle2 last2",
		"/":    "first1 last1 middle2 last2",
	} {
		order = nil
		lwantest.Get(t, h, target)
		if got := strings.Join(order, " "); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// TestEncodedPaths: no way of writing a path passes a condition or an at that the plain path does
// not pass, whatever serves it.
func TestEncodedPaths(t *testing.T) {
	h := build(t, strings.ReplaceAll(`site {
	serve_files / { path = DIR }
	at /admin { access { all = deny } }
	if path under /cond { access { all = deny } }
	&hello /cond
}`, "DIR", tree(t)))
	if got := ask(t, h, "GET /a.txt"); got.Status != 200 {
		t.Fatalf("what is not protected: %d", got.Status)
	}
	for _, target := range []string{
		"/P/secret.txt", "/P/", "/P", "//P/secret.txt", "/./P/secret.txt", "/x/../P/secret.txt",
		"/%P/secret.txt",
		"/P/./secret.txt", "/P//secret.txt", "/P%2fsecret.txt", "/P%2Fsecret.txt",
		"/%2e/P/secret.txt",
		"/x/%2e%2e/P/secret.txt", "/P/%73ecret.txt", "/P/../P/secret.txt", "/P/secret.txt?x=/a.txt",
		"/a.txt/../P/secret.txt",
	} {
		for prefix, encoded := range map[string]string{"admin": "%61dmin", "cond": "co%6ed"} {
			target := strings.ReplaceAll(strings.ReplaceAll(target, "%P", encoded), "P", prefix)
			r := httptest.NewRequest("GET", "http://x/", nil)
			r.URL.Path, r.URL.RawPath, r.RequestURI = "", "", target
			path, query, _ := strings.Cut(target, "?")
			u, err := r.URL.Parse(path)
			if err != nil || strings.HasPrefix(path, "//") {
				r.URL.Path, r.URL.RawPath = path, path
			} else {
				r.URL.Path, r.URL.RawPath = u.Path, path
			}
			r.URL.RawQuery = query
			got := lwantest.Do(t, h, r)
			if got.Status == 200 || strings.Contains(got.Body, "secret") && got.Status < 400 {
				t.Errorf("%s: %d %q", target, got.Status, got.Body)
			}
		}
	}
}

// TestErrorsOfOpening name the place in the file.
func TestErrorsOfOpening(t *testing.T) {
	for text, want := range map[string]string{
		"\n site { serve_files / { path = /none\n}\n}": "x.conf:2:9: " +
			"module",
		"site {\n auth_basic { file = /none\n}\n}": "x.conf:2:2: " +
			"auth_basic: ",
		"auth_basic { file = /none\n}\nsite { }": "x.conf:1:1: " +
			"auth_basic: ",
		"site {\n response / { code = 204\nbody = x\n}\n}": "x.conf:2:2",
		"site {\n redirect / { to = x\n}\n}": "x.conf:2:2: " +
			"module",
		"site {\n response / { code = 200\n auth_basic { file = /none\n}\n}\n}": "x.conf:3:2: " +
			"auth_basic",
		"access_log /none/x":           "x.conf:1:1: access_log",
		"site { access_log /none/x\n}": "x.conf:1:8: access_log",
		"listener :1 {\n site { auth_basic { file = /none\n}\n}\n}": "x.conf:2:9: " +
			"auth_basic: ",
	} {
		c, err := LoadText("x.conf", text, Standard(), Options{Getenv: noEnv})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Open(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{
		"listener :1 { tls { cert = /none\n}\n}", "error_template = /none", "log /none/x",
	} {
		c, err := LoadText("x.conf", text, Standard(), Options{Getenv: noEnv})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Server(); err == nil {
			t.Errorf("%s: a server", text)
		}
	}
}

// TestInside: filters that change what is inside of them.
func TestInside(t *testing.T) {
	h := build(t, `
site {
	error_pages { 404 = /errors/404
	              4xx = /none }
	response /errors/404 { code = 200
	                       body = "not here" }
	response /teapot { code = 418 }
	at /hello { request_headers { set { X-Role = admin }
	                              remove = X-Evil } }
	limit_rate { rate = 1G }
	if header X-Role == admin { response_headers { set { X-Seen = yes } } }
	&hello /hello
}
`)
	if got := ask(t, h, "GET /missing"); got.Status != 404 || got.Body != "not here" {
		t.Errorf("a page: %d %q", got.Status, got.Body)
	}
	if got := ask(t, h, "GET /teapot"); got.Status != 418 || got.Body != "418 I'm a teapot\n" {
		t.Errorf("a page that is not there: %d %q", got.Status, got.Body)
	}
	if got := ask(t, h, "GET /hello/you"); got.Status != 200 || got.Body != "hello you" {
		t.Errorf("hello: %d %q", got.Status, got.Body)
	}
	for text, want := range map[string]string{
		"error_pages { 200 = /x }":                `"200" is no error`,
		"error_pages { }":                         "there are no pages",
		"request_headers { remove = Host }":       "Host is for the server",
		"request_headers { set { X = \"a b\" } }": "",
		"limit_rate { after = 1k }":               "there is no rate",
	} {
		text = "site {\n" + strings.ReplaceAll(text, " }", "\n}") + "\n}\n"
		_, err := LoadText("x", text, Standard(), Options{Getenv: noEnv})
		if want == "" && err != nil || want != "" &&
			(err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestHTTPSHosts: clients are sent to names of the configuration's sites alone, if all have names.
func TestHTTPSHosts(t *testing.T) {
	named := build(t, "https\nsite a.test { &hello / }\nsite *.b.test { &hello / }\n")
	for text, want := range map[string]int{
		"GET / a.test": 308, "GET / x.b.test": 308, "GET / evil.test": 421,
	} {
		if got := ask(t, named, text); got.Status != want {
			t.Errorf("%s: %d, want %d", text, got.Status, want)
		}
	}
	any := build(t, "https\nsite { &hello / }\n")
	if got := ask(t, any, "GET / what.test"); got.Status != 308 {
		t.Errorf("a site for all names: %d", got.Status)
	}
}
