package http1

import (
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// What is on the way of every request allocates nothing.
func TestNoAllocation(t *testing.T) {
	chrome, slow := []byte(chromeRequest), []byte(curlRequest)
	absolute := []byte("GET http://[2001:db8::1]:80/a%20b/../c?d HTTP/1.1\r\nHost: h\r\n" +
		"Expect: 100-continue\r\n\r\n")
	broken := []byte("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
	body := []byte("5;a=\"b\"\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	h, out, fields := message.Head{Fields: make([]message.Field, 0, 32)}, make([]byte, 0, 1024),
		make([]message.Field, 0, 8)
	var failed bool

	for _, c := range []struct {
		name string
		run  func() bool
	}{
		{"Parse", func() bool { return parses(chrome, &h) }},
		{"Parse, absolute-form", func() bool { return parses(absolute, &h) }},
		{"Parse, refused", func() bool { return !parses(broken, &h) }},
		{"Parse, byte by byte", func() bool { return parsesSlowly(slow, &h) }},
		{"Find", func() bool {
			_, known := h.Find(slow, "ACCEPT")
			_, unknown := h.Find(slow, "X-Absent")
			return known && !unknown
		}},
		{"Chunked", func() bool { return decodes(body) }},
		{"ParseTrailer", func() bool {
			_, err := ParseTrailer(body[len(body)-12:], fields[:0])
			return err.Status == 0
		}},
		{"response head", func() bool {
			b := AppendField(AppendStatusLine(out[:0], 200), "Content-Type", "text/plain")
			b = AppendStatusLine(message.AppendDate(b, 784111777), 299)
			return len(AppendChunkHead(b, 4096)) > 0 && message.ValidName("X-Test") &&
				message.ValidValue("value") && message.Registered(slow[:3])
		}},
	} {
		n := testing.AllocsPerRun(100, func() { failed = failed || !c.run() })
		if n != 0 || failed {
			t.Errorf("%s: %v allocations, failed is %v", c.name, n, failed)
		}
	}
}

func parses(in []byte, h *message.Head) bool {
	var r Resume
	verdict, _ := Parse(in, h, nil, &r)
	return verdict == Done
}

func parsesSlowly(in []byte, h *message.Head) bool {
	var r Resume
	for n := range in {
		if verdict, _ := Parse(in[:n], h, nil, &r); verdict != More {
			return false
		}
	}
	verdict, _ := Parse(in, h, nil, &r)
	return verdict == Done
}

func decodes(in []byte) bool {
	var c Chunked
	for {
		skip, data, done, err := c.Next(in)
		if done || err.Status != 0 {
			return done
		}
		c.Advance(data)
		in = in[skip+data:]
	}
}
