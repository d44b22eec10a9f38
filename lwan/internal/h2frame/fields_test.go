package h2frame

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/golwan/golwan/lwan/internal/message"
)

// block encodes fields "name: value", with everything in the table that may be.
func block(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		at := strings.Index(f[1:], ": ") + 1
		if err := e.WriteField(hpack.HeaderField{Name: f[:at], Value: f[at+2:]}); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

const start = ":method: GET|:scheme: http|:authority: a.b|:path: /x"

// TestRequestRules is RFC 9113 sections 8.2 and 8.3, and what HTTP/1 would refuse of the same head.
func TestRequestRules(t *testing.T) {
	for fields, want := range map[string]string{
		start: "GET /x a.b",
		strings.Replace(start, "/x", "/x?y=1", 1):             "GET /x?y=1 a.b",
		start + "|accept: a|cookie: b|cookie: c":              "GET /x a.b",
		start + "|te: trailers":                               "GET /x a.b",
		start + "|host: A.B":                                  "GET /x a.b",
		start + "|x: ":                                        "GET /x a.b",
		":path: /|:method: OPTIONS|:authority: a|:scheme: x":  "OPTIONS / a",
		":path: *|:method: OPTIONS|:authority: a|:scheme: x":  "OPTIONS * a",
		":method: GET|:scheme: http|:path: /|host: h":         "GET / h",
		":method: CONNECT|:authority: a:80":                   "CONNECT a:80 a:80",
		"":                                                    "PROTOCOL_ERROR",
		":method: GET|:scheme: http|:authority: a":            "PROTOCOL_ERROR",
		":method: GET|:path: /|:authority: a":                 "PROTOCOL_ERROR",
		":scheme: http|:path: /|:authority: a":                "PROTOCOL_ERROR",
		":method: GET|:scheme: http|:authority: a|:path: ":    "PROTOCOL_ERROR",
		":method: GET|:scheme: http|:authority: |:path: /":    "PROTOCOL_ERROR",
		":method: GET|:scheme: http|:path: /|host: ":          "PROTOCOL_ERROR",
		":method: GET|:scheme: http|:authority: a|:path: x":   "PROTOCOL_ERROR",
		":method: GET|:scheme: a|:authority: a|:path: http:/": "PROTOCOL_ERROR",
		":method: CONNECT|:authority: a:80|:path: /":          "PROTOCOL_ERROR",
		":method: CONNECT|:scheme: http|:path: /":             "PROTOCOL_ERROR",
		start + "|:method: GET":                               "PROTOCOL_ERROR",
		start + "|:protocol: websocket":                       "PROTOCOL_ERROR",
		start + "|:status: 200":                               "PROTOCOL_ERROR",
		start + "|:new: 200":                                  "PROTOCOL_ERROR",
		":method: GET|accept: a|:scheme: http|:path: /":       "PROTOCOL_ERROR",
		start + "|host: c":                                    "PROTOCOL_ERROR",
		start + "|Accept: a":                                  "PROTOCOL_ERROR",
		start + "|connection: close":                          "PROTOCOL_ERROR",
		start + "|keep-alive: 5":                              "PROTOCOL_ERROR",
		start + "|proxy-connection: close":                    "PROTOCOL_ERROR",
		start + "|transfer-encoding: chunked":                 "PROTOCOL_ERROR",
		start + "|upgrade: h2c":                               "PROTOCOL_ERROR",
		start + "|te: gzip":                                   "PROTOCOL_ERROR",
		start + "|a b: c":                                     "PROTOCOL_ERROR",
		start + "|x: a\rb":                                    "PROTOCOL_ERROR",
		start + "|x: a\x00b":                                  "PROTOCOL_ERROR",
		start + "|x: a ":                                      "PROTOCOL_ERROR",
		start + "|x:  a":                                      "PROTOCOL_ERROR",
		start + "|x: \ta":                                     "PROTOCOL_ERROR",
		start + "|content-length: 5":                          "PROTOCOL_ERROR",
		start + "|content-length: a":                          "400",
		start + "|content-length: 5|content-length: 5":        "400",
		start + "|expect: more":                               "417",
		start + "|authorization: a|authorization: b":          "400",
		strings.Replace(start, "/x", "/ x", 1):                "400",
		strings.Replace(start, "/x", "/%zz", 1):               "400",
		strings.Replace(start, "a.b", "u@a", 1):               "400",
		strings.Replace(start, "GET", "G T", 1):               "400",
		":method: GET|:scheme: http|:path: /":                 "400", // no Host
		":method: GET|:scheme: http|:path: /|host: a|host: a": "400",
		":method: GET|:scheme: x|:authority: a|:path: *":      "400",
		strings.Replace(start, "/x", "/"+long(900), 1):        "414",
		start + "|x: " + long(2000):                           "431",
		start + strings.Repeat("|x: y", 20):                   "431",
		start + "|x: " + long(3500):                           "ENHANCE_YOUR_CALM",
		start + strings.Repeat("|x: y", 40):                   "ENHANCE_YOUR_CALM",
	} {
		f := NewFields(DefaultTable, message.Limits{Line: 800, Fields: 1700, Count: 20})
		var h message.Head
		var list []string
		if fields != "" {
			list = strings.Split(fields, "|")
		}
		buf, refused, bad := f.Request(block(list...), 7, true, &h, nil)
		var got string
		switch {
		case bad.Bad():
			if got = bad.Code.String(); (bad.Stream == 0) != (bad.Code == EnhanceYourCalm) {
				t.Errorf("%q: %v of stream %d", fields, bad, bad.Stream)
			}
		case refused.Status != 0:
			got = fmt.Sprint(refused.Status)
		default:
			got = fmt.Sprintf("%s %s %s", h.Method.Of(buf), h.Target.Of(buf), h.Authority.Of(buf))
		}
		if got != want {
			t.Errorf("%q: %s (%v, %v), want %s", fields, got, bad, refused, want)
		}
		// whatever was wrong, the next one is read
		if !bad.Bad() || bad.Stream != 0 {
			buf, refused, bad = f.Request(block(strings.Split(start, "|")...), 9, true, &h, buf)
			if bad.Bad() || refused.Status != 0 || string(h.Path.Of(buf)) != "/x" {
				t.Errorf("behind %q: %v, %v", fields, bad, refused)
			}
		}
	}
}

func long(n int) string { return strings.Repeat("a", n) }

func TestContentFraming(t *testing.T) {
	f := NewFields(DefaultTable, message.Limits{})
	for _, c := range []struct {
		fields  string
		end     bool
		length  int64
		chunked bool
	}{
		{start, true, -1, false}, {start, false, -1, true},
		{start + "|content-length: 5", false, 5, false},
		{start + "|content-length: 0", true, 0, false},
	} {
		var h message.Head
		_, refused, bad := f.Request(block(strings.Split(c.fields, "|")...), 1, c.end, &h, nil)
		if bad.Bad() || refused.Status != 0 || h.ContentLength != c.length ||
			h.Chunked != c.chunked || !h.KeepAlive || h.Minor != 1 || h.Major != 2 {
			t.Errorf("%q: %v, %v, %d, %v", c.fields, bad, refused, h.ContentLength, h.Chunked)
		}
	}
}

func TestTrailers(t *testing.T) {
	f := NewFields(DefaultTable, message.Limits{Fields: 300, Count: 3})
	for fields, want := range map[string]string{
		"a: b|c: d":                      "a=b,c=d,",
		"a: b|content-length: 5|c: d":    "a=b,c=d,", // which may be none
		":path: /|a: b":                  "PROTOCOL_ERROR 7",
		"A: b":                           "PROTOCOL_ERROR 7",
		"a: b|a: b|a: b|a: b":            "ENHANCE_YOUR_CALM 7",
		"a: " + strings.Repeat("b", 300): "ENHANCE_YOUR_CALM 7",
	} {
		var got string
		bad := f.Trailers(block(strings.Split(fields, "|")...), 7, func(name, value string) {
			got += name + "=" + value + ","
		})
		if bad.Bad() {
			got = fmt.Sprintf("%v %d", bad.Code, bad.Stream)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", fields, got, want)
		}
	}
}

// TestTable: blocks that are skipped change the table as others do; a broken one ends the
// connection.
func TestTable(t *testing.T) {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	add := func(fields ...string) []byte {
		b.Reset()
		for _, f := range fields {
			name, value, _ := strings.Cut(f, "=")
			if err := e.WriteField(hpack.HeaderField{Name: name, Value: value}); err != nil {
				t.Fatal(err)
			}
		}
		return bytes.Clone(b.Bytes())
	}
	f := NewFields(DefaultTable, message.Limits{})
	if bad := f.Skip(add("x-kept=value", "x-other=value")); bad.Bad() {
		t.Fatal(bad)
	}
	var h message.Head
	head := add(":method=GET", ":scheme=http", ":path=/", ":authority=a", "x-kept=value")
	buf, _, bad := f.Request(head, 1, true, &h, nil)
	if v, ok := h.Find(buf, "x-kept"); bad.Bad() || !ok || string(v.Of(buf)) != "value" {
		t.Errorf("%v, %v", bad, ok)
	}
	for _, broken := range [][]byte{
		{0x80}, {0xff, 0xff, 0xff}, {0x40, 0x05, 'a'}, {0xc5}, {0x3f, 0xff, 0xff, 1},
	} {
		f := NewFields(DefaultTable, message.Limits{})
		if bad := f.Skip(broken); bad.Code != CompressionError || bad.Stream != 0 {
			t.Errorf("% x: %v", broken, bad)
		}
	}
}

// TestBomb: one byte that stands for 4,000, 60,000 times, is not looked at far beyond the limit.
func TestBomb(t *testing.T) {
	f := NewFields(DefaultTable, message.Limits{})
	bomb := append(block("a: "+strings.Repeat("b", 4000)), bytes.Repeat([]byte{0xbe}, 60_000)...)
	var h message.Head
	taken := testing.AllocsPerRun(1, func() {
		if _, _, bad := f.Request(bomb, 1, true, &h, nil); bad.Code != EnhanceYourCalm {
			t.Errorf("%v", bad)
		}
	})
	if f.size > 70_000 || taken > 20 {
		t.Errorf("%d bytes were counted, in %v allocations", f.size, taken)
	}
}

// TestEncode: what we send is what x/net reads.
func TestEncode(t *testing.T) {
	var got string
	d := hpack.NewDecoder(0, func(f hpack.HeaderField) {
		got += f.Name + "=" + f.Value + fmt.Sprintf("(%v)\n", f.Sensitive)
	})
	b := AppendStatus(nil, 200)
	want := ":status=200(false)\n"
	for _, status := range []int{204, 206, 304, 400, 404, 500, 503, 100} {
		b = AppendStatus(b, status)
		want += fmt.Sprintf(":status=%d(false)\n", status)
	}
	for _, names := range static {
		for _, e := range names {
			b = AppendField(b, strings.ToUpper(e.name), "v")
			want += fmt.Sprintf("%s=v(%v)\n", e.name, e.index == setCookie)
		}
	}
	for _, name := range []string{"X-Name", "a", long(127), long(126), long(128), long(300)} {
		b = AppendField(b, name, name)
		want += strings.ToLower(name) + "=" + name + "(false)\n"
	}
	b = AppendLength(b, 1<<63-1)
	want += "content-length=9223372036854775807(false)\n"
	if _, err := d.Write(b); err != nil || d.Close() != nil || got != want {
		t.Errorf("%v\n%.3000s\nwant\n%.3000s", err, got, want)
	}
}

// TestAllocations: a request whose fields are in the table costs none, and no answer does.
func TestAllocations(t *testing.T) {
	f := NewFields(DefaultTable, message.Limits{})
	var h message.Head
	buf := make([]byte, 0, 1024)
	first := block(strings.Split(start+"|accept: text/plain|user-agent: me", "|")...)
	if _, _, bad := f.Request(first, 1, true, &h, buf); bad.Bad() {
		t.Fatal(bad)
	}
	again := []byte{0x82, 0x86, 0xc1, 0xc0, 0xbf, 0xbe}
	out := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() {
		_, refused, bad := f.Request(again, 1, true, &h, buf)
		if bad.Bad() || refused.Status != 0 || len(h.Fields) != 3 {
			t.Fatal(bad, refused, len(h.Fields))
		}
		out = AppendLength(AppendField(AppendStatus(out[:0], 302), "Location", "/"), 5)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCrumbs: cookies come in as many fields as their client likes, and are one (RFC 9113 section
// 8.2.3).
func TestCrumbs(t *testing.T) {
	for fields, want := range map[string]string{
		"":                              "",
		"|cookie: a=1":                  "a=1",
		"|cookie: a=1|x: y|cookie: b=2": "a=1; b=2",
		"|cookie: a=1|cookie: |cookie: b=2; c=3|cookie: d": "a=1; b=2; c=3; d",
	} {
		f := NewFields(DefaultTable, message.Limits{})
		var h message.Head
		for range 2 { // nothing of one request is in the next
			b := block(strings.Split(start+fields, "|")...)
			buf, refused, bad := f.Request(b, 1, true, &h, nil)
			if refused.Status != 0 || bad.Bad() {
				t.Fatalf("%s: %v, %v", fields, refused, bad)
			}
			var got []string
			for _, field := range h.Fields {
				if field.Known == message.Cookie {
					got = append(got, string(field.Value.Of(buf)))
				}
			}
			if strings.Join(got, "|") != want {
				t.Errorf("%s: %q, want %q", fields, got, want)
			}
		}
	}
}
