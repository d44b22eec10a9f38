package wsframe

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// bytesOf reads hexadecimal digits, with spaces where one likes.
func bytesOf(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors holds against the examples of RFC 6455 section 5.7.
func TestVectors(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for _, tt := range []struct {
		digits  string
		want    string // a message of the Reader
		written []byte
	}{
		{"81 05 48 65 6c 6c 6f", "Hello", AppendFrame(nil, Text, []byte("Hello"))},
		{"81 85 37 fa 21 3d 7f 9f 4d 51 58", "Hello", AppendMasked(nil, Text, key,
			[]byte("Hello"))},
		{"01 03 48 65 6c 80 02 6c 6f", "Hello", nil},
		{"89 05 48 65 6c 6c 6f", "Hello", AppendFrame(nil, Ping, []byte("Hello"))},
		{"8a 85 37 fa 21 3d 7f 9f 4d 51 58", "Hello", AppendMasked(nil, Pong, key,
			[]byte("Hello"))},
	} {
		in := bytesOf(t, tt.digits)
		if tt.written != nil && !bytes.Equal(tt.written, in) {
			t.Errorf("written %x, want %x", tt.written, in)
		}
		r := Reader{FromServer: in[1]&maskBit == 0}
		m, n, err := r.Next(in)
		if string(m.Payload) != tt.want || n != len(in) || err != nil {
			t.Errorf("%s: %q, %d bytes, %v", tt.digits, m.Payload, n, err)
		}
	}
	for n, want := range map[int]string{256: "82 7e 0100", 65536: "82 7f 0000000000010000"} {
		got := AppendFrame(nil, Binary, make([]byte, n))
		if head := bytesOf(t, want); !bytes.HasPrefix(got, head) || len(got) != len(head)+n {
			t.Errorf("%d bytes: %x", n, got[:min(len(got), 10)])
		}
	}
}

// TestHeads: what is written is read again, and no part of it is a head.
func TestHeads(t *testing.T) {
	lengths := []int64{0, 1, 125, 126, 127, 65535, 65536, math.MaxInt32, math.MaxInt64}
	for _, op := range []Opcode{Continuation, Text, Binary, Close, Ping, Pong} {
		for _, length := range lengths {
			for bits := range 16 {
				h := Head{Fin: bits&1 != 0, Reserved: uint8(bits>>1&7) << 4, Op: op, Length: length}
				if bits&8 != 0 {
					h.Masked, h.Key = true, [4]byte{1, 2, 3, byte(bits)}
				}
				if op.IsControl() && (!h.Fin || length > MaxControl) {
					continue
				}
				b := AppendHead(nil, h)
				got, n, err := ParseHead(b)
				if got != h || n != len(b) || n > MaxHead || err != nil {
					t.Fatalf("%+v: %x: %+v %d %v", h, b, got, n, err)
				}
				for cut := range b {
					if _, n, err := ParseHead(b[:cut]); n != 0 || err != nil {
						t.Fatalf("%x of %x: %d %v", b[:cut], b, n, err)
					}
				}
			}
		}
	}
}

func TestBadHeads(t *testing.T) {
	for digits, want := range map[string]*Error{
		"83 00": errOpcode, "84 00": errOpcode, "85 00": errOpcode, "86 00": errOpcode,
		"87 00": errOpcode,
		"8b 00": errOpcode, "8c 00": errOpcode, "8d 00": errOpcode, "8e 00": errOpcode,
		"8f 00": errOpcode,
		"09 00": errControlFragment, "08 00": errControlFragment, "0a 00": errControlFragment,
		"89 7e": errControlLength, "88 ff": errControlLength, "8a 7e 0001": errControlLength,
		"82 7e 0000": errLength, "82 7e 007d": errLength, "82 7f 000000000000ffff": errLength,
		"82 7f 8000000000000000": errLength, "82 7f ffffffffffffffff": errLength,
	} {
		if _, n, err := ParseHead(bytesOf(t, digits)); err != want || n != 0 {
			t.Errorf("%s: %d %v, want %v", digits, n, err, want)
		}
	}
}

// TestMask compares with the definition, at every alignment and cut.
func TestMask(t *testing.T) {
	key := [4]byte{0xa1, 0x02, 0x53, 0xf4}
	for n := range 100 {
		for cut := range n + 1 {
			b, want := make([]byte, n), make([]byte, n)
			for i := range b {
				b[i] = byte(rand.Uint32())
				want[i] = b[i] ^ key[i%4]
			}
			Mask(b[:cut], key, 0)
			Mask(b[cut:], key, int64(cut))
			if !bytes.Equal(b, want) {
				t.Fatalf("%d bytes cut at %d: %x, want %x", n, cut, b, want)
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	data := make([]byte, 4096)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Mask(data, [4]byte{1, 2, 3, 4}, 1)
	}
}
