package router

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestFind walks through the rules one by one; TestLikeServeMux is what proves them.
func TestFind(t *testing.T) {
	table := tableOf(t,
		"GET /", "GET /users/{id}", "GET /users/me", "POST /users/{id}",
		"PUT /users/{id}/posts/{post}", "GET /files/{path...}", "GET /static/", "GET /static/{$}",
		"HEAD /static/logo", "GET /static/logo",
		"GET /dir/{$}", "GET /opt/{x}/", "BREW /pot", "GET /pot", "CONNECT /empty//")
	for _, c := range []struct {
		method, path string
		kind         Kind
		pattern      string
		allow        string
		location     string
	}{
		{"GET", "/", Found, "GET /", "", ""},
		{"HEAD", "/x/y", Found, "GET /", "", ""},
		{"POST", "/x/y", MethodNotAllowed, "GET /", "GET, HEAD", ""},
		{"GET", "/users/me", Found, "GET /users/me", "", ""},
		{"GET", "/users/you", Found, "GET /users/{id}", "", ""},
		{"POST", "/users/me", Found, "POST /users/{id}", "", ""},
		{"DELETE", "/users/me", MethodNotAllowed, "GET /users/me", "GET, HEAD, POST", ""},
		{"GET", "/users/", Found, "GET /", "", ""}, // {id} takes no empty segment
		{"GET", "/users/1/posts/2", Found, "GET /", "", ""},
		{"PUT", "/users/1/posts/2", Found, "PUT /users/{id}/posts/{post}", "", ""},
		{"GET", "/files/a/b", Found, "GET /files/{path...}", "", ""},
		{"GET", "/files/", Found, "GET /files/{path...}", "", ""},
		{"GET", "/files", Redirect, "GET /files/{path...}", "", "/files/"},
		{"POST", "/files", MethodNotAllowed, "GET /files/{path...}", "GET, HEAD", ""},
		{"GET", "/static/", Found, "GET /static/{$}", "", ""},
		{"GET", "/static/a", Found, "GET /static/", "", ""},
		{"HEAD", "/static/logo", Found, "HEAD /static/logo", "", ""},
		{"GET", "/static/logo", Found, "GET /static/logo", "", ""},
		{"HEAD", "/static", Redirect, "GET /static/{$}", "", "/static/"},
		{"GET", "/dir", Redirect, "GET /dir/{$}", "", "/dir/"},
		{"GET", "/dir/x", Found, "GET /", "", ""},
		{"GET", "/opt/a\x00b\r\n", Redirect, "GET /opt/{x}/", "", "/opt/a%2Fb%0D%0A/"},
		{"BREW", "/pot", Found, "BREW /pot", "", ""},
		{"BREWS", "/pot", MethodNotAllowed, "BREW /pot", "BREW, GET, HEAD", ""},
		// methods are case-sensitive
		{"get", "/pot", MethodNotAllowed, "BREW /pot", "BREW, GET, HEAD", ""},
		{"CONNECT", "/empty//x", Found, "CONNECT /empty//", "", ""},
		// one slash is never added to another
		{"CONNECT", "/empty/", MethodNotAllowed, "GET /", "GET, HEAD", ""},
		{"OPTIONS", "*", NotFound, "", "", ""},
		{"GET", "", NotFound, "", "", ""},
		{"GET", "users/me", NotFound, "", "", ""},
	} {
		var p Params
		v, res := table.Find(c.method, "", c.path, &p)
		want := Result{c.kind, c.pattern, c.allow, c.location}
		if res != want || v != c.pattern {
			t.Errorf("%s %q: %q, %+v, want %+v", c.method, c.path, v, res, want)
		}
	}
}

func TestAllow(t *testing.T) {
	table := tableOf(t, "GET /a", "POST /{x}", "BREW /a", "/b/{y}", "PUT h/a", "DELETE /c/",
		"HEAD /d")
	for _, c := range []struct {
		host, path, want string
		any              bool
	}{
		{"", "/a", "BREW, GET, HEAD, POST", false},
		{"h:80", "/a", "BREW, GET, HEAD, POST, PUT", false},
		{"", "/b/c", "", true},
		{"", "/c", "DELETE, POST", false},
		{"", "/c/x", "DELETE", false},
		{"", "/d", "HEAD, POST", false},
		{"", "/x/y", "", false},
		{"", "*", "", false},
	} {
		if got, any := table.Allow(c.host, c.path); got != c.want || any != c.any {
			t.Errorf("Allow(%q, %q) = %q, %v; want %q, %v", c.host, c.path, got, any, c.want, c.any)
		}
	}
}

