package conf

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/handlers"
	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// condRequests are what conditions are tried with.
func condRequests() (list []*http.Request) {
	for _, r := range []struct{ method, target, host, remote, fields string }{
		{"GET", "/", "example.com", "10.1.2.3:1", ""},
		{"GET", "/private", "Example.COM:8080", "10.1.2.3:1", "User-Agent: Mozilla bot"},
		{"POST", "/private/a/../b?q=1&q=2&e=", "www.example.com", "[::ffff:10.1.2.3]:1",
			"Cookie: a=1; b="},
		{"GET", "/%70rivate%2fx?q=%41+b", "example.com.", "[2001:db8::7]:1", "X-A: "},
		{"GET", "//privateer/x.pdf", "", "192.0.2.1:1", "X-A: v"},
		{"PUT", "/private%2F?preview", "[::1]:80", "198.51.100.7:1", "Cookie: staff=yes"},
		{"GET", "/PRIVATE", "10.0.0.1", "127.0.0.1:1", "User-Agent: Crawler"},
		{"DELETE", "/a/./private/", "a.b.example.com", "10.255.255.255:1", "X-A: 1"},
	} {
		req := httptest.NewRequest(r.method, "http://x"+r.target, nil)
		req.RequestURI, req.Host, req.RemoteAddr = r.target, r.host, r.remote
		if name, value, ok := strings.Cut(r.fields, ":"); ok {
			req.Header.Set(name, strings.TrimSpace(value))
		}
		list = append(list, req)
	}
	return list
}

// naive is what conditions are compared with: it walks the tree, and reads the request as net/http
// does.
type naive struct{ r *http.Request }

func (n naive) holds(e *expr) bool {
	switch e.op {
	case '!':
		return !n.holds(e.args[0])
	case '&':
		return !slices.ContainsFunc(e.args, func(e *expr) bool { return !n.holds(e) })
	case '|':
		return slices.ContainsFunc(e.args, n.holds)
	}
	return n.test(&e.test) != e.negative
}

