package files

import (
	"mime"
	"strings"
	"testing"
	"testing/fstest"
)

func TestMediaTypes(t *testing.T) {
	plain, sniff := newMediaTypes(map[string]string{
		".Md": "text/x-own", ".utf16": "text/plain; charset=utf-16", ".none": "",
	}, false), newMediaTypes(nil, true)
	const utf8, latin = "gr\u00fc\u00df", "gr\xfc\xdf"
	for _, tt := range []struct {
		types            *mediaTypes
		name, head, want string
	}{
		{plain, "a.html", "<p>", "text/html; charset=utf-8"},
		{plain, "a.HTML", "", "text/html; charset=utf-8"},
		{plain, "a.html", latin, "text/html"},
		{plain, "a.js", utf8, "text/javascript; charset=utf-8"},
		{plain, "a.json", utf8, "application/json"},
		{plain, "a.svg", utf8, "image/svg+xml"},
		{plain, "a.tar.gz", "\x1f\x8b", "application/gzip"},
		{plain, "a.md", "x", "text/x-own; charset=utf-8"},
		{plain, "a.utf16", "x", "text/plain; charset=utf-16"},
		{plain, "a.none", "x", "application/octet-stream"},
		{plain, "Makefile", "all:", "application/octet-stream"},
		{plain, "x.nobodyknows", "<html>", "application/octet-stream"},
		{plain, ".html", "x", "text/html; charset=utf-8"},
		// a character is cut there
		{plain, "long.txt", strings.Repeat("x", endSize-1) + "\xc3", "text/plain; charset=utf-8"},
		{plain, "long.txt", strings.Repeat("x", endSize-5) + "\xc3xxxx", "text/plain"},
		{plain, "zero.txt", "a\x00b", "text/plain"},
		{sniff, "Makefile", "all:", "text/plain; charset=utf-8"},
		{sniff, "x.nobodyknows", "<html>", "text/html; charset=utf-8"},
		{sniff, "picture", "\x89PNG\x0d\x0a\x1a\x0a", "image/png"},
		{sniff, "empty", "", "text/plain; charset=utf-8"},
		{sniff, "a.css", "<html>", "text/css; charset=utf-8"},
	} {
		if got := tt.types.of(tt.name, []byte(tt.head)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for ext, typ := range knownTypes {
		_, _, err := mime.ParseMediaType(typ)
		if err != nil || ext[0] != '.' || strings.ToLower(ext) != ext {
			t.Errorf("%s: %s: %v", ext, typ, err)
		}
	}
}

func TestTypesOption(t *testing.T) {
	s := mounted(t, "/",
		Config{FS: fstest.MapFS{"a.md": {Data: []byte("x")}, "LICENSE": {Data: []byte("free")}},
			Sniff: true, Types: map[string]string{".md": "text/x-mine"}})
	for path, want := range map[string]string{
		"/a.md": "text/x-mine; charset=utf-8", "/LICENSE": "text/plain; charset=utf-8",
	} {
		if r := s.get(path); r.field("Content-Type") != want {
			t.Errorf("%s: %v", path, r.header)
		}
	}
}
