package files

import (
	"path"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*.map", "app.js.map", true},
		{"*.map", "deep/down/app.js.map", true},
		{"*.map", "app.map.js", false},
		{"*.map", "x.map/inside.js", true}, // everything below what fits
		{"*", "anything/at/all", true},
		{"*", ".", true},
		{"node_modules", "node_modules/x/y.js", true},
		{"node_modules", "a/node_modules/y.js", true},
		{"node_modules", "node_modules2/y.js", false},
		{"node_modules/", "node_modules/y.js", true},
		{"/robots.txt", "robots.txt", true},
		{"/robots.txt", "sub/robots.txt", false},
		{"assets/*", "assets/app.js", true},
		{"assets/*", "assets/js/app.js", true},
		{"assets/*", "assets", false},
		{"assets/*", "x/assets/app.js", false},
		{"assets/*.js", "assets/app.js", true},
		{"assets/*.js", "assets/app.css", false},
		{"a/*/c", "a/b/c/d", true},
		{"a/*/c", "a/b/d", false},
		{"a/*/c", "a/b", false},
		{"[ab].txt", "x/a.txt", true},
		{"?", "ü", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
	}
	for _, tt := range tests {
		p, err := compilePattern(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
		} else if got := p.matches(tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
	for _, bad := range []string{"", "/", "a//b", "[", "a/[b", "//"} {
		if _, err := compilePattern(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// The more specific pattern counts, whatever the order of the map.
func TestRules(t *testing.T) {
	r, err := compileRules(map[string]string{
		"*": "all", "*.js": "scripts", "assets/*": "assets",
		"/assets/v1/*.js": "old scripts", "/sw.js": "worker",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"index.html": "all", "x/app.js": "scripts", "assets/app.js": "assets",
		"assets/v1/app.js": "old scripts", "assets/v1/app.css": "assets", "sw.js": "worker",
		"x/sw.js": "scripts", ".": "all",
	} {
		if got, ok := r.find(name); got != want || !ok {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, ok := (rules[string]{}).find("x"); ok {
		t.Error("a rule where there is none")
	}
}

// FuzzPattern compares with path.Match: a rooted pattern fits the beginning of a path that has as
// many segments, another one fits a segment. path.Match lets a class of characters be a slash, so
// there are none here.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"*.js", "a/b.js"}, {"/a/*", "a/b"}, {"a[b", "x"}, {"a/b/c", "a"}, {"a/?", "a//b"},
		{"*/", "a/b"}, {"", "a"}, {"/a*", "ab/c"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := compilePattern(text)
		if err != nil {
			return
		}
		got := p.matches(name)
		if got && !p.matches(name+"/below") {
			t.Errorf("%q matches %q and not what is below it", text, name)
		}
		if strings.ContainsAny(text, `[\`) {
			return
		}
		want, segments := false, strings.Split(name, "/")
		if trimmed := strings.Trim(text, "/"); !p.rooted {
			for _, s := range segments {
				want = want || mustMatch(t, trimmed, s)
			}
		} else if n := len(p.segments); n <= len(segments) {
			want = mustMatch(t, trimmed, strings.Join(segments[:n], "/"))
		}
		if got != want {
			t.Errorf("%q and %q: %v, path.Match: %v", text, name, got, want)
		}
	})
}

func mustMatch(t *testing.T, pattern, name string) bool {
	t.Helper()
	ok, err := path.Match(pattern, name)
	if err != nil {
		t.Fatalf("%q was compiled: %v", pattern, err)
	}
	return ok
}