func (n naive) test(t *test) bool {
	if t.subject == subjectAlways {
		return true
	}
	if t.subject == subjectRemote {
		a := netip.MustParseAddrPort(n.r.RemoteAddr).Addr().Unmap()
		return slices.ContainsFunc(t.networks, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	v, ok := n.value(t)
	if !ok || t.op == opPresent {
		return ok
	}
	if t.op == opMatch {
		return regexp.MustCompile(t.re.String()).MatchString(v)
	}
	return slices.ContainsFunc(t.texts, func(w string) bool { return naiveCompare(t.op, v, w) })
}

func (n naive) value(t *test) (string, bool) {
	switch t.subject {
	case subjectHost:
		host := strings.ToLower(n.r.Host)
		if u, err := url.Parse("http://" + host); err == nil && u.Port() != "" {
			host = strings.TrimSuffix(host, ":"+u.Port())
		}
		return strings.TrimSuffix(host, "."), true
	case subjectPath:
		raw, _, _ := strings.Cut(n.r.RequestURI, "?")
		text, err := url.PathUnescape(raw)
		if err != nil {
			return "", false
		}
		clean := path.Clean(text)
		if strings.HasSuffix(text, "/") && clean != "/" {
			clean += "/"
		}
		return clean, true
	case subjectMethod:
		return n.r.Method, true
	case subjectScheme:
		return "http", true
	case subjectProtocol:
		return "HTTP/1.1", true
	case subjectUser:
		return "", false
	case subjectEnv:
		return "", false
	case subjectHeader:
		return n.r.Header.Get(t.name), n.r.Header.Values(t.name) != nil
	case subjectQuery:
		return n.r.URL.Query().Get(t.name), n.r.URL.Query().Has(t.name)
	}
	c, err := n.r.Cookie(t.name)
	if err != nil {
		return "", false
	}
	return c.Value, true
}

func naiveCompare(op operator, v, w string) bool {
	switch op {
	case opEqual:
		return v == w
	case opPrefix:
		return strings.HasPrefix(v, w)
	case opSuffix:
		return strings.HasSuffix(v, w)
	case opContains:
		return strings.Contains(v, w)
	}
	w = strings.TrimRight(w, "/") // under
	return v == w || strings.HasPrefix(v, w+"/")
}

var condSeeds = []string{
	"always", "not always", "host == example.com", "host != example.com",
	"host in a, www.example.com",
	"host =$ .example.com", `host =~ "^(www\.)?example\.com$"`, "path under /private",
	"path under /", "path under /private/", "path == /private", "path =^ /private",
	"path =$ .pdf, /",
	"path contains private", "method in POST, PUT", "method == GET and not path under /private",
	"remote in 10.0.0.0/8, 2001:db8::/32", "remote != 10.1.2.3", "query q", "query q == 1",
	"query q != 1",
	"query e == \"\"", "query preview and remote in 192.0.2.0/24", "cookie a",
	"cookie staff == yes",
	"header User-Agent contains bot, Crawler", "header X-A == \"\"", "not header X-A",
	"not (remote in 10.0.0.0/8 or cookie staff == yes) and header User-Agent contains Bot, Crawler",
	"scheme == http and protocol == HTTP/1.1", "user == joe or user != x", "env NONE",
	"env NONE == x",
	"(host == a or (host == b and path == /)) or not not method == GET",
	"host == a or host == b or host == example.com and path == / or always and not always",
	"user contains a", "method =~ \"^(GET|PUT)$\"",
	"scheme =^ ht and scheme =$ p and scheme contains tt",
}

func condOf(text string) (*Cond, *expr) {
	r := &report{}
	p := &parser{src: &source{name: "c", text: text}, report: r, vars: newVariables(nil, noEnv)}
	e := p.condition()
	if e == nil || len(r.list) > 0 {
		return nil, nil
	}
	return compile(e, p.tokens), e
}

// checkCond compares a condition with its twin, on all requests.
func checkCond(t *testing.T, text string) {
	t.Helper()
	cond, e := condOf(text)
	if cond == nil {
		return
	}
	for _, r := range condRequests() {
		lwantest.Do(t, func(req *lwan.Request, _ *lwan.Response) lwan.Status {
			if got, want := cond.Holds(req), (naive{r}).holds(e); got != want {
				t.Errorf("%s of %s %s of %q: %v, the twin says %v", text, r.Method, r.RequestURI,
					r.Host, got, want)
			}
			return 204
		}, r)
	}
	again, _ := condOf(cond.String())
	if again == nil || again.String() != cond.String() {
		t.Errorf("%q shows as %q, which does not read as itself", text, cond)
	}
}

func TestConditions(t *testing.T) {
	for _, text := range condSeeds {
		if cond, _ := condOf(text); cond == nil {
			t.Errorf("%s: is no condition", text)
		}
		checkCond(t, text)
	}
}

// FuzzCond: a compiled condition says what its twin says.
func FuzzCond(f *testing.F) {
	for _, text := range condSeeds {
		f.Add(text)
	}
	f.Fuzz(checkCond)
}

// TestCondAllocatesNothing, for each kind of test.
func TestCondAllocatesNothing(t *testing.T) {
	for _, text := range condSeeds {
		cond, _ := condOf(text)
		for i, r := range condRequests() {
			// a host in capitals is copied, and a path with an encoded slash
			if r.Host == "Example.COM:8080" || strings.Contains(
				strings.ToLower(r.RequestURI), "%2f") {
				continue
			}
			lwantest.Do(t, func(req *lwan.Request, _ *lwan.Response) lwan.Status {
				if n := testing.AllocsPerRun(20, func() { cond.Holds(req) }); n != 0 {
					t.Errorf("%s of request %d: %v allocations", text, i, n)
				}
				return 204
			}, r)
		}
	}
}

func TestCondOfUserAndEnv(t *testing.T) {
	t.Setenv("CONF_TEST", "x1")
	for text, want := range map[string]bool{
		"user == joe": true, "user == ann": false, "user": true, "user != joe": false,
		"env CONF_TEST": true, "env CONF_TEST == x1": true, "env CONF_TEST =^ y": false,
		"env CONF_NONE": false,
	} {
		if text == "user" {
			text = "user =~ ."
		}
		cond, err := ParseCond(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		lwantest.Do(t, func(req *lwan.Request, _ *lwan.Response) lwan.Status {
			handlers.UserKey.Set(req, "joe")
			if cond.Holds(req) != want {
				t.Errorf("%s: %v", text, !want)
			}
			return 204
		}, httptest.NewRequest("GET", "/", nil))
	}
	for _, text := range []string{"", "host == a b", "host = a", "host == a }"} {
		if c, err := ParseCond(text); err == nil {
			t.Errorf("%q is %v", text, c)
		}
	}
}

func BenchmarkCond(b *testing.B) {
	for _, text := range []string{
		"host == example.com", "path under /private", "method in POST, GET",
		"header User-Agent contains bot, x",
		"query q", "cookie a == 1", "remote in 192.0.2.0/24, 10.0.0.0/8, 127.0.0.0/8",
		"path =~ \"^/private\"",
	} {
		cond, _ := condOf(text)
		b.Run(text, func(b *testing.B) {
			lwantest.Do(b, func(req *lwan.Request, _ *lwan.Response) lwan.Status {
				b.ReportAllocs()
				for b.Loop() {
					cond.Holds(req)
				}
				return 204
			}, condRequests()[1])
		})
	}
}
