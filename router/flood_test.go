package router

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// collidingPatterns are literals that differ at every place in bytes that end in the same three
// bits: in the trie they are one list.
func collidingPatterns(depth int) []string {
	patterns := []string{"/"}
	for range depth {
		var longer []string
		for _, p := range patterns {
			for _, c := range []string{"'", "7", "G", "O", "W", "_", "g", "o", "w"} {
				longer = append(longer, p+c)
			}
		}
		patterns = longer
	}
	return patterns
}

// ambiguousPatterns have a literal or a wildcard in each of n segments, in all combinations: a path
// is a candidate for each of them until its end, which is another one for each, or they would be
// conflicts.
func ambiguousPatterns(n int) (patterns []string) {
	for bits := range 1 << n {
		var b strings.Builder
		for i := range n {
			if bits>>i&1 == 0 {
				b.WriteString("/a")
			} else {
				fmt.Fprintf(&b, "/{w%d}", i)
			}
		}
		patterns = append(patterns, fmt.Sprintf("%s/end%d", b.String(), bits))
	}
	return patterns
}

// TestHostilePathsCostTheirLength: whatever the table and the path, a node is entered once at most.
// Trying all ways through ten ambiguous segments again from each of them would take for ever, and
// so would a path of 1 MiB in the square of its length. Answers are those of net/http.
func TestHostilePathsCostTheirLength(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct {
		patterns []string
		paths    []string
	}{
		"colliding bytes": {collidingPatterns(3),
			[]string{"/gow", "/'77", "/gox", "/go", "/goww", "/" + strings.Repeat("gow", size/3)}},
		"ambiguous segments": {ambiguousPatterns(10), []string{
			strings.Repeat("/a", 10) + "/end1023", strings.Repeat("/a", 10) + "/none",
			strings.Repeat("/a", 11) + "/end1023", strings.Repeat("/b", 10) + "/end1023",
			strings.Repeat("/a", size/2), strings.Repeat("/"+strings.Repeat("a", size/11), 11),
		}},
		"one long segment": {[]string{"/{a}/x", "/{a}/{b}", "/{rest...}"},
			[]string{"/" + strings.Repeat("o", size), "/" + strings.Repeat("o", size) + "/y"}},
		"many segments": {[]string{"/a/{b}/c/{d}/e", "/a/{rest...}", "GET /a/{b}/{$}"},
			[]string{strings.Repeat("/a", size/2), "/a/b/c/d/" + strings.Repeat("e", size)}},
	} {
		t.Run(name, func(t *testing.T) {
			table, mux := &Table[int]{}, http.NewServeMux()
			for i, p := range c.patterns {
				table.Add(p, i, "here")
				mux.HandleFunc(p, func(http.ResponseWriter, *http.Request) {})
			}
			if err := table.Build(); err != nil {
				t.Fatal(err)
			}
			for _, path := range c.paths {
				r := httptest.NewRequest("GET", "http://x/", nil)
				r.URL.Path = path
				_, want := mux.Handler(r)
				done := make(chan string, 1)
				began := time.Now()
				go func() {
					var p Params
					i, res := table.Find("GET", "x", path, &p)
					if res.Kind == NotFound {
						done <- ""
						return
					}
					done <- c.patterns[i]
				}()
				select {
				case got := <-done:
					if got != want {
						t.Errorf("%.60s: %q, net/http has %q", path, got, want)
					}
					t.Logf("%d bytes: %v", len(path), time.Since(began))
				case <-time.After(time.Minute):
					t.Fatalf("%.60s takes for ever", path)
				}
			}
		})
	}
}
