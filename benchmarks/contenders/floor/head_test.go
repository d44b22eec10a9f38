package main

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	for _, c := range []struct {
		before head
		in     string
		ends   int
		rest   head
	}{
		{0, "", 0, 0},
		{0, get, 1, 0},
		{0, strings.Repeat(get, 16), 16, 0},
		{0, get + "GET /", 1, 0},
		{0, "GET / HTTP/1.1\r", 0, 1},
		{0, "GET / HTTP/1.1\r\n", 0, 2},
		{0, "GET / HTTP/1.1\r\n\r", 0, 3},
		{1, "\n\r\n", 1, 0},
		{2, "\r\n", 1, 0},
		{3, "\n", 1, 0},
		{3, "\n" + get, 2, 0},
		{3, "x\r\n\r\n", 1, 0},
		{3, "\r\n\r\n", 1, 0}, // CR CR LF CR LF: the second CR begins anew
		{2, "Host: h\r\n\r\n", 1, 0},
		{1, "\r", 0, 1},
		{2, "", 0, 2},
	} {
		ends, rest := c.before.count([]byte(c.in))
		if ends != c.ends || rest != c.rest {
			t.Errorf("head(%d).count(%q) = %d, %d, want %d, %d",
				c.before, c.in, ends, rest, c.ends, c.rest)
		}
	}
}

// FuzzCount holds the counting of a stream that is cut into two reads and into single bytes against
// a plain search.
func FuzzCount(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", uint8(16))
	f.Add("\r\n\r\n\r\n\r\n", uint8(3))
	f.Add("\r\r\n\r\r\n\r\n", uint8(5))
	f.Fuzz(func(t *testing.T, in string, at uint8) {
		want := strings.Count(in, string(blank))
		cut := min(int(at), len(in))
		first, h := head(0).count([]byte(in[:cut]))
		second, _ := h.count([]byte(in[cut:]))
		if first+second != want {
			t.Errorf("%q cut at %d: %d+%d heads, want %d", in, cut, first, second, want)
		}
		ends := 0
		h = 0
		for i := range len(in) {
			var n int
			n, h = h.count([]byte{in[i]})
			ends += n
		}
		if ends != want {
			t.Errorf("%q byte by byte: %d heads, want %d", in, ends, want)
		}
	})
}
