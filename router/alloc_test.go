package router

import "testing"

// TestFindDoesNotAllocate covers every way in which a request is found, and what a stranger can send at will.
func TestFindDoesNotAllocate(t *testing.T) {
	github := githubTable(t)
	mixed := tableOf(t, "/a/{b}/c", "/a/x/d", "BREW /pot", "h.example/{x}", "/static/", "GET h.example/{x}/{y}/z/{rest...}",
		"/1/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}")
	var p Params
	for _, c := range []struct {
		name string
		find func() Kind
		want Kind
		most float64
	}{
		{"static", func() Kind { _, r := github.Find("GET", "", "/user/repos", &p); return r.Kind }, Found, 0},
		{"params", func() Kind { _, r := github.Find("GET", "", "/repos/a/b/pulls/1/files", &p); return r.Kind }, Found, 0},
		{"tail", func() Kind { _, r := mixed.Find("GET", "", "/static/css/a.css", &p); return r.Kind }, Found, 0},
		{"named tail", func() Kind { _, r := mixed.Find("GET", "h.example", "/b/b/z/d/e", &p); return r.Kind }, Found, 0},
		{"fall back", func() Kind { _, r := mixed.Find("GET", "", "/a/x/c", &p); return r.Kind }, Found, 0},
		{"host", func() Kind { _, r := mixed.Find("GET", "H.Example:8080", "/v", &p); return r.Kind }, Found, 0},
		{"extension method", func() Kind { _, r := mixed.Find("BREW", "h", "/pot", &p); return r.Kind }, Found, 0},
		{"ten wildcards", func() Kind { _, r := mixed.Find("GET", "", "/1/2/3/4/5/6/7/8/9/10/11", &p); return r.Kind }, Found, 0},
		{"not found", func() Kind { _, r := github.Find("GET", "", "/users/a/b/c", &p); return r.Kind }, NotFound, 0},
		{"405 with its list", func() Kind { _, r := github.Find("BREW", "", "/user", &p); return r.Kind }, MethodNotAllowed, 1},
		{"redirect with its location", func() Kind { _, r := mixed.Find("GET", "", "/static", &p); return r.Kind }, Redirect, 1},
	} {
		if got := c.find(); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if n := testing.AllocsPerRun(100, func() { c.find() }); n > c.most {
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
