package wsframe

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// raw is a frame of a client's with whatever first byte.
func raw(first byte, payload string) string {
	h := Head{Fin: first&finBit != 0, Reserved: first & reservedBits, Op: Opcode(first & 15),
		Length: int64(len(payload))}
	h.Masked, h.Key = true, [4]byte{0x11, 0x22, 0xf3, byte(len(payload))}
	b := append(AppendHead(nil, h), payload...)
	Mask(b[len(b)-len(payload):], h.Key, 0)
	return string(b)
}

// deflated is a whole compressed frame.
func deflated(op Opcode, message string) string {
	return raw(finBit|RSV1|byte(op), string(AppendDeflated(nil, []byte(message), 32<<10)))
}

// read is what a Reader makes of in, which comes in pieces that end at cuts: its messages, one a
// line, and its error.
func read(t testing.TB, r Reader, in string, cuts []int) string {
	t.Helper()
	var got strings.Builder
	var buf []byte
	from := 0
	for _, cut := range append(slices.Clone(cuts), len(in)) {
		buf = append(buf, in[from:cut]...)
		from = cut
		for {
			m, n, err := r.Next(buf)
			buf = buf[n:]
			if err != nil {
				e, ok := errors.AsType[*Error](err)
				if !ok {
					t.Fatalf("an error of type %T", err)
				}
				fmt.Fprintf(&got, "%d %s\n", e.Code, e.Reason)
				return got.String()
			}
			if m.Op == 0 {
				if len(buf) >= MinBuffer && !r.over {
					t.Fatalf("%d bytes were not taken", len(buf))
				}
				if rand.IntN(2) == 0 {
					r.Release()
				}
				break
			}
			fmt.Fprintf(&got, "%d %.40q %d\n", m.Op, m.Payload, len(m.Payload))
			if m.Op == Close {
				return got.String()
			}
		}
	}
	return got.String()
}

