package router

import "testing"

// TestFindDoesNotAllocate covers every way in which a request is found, and whatever a client may
// send.
func TestFindDoesNotAllocate(t *testing.T) {
	github := tableOf(t, githubRoutes(t)...)
	mixed := tableOf(t, "/a/{b}/c", "/a/x/d", "BREW /pot", "h.example/{x}", "/static/",
		"GET h.example/{x}/{y}/z/{rest...}", "/1/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}")
	var p Params
	for _, c := range []struct {
		name               string
		table              *Table[string]
		method, host, path string
		want               Kind
		most               float64
	}{
		{"static", github, "GET", "", "/user/repos", Found, 0},
		{"params", github, "GET", "", "/repos/a/b/pulls/1/files", Found, 0},
		{"tail", mixed, "GET", "", "/static/css/a.css", Found, 0},
		{"named tail", mixed, "GET", "h.example", "/b/b/z/d/e", Found, 0},
		{"fall back", mixed, "GET", "", "/a/x/c", Found, 0},
		{"host", mixed, "GET", "H.Example:8080", "/v", Found, 0},
		{"extension method", mixed, "BREW", "h", "/pot", Found, 0},
		{"ten wildcards", mixed, "GET", "", "/1/2/3/4/5/6/7/8/9/10/11", Found, 0},
		{"not found", github, "GET", "", "/users/a/b/c", NotFound, 0},
		{"405 with its list", github, "BREW", "", "/user", MethodNotAllowed, 1},
		{"redirect with its location", mixed, "GET", "", "/static", Redirect, 1},
	} {
		_, got := c.table.Find(c.method, c.host, c.path, &p)
		if got.Kind != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.Kind, c.want)
		}
		n := testing.AllocsPerRun(100, func() { c.table.Find(c.method, c.host, c.path, &p) })
		if n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.most)
		}
	}
}

func TestParamsDoNotAllocate(t *testing.T) {
	table := tableOf(t, "/{x}/{y...}")
	var p Params
	table.Find("GET", "", "/a/b/c", &p)
	sum := 0
	if n := testing.AllocsPerRun(100, func() {
		_, first := p.At(0)
		sum += len(first) + len(p.Get("y")) + len(p.Rest())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