func TestZeroTable(t *testing.T) {
	var table Table[int]
	var p Params
	if v, res := table.Find("GET", "h", "/", &p); v != 0 || res != (Result{Kind: NotFound}) {
		t.Errorf("before Build: %d, %+v", v, res)
	}
	if err := table.Build(); err != nil {
		t.Error(err)
	}
	if v, res := table.Find("GET", "h", "/", &p); v != 0 || res != (Result{Kind: NotFound}) {
		t.Errorf("of no patterns: %d, %+v", v, res)
	}
	if methods, any := table.Allow("h", "/"); methods != "" || any {
		t.Errorf("Allow of no patterns: %q, %v", methods, any)
	}
}

// TestBuildReportsAll: every fault in one error, each with the places that it is about.
func TestBuildReportsAll(t *testing.T) {
	var table Table[int]
	for i, p := range []string{
		"/a", "/{", "GET /{x}/b", "GET /a/{y}", "/a", "/", "h", "/a", "GET /a",
	} {
		table.Add(p, i, "f.go:"+string(rune('1'+i)))
	}
	err := table.Build()
	want := strings.Join([]string{
		`router: "/{" (f.go:2): offset 1: a wildcard must be a whole segment: {name}`,
		`router: "h" (f.go:7): offset 0: there is no path: a slash is missing`,
		`router: "GET /a/{y}" (f.go:4) conflicts with "GET /{x}/b" (f.go:3): both match GET /a/b, and neither is more specific`,
		`router: "/a" (f.go:5) conflicts with "/a" (f.go:1): both match the same requests, such as GET /a`,
		`router: "/a" (f.go:8) conflicts with "/a" (f.go:1): both match the same requests, such as GET /a`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if again := table.Build(); again == nil || again.Error() != want {
		t.Errorf("the second time: %v", again)
	}
	var p Params
	if _, res := table.Find("GET", "", "/a", &p); res.Kind != NotFound {
		t.Errorf("a table that is not built finds something: %v", res)
	}
}

func TestLateAdd(t *testing.T) {
	table := tableOf(t, "/a")
	if err := table.Build(); err != nil {
		t.Errorf("building again: %v", err)
	}
	table.Add("/b", "/b", "f.go:9")
	err := table.Build()
	var late *LateError
	if !errors.As(err, &late) || *late != (LateError{"/b", "f.go:9"}) {
		t.Errorf("after a late Add: %v", err)
	}
	if want := `router: "/b" (f.go:9) was added after the table was built`; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	var p Params
	if v, res := table.Find("GET", "", "/a", &p); v != "/a" || res.Kind != Found {
		t.Errorf("the table itself has changed: %q, %v", v, res)
	}
	if _, res := table.Find("GET", "", "/b", &p); res.Kind != NotFound {
		t.Errorf("the late pattern is found: %v", res)
	}
}

func TestAll(t *testing.T) {
	patterns := []string{"/b", "GET /a", "h/{x...}", "/a"}
	table := tableOf(t, patterns...)
	var got []string
	for p, v := range table.All() {
		if p != v {
			t.Errorf("%q has the value %q", p, v)
		}
		got = append(got, p)
	}
	if !slices.Equal(got, patterns) {
		t.Errorf("%q, want %q", got, patterns)
	}
	for p := range table.All() {
		if p != patterns[0] {
			t.Errorf("goes on after the loop has ended: %q", p)
		}
		break
	}
}

// TestKindNames: no Kind was forgotten in the names.
func TestKindNames(t *testing.T) {
	for k, want := range map[Kind]string{
		Found: "Found", NotFound: "NotFound", MethodNotAllowed: "MethodNotAllowed",
		Redirect: "Redirect", 77: "Kind(77)",
	} {
		if k.String() != want {
			t.Errorf("%d is called %q, want %q", uint8(k), k, want)
		}
	}
}

// TestConcurrentFind: many goroutines, one table, each with Params of its own and answers of its
// own to expect.
func TestConcurrentFind(t *testing.T) {
	table := githubTable(t)
	routes := githubRoutes(t)
	var group sync.WaitGroup
	for seed := range uint64(8) {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, 4))
			var p Params
			for range 2000 {
				i := r.IntN(len(routes))
				q := requestFor(routes[i])
				v, res := table.Find(q.method, "", q.path, &p)
				if v != i || res.Kind != Found || res.Pattern != routes[i] {
					t.Errorf("%v: %d, %+v, want %d", q, v, res, i)
				}
				for j := range p.Len() {
					if name, value := p.At(j); strings.TrimSuffix(value, "/and/more") != name {
						t.Errorf("%v: %s = %q", q, name, value)
					}
				}
				table.Allow("", q.path)
			}
		})
	}
	group.Wait()
}
