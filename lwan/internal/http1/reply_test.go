package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// replyCases are heads with what is made of them: status, framing, fields; or the reason.
var replyCases = []struct {
	name, in string
	kind     ReplyKind
	want     string
}{
	{"plain", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n", 0,
		"200 1 len=5 keep Content-Length=5 X=y"},
	{"no phrase", "HTTP/1.1 204\r\n\r\n", 0, "204 1 len=-1 keep"},
	{"empty phrase", "HTTP/1.1 304 \r\n\r\n", 0, "304 1 len=-1 keep"},
	{"old", "HTTP/1.0 200 OK\r\n\r\n", 0, "200 0 len=-1 close"},
	{"old, kept", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", 0,
		"200 0 len=-1 keep Connection=Keep-Alive"},
	{"close", "HTTP/1.1 200 OK\r\nConnection: x, close\r\n\r\n", 0,
		"200 1 len=-1 close Connection=x, close"},
	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", 0,
		"200 1 len=-1 chunked keep Transfer-Encoding=Chunked"},
	{"bare LF", "HTTP/1.1 200 OK\nA: b\n\n", 0, "200 1 len=-1 keep A=b"},
	{"mixed ends", "HTTP/1.1 200 OK\r\nA: b\n\r\n", 0, "200 1 len=-1 keep A=b"},
	{"space before the colon", "HTTP/1.1 200 OK\r\nA \t: b\r\n\r\n", 0, "200 1 len=-1 keep A=b"},
	{"empty value", "HTTP/1.1 200 OK\r\nA:\r\n\r\n", 0, "200 1 len=-1 keep A="},
	{"same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 0,
		"200 1 len=5 keep Content-Length=5 Content-Length=5"},
	{"future minor version", "HTTP/1.9 200 OK\r\n\r\n", 0, "200 1 len=-1 keep"},
	{"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0, "103 1 len=-1 keep Link=x"},

	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 0,
		"bad: " + message.ReasonManyLengths},
	{"list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", 0,
		"bad: " + message.ReasonLength},
	{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0,
		"bad: " + message.ReasonLength},
	{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", 0,
		"bad: " + message.ReasonLengthRange},
	{"length and coding",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
		"bad: " + message.ReasonLengthCoding},
	{"coding and length",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 0,
		"bad: " + message.ReasonLengthCoding},
	{"gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 0,
		"bad: " + message.ReasonCodingUnknown},
	{"old and chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
		"bad: " + message.ReasonCodingVersion},
	{"NUL", "HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n", 0, "bad: " + message.ReasonValueByte},
	{"bare CR", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", 0, "bad: " + message.ReasonValueByte},
	{"CR CR LF", "HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n", 0, "bad: " + message.ReasonValueByte},
	{"folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", 0, "bad: " + reasonFold},
	{"no colon", "HTTP/1.1 200 OK\r\nabc\r\n\r\n", 0, "bad: " + reasonNoColon},
	{"no name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n", 0, "bad: " + message.ReasonName},
	{"name with space", "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n", 0, "bad: " + message.ReasonName},
	{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", 0, "bad: " + reasonStatusLine},
	{"HTTP/0.9", "<html>", 0, "bad: " + reasonStatusLine},
	{"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", 0, "bad: " + reasonStatusLine},
	{"status of two digits", "HTTP/1.1 20 OK\r\n\r\n", 0, "bad: " + reasonStatusLine},
	{"status of four", "HTTP/1.1 2000 OK\r\n\r\n", 0, "bad: " + reasonStatusLine},
	{"status 099", "HTTP/1.1 099 x\r\n\r\n", 0, "bad: " + reasonStatusCode},
	{"status 600", "HTTP/1.1 600 x\r\n\r\n", 0, "bad: " + reasonStatusCode},
	{"no status", "HTTP/1.1\r\n\r\n", 0, "bad: " + reasonStatusLine},
	{"NUL in the phrase", "HTTP/1.1 200 O\x00K\r\n\r\n", 0, "bad: " + message.ReasonValueByte},
	{"too many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 9) + "\r\n", 0,
		"bad: " + message.ReasonCountLimit},
	{"as many as may be", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A:\r\n", 8) + "\r\n", 0,
		"200 1 len=-1 keep" + strings.Repeat(" A=", 8)},
	{"too long", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", 250) + "\r\n\r\n", 0,
		"bad: " + message.ReasonFieldLimit},
	{"endless phrase", "HTTP/1.1 200 " + strings.Repeat("b", 300), 0,
		"bad: " + message.ReasonFieldLimit},

	{"script", "Content-Type: text/plain\n\n", Script, "200 1 len=-1 keep Content-Type=text/plain"},
	{"script's status", "Status: 404 Not Found\r\nContent-Type: a/b\r\n\r\n", Script,
		"404 1 len=-1 keep Status=404 Not Found Content-Type=a/b"},
	{"script's bare status", "Status: 503\n\n", Script, "503 1 len=-1 keep Status=503"},
	{"script's redirect", "Location: http://x/\n\n", Script,
		"302 1 len=-1 keep Location=http://x/"},
	{"script's bad status", "Status: abc\n\n", Script, "bad: " + reasonStatusCode},
	{"script says nothing", "\n", Script, "bad: " + reasonScript},
	{"script without a type", "X: y\n\n", Script, "bad: " + reasonScript},
	{"script's chatter", "hello\n\n", Script, "bad: " + reasonNoColon},
}

var smallReply = ReplyLimits{Bytes: 256, Count: 8}

// describeReply is what comes of in, of which step bytes come at a time.
func describeReply(in string, kind ReplyKind, step int) string {
	var h message.Head
	var r ReplyResume
	for n := min(step, len(in)); ; n = min(n+step, len(in)) {
		buf := []byte(in[:n])
		switch v, err := ParseReply(buf, &h, kind, smallReply, &r); v {
		case Bad:
			return "bad: " + err.Reason
		case Done:
			return headText(&h, buf)
		}
		if n == len(in) {
			return "more"
		}
	}
}

func headText(h *message.Head, buf []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d len=%d", h.Status, h.Minor, h.ContentLength)
	if h.Chunked {
		b.WriteString(" chunked")
	}
	b.WriteString(map[bool]string{true: " keep", false: " close"}[h.KeepAlive])
	for _, f := range h.Fields {
		fmt.Fprintf(&b, " %s=%s", f.Name.Of(buf), f.Value.Of(buf))
	}
	return b.String()
}

func TestParseReply(t *testing.T) {
	for _, c := range replyCases {
		for _, step := range []int{1 << 20, 1, 2, 3, 7} {
			if got := describeReply(c.in, c.kind, step); got != c.want {
				t.Errorf("%s, %d at a time: %q, want %q", c.name, step, got, c.want)
			}
		}
		for at := 1; at < len(c.in); at++ { // two pieces
			var h message.Head
			var r ReplyResume
			first := []byte(c.in[:at])
			v, err := ParseReply(first, &h, c.kind, smallReply, &r)
			if v == More {
				v, err = ParseReply([]byte(c.in), &h, c.kind, smallReply, &r)
			}
			got := "bad: " + err.Reason
			if v == Done {
				got = headText(&h, []byte(c.in))
			}
			if got != c.want {
				t.Errorf("%s, cut at %d: %q, want %q", c.name, at, got, c.want)
			}
		}
	}
}

// FuzzParseReply: the pieces do not matter, and what is taken is what net/http takes, too.
func FuzzParseReply(f *testing.F) {
	for _, c := range replyCases {
		f.Add([]byte(c.in), uint8(c.kind), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, kind uint8, step int) {
		k := ReplyKind(kind % 2)
		whole := describeReply(string(in), k, 1<<20)
		if got := describeReply(string(in), k, 1+step&15); got != whole {
			t.Fatalf("in pieces %q, whole %q", got, whole)
		}
		if k == Script || strings.HasPrefix(whole, "bad") || whole == "more" {
			return
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(in)), nil)
		if err != nil {
			return // it is stricter: with lengths of 204, names without a value, and others
		}
		if want := fmt.Sprintf("%d ", r.StatusCode); !strings.HasPrefix(whole, want) {
			t.Fatalf("%q, net/http says %s", whole, want)
		}
	})
}
