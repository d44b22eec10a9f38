package scgi

import (
	"strconv"
	"strings"
	"testing"
)

func TestExample(t *testing.T) { // that of the protocol's text
	var h Head
	for range 2 {
		h.Begin(27)
		h.Add("REQUEST_METHOD", "POST")
		h.Add("REQUEST_URI", "/deepthought")
		const want = "70:CONTENT_LENGTH\x0027\x00SCGI\x001\x00REQUEST_METHOD\x00POST\x00" +
			"REQUEST_URI\x00/deepthought\x00,"
		if got := string(h.Append(nil)); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

// parse is the other side, written straight from the protocol's text.
func parse(t *testing.T, s string) (pairs [][2]string) {
	t.Helper()
	length, rest, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || len(rest) != n+1 || rest[n] != ',' {
		t.Fatalf("no netstring: %q", s)
	}
	parts := strings.Split(rest[:n], "\x00")
	if len(parts)%2 != 1 || parts[len(parts)-1] != "" {
		t.Fatalf("no pairs: %q", s)
	}
	for i := 0; i+1 < len(parts); i += 2 {
		pairs = append(pairs, [2]string{parts[i], parts[i+1]})
	}
	return pairs
}

func FuzzHead(f *testing.F) {
	f.Add("A", "b", int64(0))
	f.Add("A\x00B", "b", int64(1<<40))
	f.Add("", "\x00", int64(7))
	f.Fuzz(func(t *testing.T, name, value string, length int64) {
		var h Head
		h.Begin(length)
		added := h.Add(name, value)
		if want := !strings.Contains(name+value, "\x00"); added != want {
			t.Fatalf("Add(%q, %q) = %v", name, value, added)
		}
		pairs := parse(t, string(h.Append(nil)))
		want := [][2]string{{"CONTENT_LENGTH", strconv.FormatInt(length, 10)}, {"SCGI", "1"}}
		if added {
			want = append(want, [2]string{name, value})
		}
		if len(pairs) != len(want) {
			t.Fatalf("%q, want %q", pairs, want)
		}
		for i := range want {
			if pairs[i] != want[i] {
				t.Fatalf("%q, want %q", pairs, want)
			}
		}
	})
}
