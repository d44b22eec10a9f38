package router

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
)

// request is one lookup of a benchmark.
type request struct{ method, path string }

// githubRoutes is the GitHub API of version 3: about 200 routes, a third of them static.
func githubRoutes(tb testing.TB) []string {
	text, err := os.ReadFile("testdata/github.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// requestFor is a request for the pattern, each wildcard filled with its own name.
func requestFor(pattern string) request {
	method, path, _ := strings.Cut(pattern, " ")
	return request{method, strings.NewReplacer("{", "", "...}", "/and/more", "}", "").Replace(path)}
}

func githubTable(tb testing.TB) *Table[int] {
	t := &Table[int]{}
	for i, p := range githubRoutes(tb) {
		t.Add(p, i, "testdata/github.txt")
	}
	if err := t.Build(); err != nil {
		tb.Fatal(err)
	}
	return t
}

// githubCases are the sets of requests that both benchmarks look up.
func githubCases(tb testing.TB) map[string][]request {
	var all []request
	for _, p := range githubRoutes(tb) {
		all = append(all, requestFor(p))
	}
	return map[string][]request{
		"static": {{"GET", "/user/repos"}},
		"param":  {{"GET", "/repos/golang/go/pulls/4711/files"}},
		"all":    all,
	}
}

var caseNames = []string{"static", "param", "all"}

func BenchmarkRouter(b *testing.B) {
	t, cases := githubTable(b), githubCases(b)
	for _, name := range caseNames {
		b.Run(name, func(b *testing.B) {
			var p Params
			requests := cases[name]
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range requests {
					if _, res := t.Find(r.method, "", r.path, &p); res.Kind != Found {
						b.Fatal(r, res)
					}
				}
			}
		})
	}
}

// BenchmarkHostile is the worst that a client can make of a table with a literal beside a wildcard
// in each of six segments: the walk takes all 64 ways down, reads the last segment on each, and
// finds nothing. The time per byte must not grow with the path.
func BenchmarkHostile(b *testing.B) {
	t := &Table[int]{}
	for way := range 64 {
		var pattern strings.Builder
		for i := range 6 {
			if way>>i&1 == 0 {
				pattern.WriteString("/a")
			} else {
				pattern.WriteString("/{x" + strconv.Itoa(i) + "}")
			}
		}
		t.Add(pattern.String()+"/{y}/"+strconv.Itoa(way), way, "")
	}
	if err := t.Build(); err != nil {
		b.Fatal(err)
	}
	for _, size := range []int{100, 1000, 10000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			var p Params
			path := strings.Repeat("/a", 6) + "/" + strings.Repeat("y", size)
			b.SetBytes(int64(len(path)))
			for b.Loop() {
				if _, res := t.Find("GET", "", path, &p); res.Kind != NotFound {
					b.Fatal(res)
				}
			}
		})
	}
}

// BenchmarkServeMux is the twin: the lookup alone, as Handler does it.
func BenchmarkServeMux(b *testing.B) {
	mux, cases := http.NewServeMux(), githubCases(b)
	for _, p := range githubRoutes(b) {
		mux.HandleFunc(p, func(http.ResponseWriter, *http.Request) {})
	}
	for _, name := range caseNames {
		b.Run(name, func(b *testing.B) {
			var rs []*http.Request
			for _, r := range cases[name] {
				rs = append(rs, httptest.NewRequest(r.method, r.path, nil))
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, r := range rs {
					if _, pattern := mux.Handler(r); pattern == "" {
						b.Fatal(r.Method, r.URL)
					}
				}
			}
		})
	}
}

// BenchmarkGrowth is a lookup in tables of more and more routes, half of them with a parameter.
func BenchmarkGrowth(b *testing.B) {
	for n := 10; n <= 100_000; n *= 10 {
		t := &Table[int]{}
		var requests []request
		for i := range n {
			pattern := "GET /group" + strconv.Itoa(i/100) + "/item" + strconv.Itoa(i)
			if i%2 == 1 {
				pattern += "/{id}"
			}
			t.Add(pattern, i, "")
			requests = append(requests, requestFor(pattern))
		}
		if err := t.Build(); err != nil {
			b.Fatal(err)
		}
		b.Run("routes="+strconv.Itoa(n), func(b *testing.B) {
			var p Params
			for i := 0; b.Loop(); i++ {
				r := requests[i*7919%n] // not in the order in which memory is
				if _, res := t.Find(r.method, "", r.path, &p); res.Kind != Found {
					b.Fatal(r, res)
				}
			}
		})
	}
}
