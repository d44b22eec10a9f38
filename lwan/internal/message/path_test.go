package message

import (
	"net/url"
	"path"
	"strings"
	"testing"
)

func TestCleanPath(t *testing.T) {
	for _, c := range []struct {
		raw, want string
		clean     bool
	}{
		{"", "/", true},
		{"/", "/", true},
		{"/a", "/a", true},
		{"/a/", "/a/", true},
		{"/a/b.c", "/a/b.c", true},
		{"//", "/", false},
		{"//a", "/a", false},
		{"/a//b", "/a/b", false},
		{"/a//", "/a/", false},
		{"/a///b///", "/a/b/", false},
		{"/.", "/", false},
		{"/..", "/", false},
		{"/./", "/", false},
		{"/../", "/", false},
		{"/a/.", "/a/", false},
		{"/a/b/.", "/a/b/", false},
		{"/a/b/%2e", "/a/b/", false},
		{"/a/b//.", "/a/b/", false},
		{"/a/b/./..", "/a/", false},
		{"/a%2F..", "/a\x00..", true},
		{"/a/./", "/a/", false},
		{"/a/./b", "/a/b", false},
		{"/a/..", "/", false},
		{"/a/../", "/", false},
		{"/a/b/..", "/a/", false},
		{"/a/b/../", "/a/", false},
		{"/a/../b", "/b", false},
		{"/../../../etc/passwd", "/etc/passwd", false},
		{"/a/b/c/../../d", "/a/d", false},
		{"/...", "/...", true},
		{"/.a/..b/c./d..", "/.a/..b/c./d..", true},
		{"/%61", "/a", true},
		{"/a%20b", "/a b", true},
		{"/%C3%a4", "/ä", true},
		{"/%ff", "/\xff", true},
		{"/%2e", "/", false},
		{"/%2E%2e/a", "/a", false},
		{"/a/.%2e/b", "/b", false},
		{"/a%2e", "/a.", true},
		{"/a%2Fb", "/a\x00b", true},
		{"/a%2fb/", "/a\x00b/", true},
		{"/%2F", "/\x00", true},
		{"/%2f..%2f", "/\x00..\x00", true},
		{"/..%2f..%2fetc", "/..\x00..\x00etc", true},
		{"/a/%2f/../b", "/a/b", false},
		{"/a%5C..%5cb", "/a\\..\\b", true},
		{"/%25%32%46", "/%2F", true},
		{"/%252f", "/%2f", true},
	} {
		got, clean, err := CleanPath(nil, []byte(c.raw))
		if string(got) != c.want || clean != c.clean || err.Status != 0 {
			t.Errorf("%q: %q, clean %v, %v; want %q, %v", c.raw, got, clean, err, c.want, c.clean)
		}
		got, _, _ = CleanPath([]byte("/x/y"), []byte(c.raw))
		if string(got) != "/x/y"+c.want {
			t.Errorf("%q behind /x/y: %q", c.raw, got)
		}
	}
}

func TestCleanPathRefuses(t *testing.T) {
	for _, c := range []struct {
		raw    string
		offset int
		reason string
	}{
		{"/a%", 2, ReasonEscape},
		{"/a%4", 2, ReasonEscape},
		{"/a%4/1", 2, ReasonEscape},
		{"/a/%zz", 3, ReasonEscape},
		{"/a/../%g1", 6, ReasonEscape},
		{"/%00", 1, ReasonEscapedNUL},
		{"/a/b%00c", 4, ReasonEscapedNUL},
	} {
		got, clean, err := CleanPath([]byte("kept"), []byte(c.raw))
		if want := (Error{400, c.offset, c.reason}); err != want || clean || string(got) != "kept" {
			t.Errorf("%q: %q, %v, %v; want %v", c.raw, got, clean, err, want)
		}
	}
}

// cleanTwin is CleanPath in the words of net/http: decode, path.Clean, and keep the slash at the
// end. Other than there, it stays before dots too: RFC 3986 section 5.2.4.
func cleanTwin(raw string) (cleaned string, clean, ok bool) {
	const slash = "\x00"
	decoded, err := url.PathUnescape(strings.NewReplacer("%2F", slash, "%2f", slash).Replace(raw))
	if err != nil || strings.Contains(strings.ToLower(raw), "%00") {
		return "", false, false
	}
	if decoded == "" {
		return "/", true, true
	}
	cleaned = path.Clean(decoded)
	switch last := decoded[strings.LastIndexByte(decoded, '/')+1:]; last {
	case "", ".", "..":
		if cleaned != "/" {
			cleaned += "/"
		}
	}
	return cleaned, cleaned == decoded, true
}

func checkAgainstTwin(t *testing.T, raw string) {
	t.Helper()
	want, wantClean, ok := cleanTwin(raw)
	got, clean, err := CleanPath(nil, []byte(raw))
	if (err.Status == 0) != ok || ok && (string(got) != want || clean != wantClean) {
		t.Errorf("%q: %q, clean %v, %v; want %q, %v, %v", raw, got, clean, err, want, wantClean, ok)
	}
}

// All paths of up to five of these parts.
func TestCleanPathAgainstTwin(t *testing.T) {
	parts := []string{"/", ".", "a", "%2e", "%2F", "%4"}
	var build func(prefix string, depth int)
	build = func(prefix string, depth int) {
		checkAgainstTwin(t, prefix)
		for _, part := range parts {
			if depth < 5 {
				build(prefix+part, depth+1)
			}
		}
	}
	build("/", 0)
}

// appendEscaped appends path, decoded, as it may stand in a URI: what RFC 3986 section 3.3 does not
// allow in a path is escaped, and EncodedSlash is "%2F" again. It undoes CleanPath.
func appendEscaped(dst, path []byte) []byte {
	for _, c := range path {
		switch {
		case c == EncodedSlash:
			dst = append(dst, "%2F"...)
		default:
			dst = appendOctet(dst, c, !pcharOctet[c] && c != '/')
		}
	}
	return dst
}

// checkEscapedRoundTrip: what appendEscaped writes, CleanPath reads, and it is a path that a target
// may have.
func checkEscapedRoundTrip(t *testing.T, cleaned []byte) {
	t.Helper()
	escaped := appendEscaped(nil, cleaned)
	again, clean, err := CleanPath(nil, escaped)
	if err.Status != 0 || !clean || string(again) != string(cleaned) {
		t.Errorf("%q escaped is %q, which is read as %q, clean %v, %v",
			cleaned, escaped, again, clean, err)
	}
	if _, _, err := readTarget("GET", string(escaped)); err.Status != 0 {
		t.Errorf("%q escaped is %q: %v", cleaned, escaped, err)
	}
}

func TestEscapedRoundTrip(t *testing.T) {
	for c := 1; c < 256; c++ {
		checkEscapedRoundTrip(t, []byte{'/', 'a', byte(c), 'b'})
	}
	checkEscapedRoundTrip(t, []byte("/a\x00b/\x00"))
}
