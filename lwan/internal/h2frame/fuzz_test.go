package h2frame

import (
	"bytes"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// FuzzParse: frames are found whatever is cut where, never beyond what is there, and what is
// appended is found again.
func FuzzParse(f *testing.F) {
	f.Add(frame(Headers, Padded|HasPriority, 3, "\x01\x00\x00\x00\x00\x01abc\x00"))
	f.Add(append(frame(Data, EndStream, 1, "abc"), frame(SettingsType, 0, 0, "123456")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			fr, n, bad := Parse(b)
			if n > len(b) || len(fr.Payload) > fr.Length && n > 0 {
				t.Fatalf("%d of %d, a payload of %d", n, len(b), len(fr.Payload))
			}
			if n > 0 && n < len(b) { // it does not depend on what follows
				same, m, worse := Parse(b[:n])
				if m != n || worse != bad || !bytes.Equal(same.Payload, fr.Payload) {
					t.Fatalf("%d and %d, %v and %v", n, m, bad, worse)
				}
			}
			if n == 0 {
				return
			}
			if _, early, _ := Parse(b[:n-1]); early != 0 {
				t.Fatal("a frame was found that is not there")
			}
			b = b[n:]
		}
	})
}

// FuzzFields: whatever a block holds, the head is in bounds, and a bad one leaves the decoder as
// good as it was.
func FuzzFields(f *testing.F) {
	f.Add(block(":method: GET", ":scheme: http", ":authority: a", ":path: /"), true)
	f.Add([]byte{0x82, 0x86, 0x84, 0x41, 0x01, 'a', 0x0f, 0x0d, 0x01, '5'}, false)
	f.Fuzz(func(t *testing.T, b []byte, end bool) {
		fields := NewFields(DefaultTable, message.Limits{Fields: 500, Count: 10})
		var h message.Head
		buf, refused, bad := fields.Request(b, 1, end, &h, nil)
		if fields.size > 3000+len(b)*8 {
			t.Fatalf("%d bytes counted", fields.size)
		}
		if bad.Bad() || refused.Status != 0 {
			return
		}
		if len(h.Method.Of(buf)) == 0 || len(h.Target.Of(buf)) == 0 || len(h.Fields) > 10 {
			t.Fatalf("%+v", h)
		}
		for _, field := range h.Fields {
			if !message.ValidName(string(field.Name.Of(buf))) ||
				!message.ValidValue(string(field.Value.Of(buf))) {
				t.Fatalf("%q: %q", field.Name.Of(buf), field.Value.Of(buf))
			}
		}
		if end && h.ContentLength > 0 || !end && h.Chunked != (h.ContentLength < 0) {
			t.Fatalf("length %d, chunked %v, end %v", h.ContentLength, h.Chunked, end)
		}
		_ = fields.Trailers(b, 1, func(name, value string) {
			if !message.ValidName(name) || !message.ValidValue(value) {
				t.Fatalf("trailer %q: %q", name, value)
			}
		})
	})
}

func FuzzPriority(f *testing.F) {
	f.Add([]byte(`u=3, i;a="b", c`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if u := ParsePriority(b); u.Level > 7 {
			t.Fatal(u)
		}
	})
}
