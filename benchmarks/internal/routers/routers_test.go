package routers

import (
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/julienschmidt/httprouter"

	"github.com/golwan/golwan/router"
)

// githubRoutes is the GitHub API as the router package has it for its own benchmarks: "METHOD
// /pattern/{name}".
func githubRoutes(tb testing.TB) []string {
	text, err := os.ReadFile("../../../router/testdata/github.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// tables are the routes in both routers. What httprouter cannot hold, because a literal stands
// beside a wildcard, is left out of both.
func tables(
	tb testing.TB,
) (ours *router.Table[int], theirs *httprouter.Router, requests [][2]string) {
	ours, theirs = &router.Table[int]{}, httprouter.New()
	for i, route := range githubRoutes(tb) {
		method, pattern, _ := strings.Cut(route, " ")
		if !register(theirs, method, pattern) {
			continue
		}
		ours.Add(route, i, "github.txt")
		requests = append(requests,
			[2]string{method,
				strings.NewReplacer("{", "", "...}", "/and/more", "}", "").Replace(pattern)})
	}
	if err := ours.Build(); err != nil {
		tb.Fatal(err)
	}
	return ours, theirs, requests
}

// register reports whether the router took the route; it panics at those that it cannot hold.
func register(r *httprouter.Router, method, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	// {name...} is *name there, and {name} is :name.
	var segments []string
	for segment := range strings.SplitSeq(pattern, "/") {
		name, wild := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
		switch rest, many := strings.CutSuffix(name, "..."); {
		case wild && many:
			segment = "*" + rest
		case wild:
			segment = ":" + name
		}
		segments = append(segments, segment)
	}
	r.Handle(method, strings.Join(segments, "/"),
		func(http.ResponseWriter, *http.Request, httprouter.Params) {})
	return true
}

func TestBothFindAllRoutes(t *testing.T) {
	ours, theirs, requests := tables(t)
	if n := len(githubRoutes(t)); len(requests) < n*9/10 {
		t.Errorf("httprouter holds %d of %d routes", len(requests), n)
	}
	var p router.Params
	for _, r := range requests {
		_, found := ours.Find(r[0], "", r[1], &p)
		handle, params, _ := theirs.Lookup(r[0], r[1])
		if found.Kind != router.Found || handle == nil || p.Len() != len(params) {
			t.Errorf("%s: %v with %d parameters, httprouter: %t with %d",
				r, found.Kind, p.Len(), handle != nil, len(params))
		}
	}
}

// BenchmarkGitHub looks up a static route, one with parameters, and all of them.
func BenchmarkGitHub(b *testing.B) {
	ours, theirs, all := tables(b)
	for name, requests := range map[string][][2]string{
		"static": {{"GET", "/user/repos"}},
		"param":  {{"GET", "/repos/golang/go/pulls/4711/files"}}, "all": all,
	} {
		b.Run(name+"/golwan", func(b *testing.B) {
			var p router.Params
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range requests {
					if _, found := ours.Find(r[0], "", r[1], &p); found.Kind != router.Found {
						b.Fatal(r)
					}
				}
			}
		})
		b.Run(name+"/httprouter", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range requests {
					if handle, _, _ := theirs.Lookup(r[0], r[1]); handle == nil {
						b.Fatal(r)
					}
				}
			}
		})
	}
}
