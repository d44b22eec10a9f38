package uwsgi

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestPacket(t *testing.T) {
	p := Add(Add(Begin([]byte("old")), "REQUEST_METHOD", "GET"), "X", "")
	if !End(p) {
		t.Fatal("End")
	}
	const want = "\x00\x1a\x00\x00\x0e\x00REQUEST_METHOD\x03\x00GET\x01\x00X\x00\x00"
	if string(p) != want {
		t.Errorf("%q, want %q", p, want)
	}
}

// TestSize is at the limit, and one past it.
func TestSize(t *testing.T) {
	for n, want := range map[int]bool{MaxSize - 5: true, MaxSize - 4: false, 1 << 20: false} {
		if got := End(Add(Begin(nil), "X", strings.Repeat("v", n))); got != want {
			t.Errorf("a value of %d bytes: %v, want %v", n, got, want)
		}
	}
}

func FuzzPacket(f *testing.F) {
	f.Add("A", "b")
	f.Add("", strings.Repeat("x", 300))
	f.Fuzz(func(t *testing.T, name, value string) {
		p := Add(Begin(nil), name, value)
		if !End(p) {
			if len(name)+len(value)+4 <= MaxSize {
				t.Fatalf("refused %d and %d bytes", len(name), len(value))
			}
			return
		}
		if int(binary.LittleEndian.Uint16(p[1:])) != len(p)-4 || p[0] != 0 || p[3] != 0 {
			t.Fatalf("head % x of %d bytes", p[:4], len(p))
		}
		n := int(binary.LittleEndian.Uint16(p[4:]))
		rest := p[6+n:]
		m := int(binary.LittleEndian.Uint16(rest))
		if string(p[6:6+n]) != name || string(rest[2:2+m]) != value || len(rest) != 2+m {
			t.Fatalf("%q", p)
		}
	})
}
