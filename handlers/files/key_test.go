package files

import (
	"context"
	"strings"
	"testing"

	"github.com/golwan/golwan/cache"
)

func TestSplit(t *testing.T) {
	exclude, err := compilePatterns([]string{"*.bak", "/private"})
	if err != nil {
		t.Fatal(err)
	}
	n := &names{exclude: exclude}
	open := &names{hidden: true}
	tests := []struct {
		key, name string
		dir       bool
		ok, all   bool // with n, with open
	}{
		{"", ".", true, true, true},
		{"a", "a", false, true, true},
		{"a/", "a", true, true, true},
		{"a/b.txt", "a/b.txt", false, true, true},
		{"\xff\xfe", "\xff\xfe", false, true, true},
		{".git", ".git", false, false, true},
		{"a/.git/config", "a/.git/config", false, false, true},
		{".well-known/x", ".well-known/x", false, true, true},
		{".well-known/", ".well-known", true, true, true},
		{".well-known/.x", ".well-known/.x", false, false, true},
		{".well-knownx", ".well-knownx", false, false, true},
		{"a/.well-known/x", "a/.well-known/x", false, false, true},
		{"x.bak", "x.bak", false, false, true},
		{"private/x", "private/x", false, false, true},
		{"a/private/x", "a/private/x", false, true, true},
		{"..", "", false, false, false},
		{"a/../b", "", false, false, false},
		{"./a", "", false, false, false},
		{"a//b", "", false, false, false},
		{"/a", "", false, false, false},
		{"/", "", true, false, false},
		{"a//", "", true, false, false},
		{".", "", false, false, false},
		{"a\x00b", "", false, false, false}, // "a%2Fb"
		{`a\b`, "", false, false, false},
		{`..\b`, "", false, false, false},
	}
	for _, tt := range tests {
		name, dir, ok := n.split(tt.key)
		if ok != tt.ok || (ok && (name != tt.name || dir != tt.dir)) {
			t.Errorf("%q: %q, %v, %v; want %q, %v, %v",
				tt.key, name, dir, ok, tt.name, tt.dir, tt.ok)
		}
		if _, _, ok := open.split(tt.key); ok != tt.all {
			t.Errorf("%q, hidden ones included: %v", tt.key, ok)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"", "a/b", "../x", "a/./b", "a\\b", "a\x00", ".hidden", "//"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		name, _, ok := (&names{}).split(key)
		if !ok {
			return
		}
		for segment := range strings.SplitSeq(name, "/") {
			if segment == "" || segment == ".." || (segment == "." && name != ".") ||
				strings.ContainsAny(segment, "\x00\\") {
				t.Errorf("%q: %q", key, name)
			}
			if segment[0] == '.' && name != "." && !strings.HasPrefix(name, ".well-known") {
				t.Errorf("%q: %q is hidden", key, name)
			}
		}
	})
}

// A cache that is asked with a view gives what it gives for a copy, and nothing of the view is left
// in it when the bytes change: this is why view is sound.
func TestView(t *testing.T) {
	c := cache.New(cache.Config[string, string]{
		Create: func(_ context.Context, key string) (string, error) {
			if key == "bad" {
				return "", errNotFound
			}
			return "made of " + key, nil
		},
	})
	defer c.Close()
	get := func(key string) {
		ref, err := c.Get(t.Context(), key)
		if err == nil {
			ref.Release()
		}
	}
	get("key")
	get("bad")
	b := []byte("key")
	for range 3 {
		for _, key := range []string{"key", "bad", "new", "key"} {
			copy(b, key)
			ref, ok := c.Peek(view(b))
			same, sameOK := c.Peek(key)
			if ok != sameOK || ref.Value() != same.Value() ||
				(c.Failure(view(b)) == nil) != (c.Failure(key) == nil) {
				t.Errorf("%s: %q, %v; with a copy %q, %v",
					key, ref.Value(), ok, same.Value(), sameOK)
			}
			ref.Release()
			same.Release()
		}
	}
	if n := c.Stats().Entries; n != 1 && n != 2 { // "key", and "bad" if failures are kept
		t.Errorf("%d entries", n)
	}
	if view(nil) != "" || view([]byte{}) != "" {
		t.Error("a view of nothing")
	}
}
