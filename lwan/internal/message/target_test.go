package message

import (
	"strings"
	"testing"
)

// readTarget reads a target that is whole.
func readTarget(method, target string) (*Head, []byte, Error) {
	buf := []byte(method + " " + target)
	h, m, start := new(Head), TargetMarks(0), len(method)+1
	h.Reset()
	if end := m.Scan(buf, start); end != len(buf) {
		return h, buf, Error{400, end, ReasonTargetByte}
	}
	return h, buf, h.SetTarget(buf, SpanOf(0, start-1), SpanOf(start, len(buf)), m)
}

// PlainPath promises that CleanPath would leave the path as it is.
func checkPlain(t *testing.T, h *Head, in []byte) {
	t.Helper()
	raw := h.Path.Of(in)
	cleaned, clean, err := CleanPath(nil, raw)
	if h.PlainPath && (err.Status != 0 || !clean || string(cleaned) != string(raw)) {
		t.Errorf("%q is said to be plain, and is cleaned to %q, %v, %v", raw, cleaned, clean, err)
	}
}

func TestPlainPath(t *testing.T) {
	for _, path := range []string{
		"/", "/a", "/a/", "//", "/a/.", "/..", "/a..", "/%41", "/a/.b", "/a./b", "/a/b//",
	} {
		for _, target := range []string{path, "http://h" + path} {
			h, buf, err := readTarget("GET", target)
			if err.Status != 0 {
				t.Fatal(err)
			}
			checkPlain(t, h, buf)
			want := !strings.Contains(path, "%") && !strings.Contains(path, "//") &&
				!strings.Contains(path, "/.")
			if h.PlainPath != want {
				t.Errorf("%q: plain is %v", target, h.PlainPath)
			}
		}
	}
}

// What is shown of a target is read as what was sent, and is nothing that would have to be encoded
// again.
func TestAppendTarget(t *testing.T) {
	for _, c := range []struct{ target, want string }{
		{"/a/b?c=d&e[]=%7c", "/a/b?c=d&e[]=%7c"},
		{"/^`{|}<>\"", "/%5E%60%7B%7C%7D%3C%3E%22"},
		{"/?\\#\"", "/?%5C%23%22"},
		{"/\u00e4?\xff", "/%C3%A4?%FF"},
	} {
		got := AppendTarget([]byte("x"), []byte(c.target))
		if string(got) != "x"+c.want {
			t.Errorf("%q: %q, want %q", c.target, got[1:], c.want)
		}
		if h, _, err := readTarget("GET", string(got[1:])); err.Status != 0 || h.BareTarget {
			t.Errorf("%q is not canonical: %v", got[1:], err)
		}
	}
}