// streams is what clients send, with what a Reader of up to 1000 bytes a message, with compression,
// makes of it.
var streams = []struct{ name, in, want string }{
	{"nothing", "", ""},
	{"text", raw(0x81, "Hello"), "1 \"Hello\" 5\n"},
	{"binary", raw(0x82, "\x00\xff"), "2 \"\\x00\\xff\" 2\n"},
	{"empty", raw(0x81, "") + raw(0x82, ""), "1 \"\" 0\n2 \"\" 0\n"},
	{"two", raw(0x81, "a") + raw(0x81, "b"), "1 \"a\" 1\n1 \"b\" 1\n"},
	{"fragments", raw(0x01, "Hel") + raw(0x00, "") + raw(0x00, "l") + raw(0x80, "o"),
		"1 \"Hello\" 5\n"},
	{"empty fragments", raw(0x01, "") + raw(0x00, "") + raw(0x80, ""), "1 \"\" 0\n"},
	{"last is all", raw(0x01, "") + raw(0x80, "é"), "1 \"é\" 2\n"},
	{"first is all", raw(0x01, "é") + raw(0x80, ""), "1 \"é\" 2\n"},
	{"ping between", raw(0x01, "a") + raw(0x89, "p") + raw(0x80, "b"), "9 \"p\" 1\n1 \"ab\" 2\n"},
	{"pong", raw(0x8a, "") + raw(0x8a, strings.Repeat("x", 125)), "10 \"\" 0\n10 \"" +
		strings.Repeat("x", 40) + "\" 125\n"},
	{"cut character", raw(0x01, "\xce") + raw(0x89, "") + raw(0x80, "\xba"),
		"9 \"\" 0\n1 \"κ\" 2\n"},
	{"126 and 65536", raw(0x82, strings.Repeat("x", 126)) + raw(0x82, strings.Repeat("x", 1001)),
		"2 \"" + strings.Repeat("x", 40) + "\" 126\n1009 message is too big\n"},
	{"at the limit", raw(0x82, strings.Repeat("x", 1000)), "2 \"" + strings.Repeat("x", 40) +
		"\" 1000\n"},
	{"fragments at the limit", raw(0x02, strings.Repeat("x", 999)) + raw(0x00, "x") + raw(0x80, ""),
		"2 \"" + strings.Repeat("x", 40) + "\" 1000\n"},
	{"fragments over the limit", raw(0x02, strings.Repeat("x", 999)) + raw(0x80, "xx"),
		"1009 message is too big\n"},
	{"length of a lie", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd",
		"1009 message is too big\n"},
	{"length of a lie, later", raw(0x02, "x") + "\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd",
		"1009 message is too big\n"},
	{"close", raw(0x88, "\x03\xe8bye") + raw(0x83, ""), "8 \"\\x03\\xe8bye\" 5\n"},
	{"close without a code", raw(0x88, ""), "8 \"\" 0\n"},
	{"close inside of a message", raw(0x01, "a") + raw(0x88, ""), "8 \"\" 0\n"},
	{"bad code", raw(0x88, "\x03\xed"), "1002 invalid close frame\n"},
	{"half a code", raw(0x88, "\x03"), "1002 invalid close frame\n"},
	{"bad reason", raw(0x88, "\x03\xe8\xff"), "1007 close reason is not UTF-8\n"},
	{"no mask", "\x81\x05Hello", "1002 frame without a mask\n"},
	{"empty without a mask", "\x81\x00", "1002 frame without a mask\n"},
	{"ping without a mask", raw(0x81, "a") + "\x89\x00", "1 \"a\" 1\n1002 frame without a mask\n"},
	{"continuation of nothing", raw(0x80, "a"), "1002 continuation of no message\n"},
	{"continuation of what has ended", raw(0x01, "a") + raw(0x80, "b") + raw(0x80, "c"),
		"1 \"ab\" 2\n1002 continuation of no message\n"},
	{"text in text", raw(0x01, "a") + raw(0x81, "b"), "1002 message inside of a message\n"},
	{"RSV2", raw(0xa1, "a"), "1002 reserved bit\n"},
	{"RSV3", raw(0x91, "a"), "1002 reserved bit\n"},
	{"RSV1 of a ping", raw(0xc9, "a"), "1002 reserved bit\n"},
	{"RSV1 of a continuation", raw(0x01, "a") + raw(0xc0, "a"), "1002 reserved bit\n"},
	{"reserved opcode", raw(0x83, "a"), "1002 reserved opcode\n"},
	{"bad text", raw(0x81, "a\xff"), "1007 text is not UTF-8\n"},
	{"bad text in a fragment", raw(0x01, "a\xff") + raw(0x83, ""), "1007 text is not UTF-8\n"},
	{"text cut off", raw(0x81, "a\xce"), "1007 text is not UTF-8\n"},
	{"text cut off, in fragments", raw(0x01, "a\xce") + raw(0x80, ""), "1007 text is not UTF-8\n"},
	{"bytes are not text", raw(0x82, "a\xff"), "2 \"a\\xff\" 2\n"},
	{"compressed", deflated(Text, "Hello") + deflated(Binary, "") + raw(0x81, "plain"),
		"1 \"Hello\" 5\n2 \"\" 0\n1 \"plain\" 5\n"},
	{"compressed fragments", cutFrame(deflated(Text, strings.Repeat("Hello", 50))), "1 \"" +
		strings.Repeat("Hello", 8) + "\" 250\n"},
	{"example of RFC 7692, 7.2.3.1", raw(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), "1 \"Hello\" 5\n"},
	{"a fixed block in two frames", raw(0x41, "\xf2\x48\xcd") + raw(0x80, "\xc9\xc9\x07\x00"),
		"1 \"Hello\" 5\n"},
	{"7.2.3.3: without compression", raw(0xc1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
		"1 \"Hello\" 5\n"},
	{"7.2.3.4: a last block", raw(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "1 \"Hello\" 5\n"},
	{"7.2.3.5: two blocks", raw(0xc1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
		"1 \"Hello\" 5\n"},
	{"more behind a last block", raw(0xc1,
		"\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
		"1007 compressed data is corrupt\n"},
	{"corrupt", raw(0xc1, "\xff\xff\xff"), "1007 compressed data is corrupt\n"},
	{"a reference before the beginning", raw(0xc1, "\xf2\x00\x11\x00\x00"),
		"1007 compressed data is corrupt\n"}, // RFC 7692, 7.2.3.2: needs the last message
	{"compressed nothing", raw(0xc1, ""), "1007 compressed data is corrupt\n"},
	// it is one byte at least
	{"bad text, compressed", deflated(Text, "\xff"), "1007 text is not UTF-8\n"},
	{"compressed, at the limit", deflated(Binary, strings.Repeat("x", 1000)), "2 \"" +
		strings.Repeat("x", 40) + "\" 1000\n"},
	{"compressed, over the limit", deflated(Binary, strings.Repeat("x", 1001)),
		"1009 message is too big\n"},
	{"a bomb", deflated(Binary, strings.Repeat("x", 3<<20)), "1009 message is too big\n"},
	{"stored blocks of nothing", raw(0xc2, strings.Repeat("\x00\x00\x00\xff\xff", 500)),
		"1009 message is too big\n"},
}

// cutFrame makes two fragments of a frame of less than 126 bytes.
func cutFrame(frame string) string {
	h, n, _ := ParseHead([]byte(frame))
	payload := []byte(frame[n:])
	Mask(payload, h.Key, 0)
	return raw(h.Reserved|byte(h.Op), string(payload[:3])) + raw(0x80, string(payload[3:]))
}

// limited is the Reader that streams are for.
var limited = Reader{Deflate: true, MaxMessage: 1000}

func TestReader(t *testing.T) {
	for _, s := range streams {
		if got := read(t, limited, s.in, nil); got != s.want {
			t.Errorf("%s: got\n%swant\n%s", s.name, got, s.want)
		}
	}
}

// TestSplit: what is read does not depend on how it was cut.
func TestSplit(t *testing.T) {
	for _, s := range streams {
		if len(s.in) > 5000 {
			continue
		}
		each := make([]int, len(s.in))
		for i := range len(s.in) {
			each[i] = i
			if got := read(t, limited, s.in, []int{i}); got != s.want {
				t.Fatalf("%s cut at %d: got\n%swant\n%s", s.name, i, got, s.want)
			}
		}
		if got := read(t, limited, s.in, each); got != s.want {
			t.Fatalf("%s, byte by byte: got\n%swant\n%s", s.name, got, s.want)
		}
	}
}

// TestPlainReader: what was not agreed on is refused, and a server's frames are read.
func TestPlainReader(t *testing.T) {
	for _, tt := range []struct {
		r        Reader
		in, want string
	}{
		{Reader{}, deflated(Text, "Hello"), "1002 reserved bit\n"},
		{Reader{}, raw(0x82, strings.Repeat("x", 1<<20)), fmt.Sprintf("2 %q %d\n",
			strings.Repeat("x", 40), 1<<20)},
		{Reader{FromServer: true}, "\x81\x01a\x01\x01b\x89\x00\x80\x01c",
			"1 \"a\" 1\n9 \"\" 0\n1 \"bc\" 2\n"},
		{Reader{FromServer: true}, raw(0x81, "a"), "1002 frame with a mask\n"},
		{Reader{FromServer: true}, raw(0x89, ""), "1002 frame with a mask\n"},
		{Reader{Deflate: true}, deflated(Binary, strings.Repeat("x", 3<<20)),
			fmt.Sprintf("2 %q %d\n", strings.Repeat("x", 40), 3<<20)},
	} {
		if got := read(t, tt.r, tt.in, nil); got != tt.want {
			t.Errorf("%.20q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// TestAfterTheEnd: nothing is taken behind a close frame or an error.
func TestAfterTheEnd(t *testing.T) {
	for _, in := range []string{raw(0x88, ""), raw(0x83, "")} {
		r := Reader{}
		_, n, _ := r.Next([]byte(in))
		m, more, err := r.Next([]byte(raw(0x81, "more")))
		if m.Op != 0 || more != 0 || err != nil || r.Wants() != 0 {
			t.Errorf("%q, of which %d were taken: then %+v %d %v", in, n, m, more, err)
		}
	}
}

// TestLies: a frame's length costs nothing before its payload has come.
func TestLies(t *testing.T) {
	r := Reader{MaxMessage: 1 << 40}
	in := AppendHead(nil, Head{Fin: true, Op: Binary, Masked: true, Length: 1 << 40})
	if _, n, err := r.Next(append(in, "only this"...)); err != nil || n != len(in)+9 ||
		r.Wants() != 1<<40-9 {
		t.Fatalf("%d %v %d", n, err, r.Wants())
	}
	if cap(r.sent.b) > keptBuffer {
		t.Errorf("a buffer of %d bytes", cap(r.sent.b))
	}
}

// TestBomb: what a compressed message could grow to is never held.
func TestBomb(t *testing.T) {
	bomb := AppendDeflated(nil, make([]byte, 32<<20), 32<<10)
	in := append(bomb, deflateEnd...)
	var dst []byte
	dst, err := inflate(nil, in, 1<<20)
	if err != errTooBig || cap(dst) > 4<<20 {
		t.Errorf("%v, %d bytes held for %d", err, cap(dst), len(bomb))
	}
}

// TestDeflate: everything comes back, with a small window too.
func TestDeflate(t *testing.T) {
	words := strings.Fields("the quick brown fox jumps over a lazy dog and runs on to the end")
	for _, size := range []int{0, 1, 2, 13, 100, 255, 256, 257, 1000, 32767, 32768, 32769, 70000,
		150_000} {
		var text strings.Builder
		for text.Len() < size {
			text.WriteString(words[rand.IntN(len(words))] + " ")
		}
		noise := make([]byte, size)
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		for _, message := range [][]byte{[]byte(text.String()[:size]), noise, make([]byte, size)} {
			for _, window := range []int{256, 512, 4096, 32 << 10} {
				sent := AppendDeflated([]byte("before"), message, window)
				got, err := inflate(nil, append(sent[len("before"):], deflateEnd...), int64(size))
				if err != nil || !bytes.Equal(got, message) {
					t.Fatalf("%d bytes, window %d: %v", size, window, err)
				}
				if at := farthest(t, sent[len("before"):], message, window); at {
					t.Errorf("%d bytes, window %d: a reference goes further back", size, window)
				}
			}
		}
	}
}

// farthest reports whether the message cannot be decompressed by pieces of window bytes, each
// without the ones before.
func farthest(t *testing.T, sent, message []byte, window int) bool {
	t.Helper()
	if len(message) <= window {
		return false
	}
	var again []byte
	for part := range slices.Chunk(message, window) {
		again = append(again, AppendDeflated(nil, part, window)...)
		again = append(again, deflateTail...)
	}
	return !bytes.Equal(again[:len(again)-len(deflateTail)], sent)
}

// TestNothingAllocated: messages that fit, fragments, control frames, compressed ones in both
// directions.
func TestNothingAllocated(t *testing.T) {
	for name, in := range map[string]string{
		"text":       raw(0x81, strings.Repeat("Hello ", 20)),
		"fragments":  raw(0x01, "Hello ") + raw(0x89, "ping") + raw(0x80, "World"),
		"compressed": deflated(Text, strings.Repeat("Hello ", 100)),
	} {
		r := Reader{Deflate: true, MaxMessage: 1 << 20}
		buf := make([]byte, len(in))
		allocs := testing.AllocsPerRun(200, func() {
			at := copy(buf, in)
			for rest := buf[:at]; len(rest) > 0; {
				m, n, err := r.Next(rest)
				if rest = rest[n:]; err != nil || m.Op == 0 {
					t.Fatalf("%s: %v", name, err)
				}
			}
			r.Next(nil)
			r.Release()
		})
		if allocs > 0 && !raceDetector {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
	out := make([]byte, 0, 1000)
	message := []byte(strings.Repeat("Hello ", 100))
	for name, write := range map[string]func(){
		"write":   func() { out = AppendFrame(out[:0], Text, message) },
		"deflate": func() { out = AppendDeflated(out[:0], message, 32<<10) },
	} {
		if allocs := testing.AllocsPerRun(200, write); allocs > 0 && !raceDetector {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// FuzzReader: any bytes, cut in any way, give what the plain twin makes of them.
func FuzzReader(f *testing.F) {
	for _, s := range streams {
		if len(s.in) < 5000 {
			f.Add([]byte(s.in), uint64(7))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		whole := read(t, limited, string(in), nil)
		var cuts []int
		rnd := rand.New(rand.NewPCG(seed, 1))
		for at := rnd.IntN(9); at < len(in); at += 1 + rnd.IntN(9) {
			cuts = append(cuts, at)
		}
		if got := read(t, limited, string(in), cuts); got != whole {
			t.Errorf("%q cut at %v:\n%swhole:\n%s", in, cuts, got, whole)
		}
		if want := twin(in); want != read(t, Reader{MaxMessage: 1000}, string(in), nil) {
			t.Errorf("%q:\n%stwin:\n%s", in, read(t, Reader{MaxMessage: 1000}, string(in), nil),
				want)
		}
	})
}
