package router

import (
	"net/url"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for _, c := range [][2]string{
		{"", "/"}, {"/", "/"}, {"a", "/a"}, {"a/", "/a/"}, {"/a/b/", "/a/b/"}, {"//", "/"},
		{"/a//b", "/a/b"},
		{"/a/./b/.", "/a/b/"}, {"/a/b/..", "/a/"}, {"/a/b.", "/a/b."}, {"/a/b..", "/a/b.."},
		{"/a/../b/..", "/"}, {"/../..", "/"}, {"/a/b/../", "/a/"}, {"/...", "/..."},
		{"/a\x00../b", "/a\x00../b"}, {"/.\x00/b", "/.\x00/b"}, {`/a\..\b`, `/a\..\b`},
		{"/..a/b..", "/..a/b.."},
	} {
		got := Clean(c[0])
		if got != c[1] {
			t.Errorf("Clean(%q) = %q, want %q", c[0], got, c[1])
		}
		if again := Clean(got); again != got {
			t.Errorf("Clean(%q) = %q: not stable", got, again)
		}
	}
	if n := testing.AllocsPerRun(100, func() { Clean("/a/b/c/") }); n != 0 {
		t.Errorf("cleaning what is clean allocates %v times", n)
	}
}

func TestEscape(t *testing.T) {
	for _, c := range [][2]string{
		{"/a/b", "/a/b"}, {"/a\x00b", "/a%2Fb"}, {"/a b", "/a%20b"}, {"/é", "/%C3%A9"},
		{"/100%", "/100%25"}, {"/a?b#c", "/a%3Fb%23c"},
		{"/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"}, {`/\evil`, "/%5Cevil"},
		{"//evil", "/.//evil"}, {"/~-._!$&'()*+,;=:@", "/~-._!$&'()*+,;=:@"},
		{`/"<>^{|}` + "`", "/%22%3C%3E%5E%7B%7C%7D%60"},
	} {
		if got := Escape(c[0]); got != c[1] {
			t.Errorf("Escape(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

// TestEscapeAnyByte: what a client makes of an escaped path is the path, and no byte can leave the
// path or the field.
func TestEscapeAnyByte(t *testing.T) {
	for c := range 256 {
		path := "/x" + string([]byte{byte(c)}) + "y"
		escaped := Escape(path)
		u, err := url.ParseRequestURI(escaped)
		if err != nil || u.RawQuery != "" || u.Fragment != "" || u.Host != "" {
			t.Errorf("Escape(%q) = %q: %v", path, escaped, err)
			continue
		}
		if want := strings.ReplaceAll(path, "\x00", "/"); u.Path != want {
			t.Errorf("Escape(%q) = %q, which is the path %q", path, escaped, u.Path)
		}
		if decodePath(escaped) != path {
			t.Errorf("Escape(%q) = %q, which decodes to %q", path, escaped, decodePath(escaped))
		}
	}
}
