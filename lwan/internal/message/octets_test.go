package message

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// Eight octets at a time must find what one at a time finds: every octet at every place, among
// neighbours that make borrows.
func TestWordTestsAgainstOneOctetAtATime(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	neighbours := []byte{0x00, 0x01, 0x1f, 0x20, 0x21, '9', ':', ';', 0x7e, 0x7f, 0x80, 0x81, 0xff}
	for c := range 256 {
		for at := range 8 {
			for range 40 {
				var b [8]byte
				for i := range b {
					b[i] = neighbours[random.IntN(len(neighbours))]
				}
				b[at] = byte(c)
				w := binary.LittleEndian.Uint64(b[:])
				checkFirst(t, b[:], octetsEqual(w, ':'), func(c byte) bool { return c == ':' })
				checkFirst(t, b[:], controls(w), func(c byte) bool { return c < 0x20 || c == 0x7f })
			}
		}
	}
}

func checkFirst(t *testing.T, b []byte, test uint64, want func(byte) bool) {
	t.Helper()
	i := 0
	for i < len(b) && !want(b[i]) {
		i++
	}
	got := 8
	if test != 0 {
		got = firstOctet(test)
	}
	if got != i {
		t.Fatalf("% x: first at %d, want %d", b, got, i)
	}
}

func TestScannersAgainstTables(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 5000 {
		b := make([]byte, random.IntN(40))
		for i := range b {
			b[i] = byte(0x20 + random.IntN(0x60))
			if random.IntN(12) == 0 {
				b[i] = byte(random.IntN(256))
			}
		}
		for from := range len(b) + 1 {
			end, colon := from, from
			for end < len(b) && (b[end] == '\t' || b[end] >= 0x20 && b[end] != 0x7f) {
				end++
			}
			for colon < len(b) && b[colon] != ':' {
				colon++
			}
			if got := ValueEnd(b, from); got != end {
				t.Fatalf("%q from %d: value ends at %d, want %d", b, from, got, end)
			}
			if got := FindColon(b, from); got != colon {
				t.Fatalf("%q from %d: colon at %d, want %d", b, from, got, colon)
			}
		}
	}
}

func TestOctetClasses(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		visible := c > 0x20 && c < 0x7f
		got, want := tokenOctet[c], visible && !strings.ContainsAny(s, "\"(),/:;<=>?@[\\]{}")
		if got != want {
			t.Errorf("%q in a token: %v", s, got)
		}
		high := c >= 0x80
		if got, want := queryClasses[c] != queryEnd, visible || high; got != want {
			t.Errorf("%q in a query: %v", s, got)
		}
		got, want = queryClasses[c] == queryBare, high || strings.ContainsAny(s, "\"#<>\\^`{|}")
		if got != want {
			t.Errorf("%q bare in a query: %v", s, got)
		}
		got, want = pathClasses[c] != pathEnd, visible && !strings.ContainsAny(s, "#\\") || high
		if got != want {
			t.Errorf("%q in a path: %v", s, got)
		}
		got, want = pathClasses[c] == pathBare, high || strings.ContainsAny(s, "\"<>^`{|}")
		if got != want {
			t.Errorf("%q bare in a path: %v", s, got)
		}
		got, want = pcharOctet[c], visible && !strings.ContainsAny(s, "\"#%/<>?[\\]^`{|}")
		if got != want {
			t.Errorf("%q as pchar: %v", s, got)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for _, c := range []struct {
		b, s string
		want bool
	}{
		{"Chunked", "chunked", true}, {"CHUNKED", "chunked", true}, {"chunke", "chunked", false},
		{"", "", true}, {"keep\ralive", "keep-alive", false}, {"\x0babc", "+abc", false},
		{"@", "`", false}, {"[", "{", false},
	} {
		if got := EqualFold([]byte(c.b), c.s); got != c.want {
			t.Errorf("%q, %q: %v", c.b, c.s, got)
		}
	}
}
