package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/message"
)

// readHead is Parse on bytes that arrive at once.
func readHead(in string, lim *message.Limits) (*message.Head, Verdict, message.Error) {
	var h message.Head
	var r Resume
	verdict, err := Parse([]byte(in), &h, lim, &r)
	return &h, verdict, err
}

// summary shows all of a head in one line, spans as the text that they stand for.
func summary(h *message.Head, in string) string {
	var b strings.Builder
	text := func(s message.Span) string { return string(s.Of([]byte(in))) }
	fmt.Fprintf(&b, "%s %s",
		text(h.Method), [...]string{"origin", "absolute", "authority", "asterisk"}[h.Form])
	for _, part := range []struct {
		name string
		span message.Span
	}{{"scheme", h.Scheme}, {"authority", h.Authority}, {"path", h.Path}, {"query", h.Query}} {
		if part.span.End > part.span.Off || part.name == "query" && h.HasQuery {
			fmt.Fprintf(&b, " %s=%s", part.name, text(part.span))
		}
	}
	fmt.Fprintf(&b, " 1.%d", h.Minor)
	if h.ContentLength >= 0 {
		fmt.Fprintf(&b, " length=%d", h.ContentLength)
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{
		{"bare", h.BareTarget}, {"plain", h.PlainPath}, {"keep", h.KeepAlive},
		{"chunked", h.Chunked}, {"expect", h.Expect100}, {"upgrade", h.Upgrade},
	} {
		if flag.on {
			b.WriteString(" " + flag.name)
		}
	}
	return b.String()
}

// goodLines are request lines, and what is made of them with "Host: h".
var goodLines = []struct{ line, want string }{
	{"GET / HTTP/1.1", "GET origin authority=h path=/ 1.1 plain keep"},
	{"GET /a/b.c?d=e&f HTTP/1.1", "GET origin authority=h path=/a/b.c query=d=e&f 1.1 plain keep"},
	{"GET /? HTTP/1.1", "GET origin authority=h path=/ query= 1.1 plain keep"},
	{"GET /?a?b/c HTTP/1.1", "GET origin authority=h path=/ query=a?b/c 1.1 plain keep"},
	{"GET /?//./%zz HTTP/1.1", "GET origin authority=h path=/ query=//./%zz 1.1 plain keep"},
	{"GET /?q={a|b}^`\\\"[]#c HTTP/1.1",
		"GET origin authority=h path=/ query=q={a|b}^`\\\"[]#c 1.1 bare plain keep"},
	{"GET /?q[]=<\xc3\xa4\xff> HTTP/1.1",
		"GET origin authority=h path=/ query=q[]=<\xc3\xa4\xff> 1.1 bare plain keep"},
	{"GET /<{a}|^`b>\"\xc3\xa4\xff HTTP/1.1",
		"GET origin authority=h path=/<{a}|^`b>\"\xc3\xa4\xff 1.1 bare plain keep"},
	{"GET /{a}/../%41 HTTP/1.1", "GET origin authority=h path=/{a}/../%41 1.1 bare keep"},
	{"GET http://h/\xc3\xa4?| HTTP/1.1",
		"GET absolute scheme=http authority=h path=/\xc3\xa4 query=| 1.1 bare plain keep"},
	{"GET /a%20b HTTP/1.1", "GET origin authority=h path=/a%20b 1.1 keep"},
	{"GET /a//b HTTP/1.1", "GET origin authority=h path=/a//b 1.1 keep"},
	{"GET //a HTTP/1.1", "GET origin authority=h path=//a 1.1 keep"},
	{"GET /a/./b HTTP/1.1", "GET origin authority=h path=/a/./b 1.1 keep"},
	{"GET /a/.. HTTP/1.1", "GET origin authority=h path=/a/.. 1.1 keep"},
	{"GET /a./b..c HTTP/1.1", "GET origin authority=h path=/a./b..c 1.1 plain keep"},
	{"GET /a/b/ HTTP/1.1", "GET origin authority=h path=/a/b/ 1.1 plain keep"},
	{"GET /~a-b_c.d!$&'()*+,;=:@ HTTP/1.1",
		"GET origin authority=h path=/~a-b_c.d!$&'()*+,;=:@ 1.1 plain keep"},
	{"GET /a[1]|\"b\" HTTP/1.1", "GET origin authority=h path=/a[1]|\"b\" 1.1 bare plain keep"},
	{"X-!#$%&'*+.^_`|~1 / HTTP/1.1", "X-!#$%&'*+.^_`|~1 origin authority=h path=/ 1.1 plain keep"},
	{"get / HTTP/1.1", "get origin authority=h path=/ 1.1 plain keep"},
	{"OPTIONS * HTTP/1.1", "OPTIONS asterisk authority=h 1.1 keep"},
	{"OPTIONS /x HTTP/1.1", "OPTIONS origin authority=h path=/x 1.1 plain keep"},
	{"CONNECT a.example:443 HTTP/1.1", "CONNECT authority authority=a.example:443 1.1 keep"},
	{"CONNECT [::1]:1 HTTP/1.1", "CONNECT authority authority=[::1]:1 1.1 keep"},
	{"GET http://a.example/x?y HTTP/1.1",
		"GET absolute scheme=http authority=a.example path=/x query=y 1.1 plain keep"},
	{"PUT HTTPS://A:8443 HTTP/1.1", "PUT absolute scheme=HTTPS authority=A:8443 1.1 keep"},
	{"GET http://a? HTTP/1.1", "GET absolute scheme=http authority=a query= 1.1 keep"},
	{"GET http://a?b/@c HTTP/1.1", "GET absolute scheme=http authority=a query=b/@c 1.1 keep"},
	{"GET http://a/b@c HTTP/1.1", "GET absolute scheme=http authority=a path=/b@c 1.1 plain keep"},
	{"GET http://a//b HTTP/1.1", "GET absolute scheme=http authority=a path=//b 1.1 keep"},
	{"GET http://a/%41 HTTP/1.1", "GET absolute scheme=http authority=a path=/%41 1.1 keep"},
	{"GET http://[2001:db8::1]:80/ HTTP/1.1",
		"GET absolute scheme=http authority=[2001:db8::1]:80 path=/ 1.1 plain keep"},
	{"GET / HTTP/1.0", "GET origin authority=h path=/ 1.0 plain"},
	{"GET / HTTP/1.2", "GET origin authority=h path=/ 1.1 plain keep"},
	{"GET / HTTP/1.9", "GET origin authority=h path=/ 1.1 plain keep"},
	{"\r\n\r\n\r\n\r\nGET / HTTP/1.1", "GET origin authority=h path=/ 1.1 plain keep"},
}

func TestParseTargets(t *testing.T) {
	for _, c := range goodLines {
		in := c.line + "\r\nHost: h\r\n\r\n"
		h, verdict, err := readHead(in+"next", nil)
		if verdict != Done {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got := summary(h, in); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, c.want)
		}
		if h.Size != len(in) {
			t.Errorf("%q: size %d, want %d", in, h.Size, len(in))
		}
	}
}

// badLines are request lines that are refused, with the Error.
var badLines = []struct {
	line   string
	status int
	offset int
	reason string
}{
	{" GET / HTTP/1.1", 400, 0, message.ReasonMethod},
	{"G\x00T / HTTP/1.1", 400, 1, message.ReasonMethod},
	{"GET\t/ HTTP/1.1", 400, 3, message.ReasonMethod},
	{"GET/ HTTP/1.1", 400, 3, message.ReasonMethod},
	{"G\x80T / HTTP/1.1", 400, 1, message.ReasonMethod},
	{"GET", 400, 3, reasonRequestLine},
	{"GET /", 400, 5, reasonRequestLine},
	{"GET /?q", 400, 7, reasonRequestLine},
	{"GET  / HTTP/1.1", 400, 4, reasonRequestLine},
	{"GET \nHTTP/1.1", 400, 4, reasonBareLF},
	{"GET\n", 400, 3, reasonBareLF},
	{"GET /\n", 400, 5, reasonBareLF},
	{"GET / \n", 400, 6, reasonVersion},
	{"GET / x HTTP/1.1", 400, 6, reasonVersion},
	{"GET /a\tb HTTP/1.1", 400, 6, message.ReasonTargetByte},
	{"GET /a#b HTTP/1.1", 400, 6, message.ReasonTargetByte},
	{"GET /a\\b HTTP/1.1", 400, 6, message.ReasonTargetByte},
	{"GET /\x01 HTTP/1.1", 400, 5, message.ReasonTargetByte},
	{"GET /?\x01 HTTP/1.1", 400, 6, message.ReasonTargetByte},
	{"GET /?a\tb HTTP/1.1", 400, 7, message.ReasonTargetByte},
	{"GET /?a b HTTP/1.1", 400, 8, reasonVersion},
	{"GET /{a}#b HTTP/1.1", 400, 8, message.ReasonTargetByte},
	{"GET /\xc3\xa4\\b HTTP/1.1", 400, 7, message.ReasonTargetByte},
	{"GET http://h\xc3\xa4/ HTTP/1.1", 400, 11, message.ReasonAuthority},
	{"GET /\x7f HTTP/1.1", 400, 5, message.ReasonTargetByte},
	{"GET /?\x7f HTTP/1.1", 400, 6, message.ReasonTargetByte},
	{"GET /a%2 HTTP/1.1", 400, 6, message.ReasonEscape},
	{"GET /a%2?4 HTTP/1.1", 400, 6, message.ReasonEscape},
	{"GET /%41%zz HTTP/1.1", 400, 8, message.ReasonEscape},
	{"GET http://a/%x1 HTTP/1.1", 400, 13, message.ReasonEscape},
	{"GET * HTTP/1.1", 400, 4, message.ReasonForm},
	{"M-SEARCH * HTTP/1.1", 501, 0, message.ReasonUnknownMethod},
	{"OPTIONS ** HTTP/1.1", 400, 8, message.ReasonTarget},
	{"GET *?a HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET a.example:443 HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET www.example.com/ HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET ?a HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET ftp://a/ HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET http:/a HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET http: HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET http?://a/ HTTP/1.1", 400, 4, message.ReasonTarget},
	{"GET http:// HTTP/1.1", 400, 11, message.ReasonAuthority},
	{"GET http:///x HTTP/1.1", 400, 11, message.ReasonAuthority},
	{"GET http://:80/x HTTP/1.1", 400, 11, message.ReasonAuthority},
	{"GET http://a:b/x HTTP/1.1", 400, 11, message.ReasonAuthority},
	{"GET http://[::1/ HTTP/1.1", 400, 11, message.ReasonAuthority},
	{"GET http://u@a/x HTTP/1.1", 400, 11, message.ReasonUserinfo},
	{"CONNECT / HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT a HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT a: HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT a:0 HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT a:65536 HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT :443 HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT http://a:1/ HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT * HTTP/1.1", 400, 8, message.ReasonForm},
	{"CONNECT a:443?b HTTP/1.1", 400, 8, message.ReasonForm},
	{"GET / http/1.1", 400, 6, reasonVersion},
	{"GET / HTTP/1.1 ", 400, 14, reasonVersion},
	{"GET / HTTP/1.10", 400, 14, reasonVersion},
	{"GET / HTTP/1.x", 400, 13, reasonVersion},
	{"GET / HTTP/11", 400, 12, reasonVersion},
	{"GET / HTTP/1", 400, 12, reasonVersion},
	{"GET / HTTP/01.1", 400, 12, reasonVersion},
	{"GET / HTTPS/1.1", 400, 10, reasonVersion},
	{"GET / HTTP/1.1\r", 400, 15, reasonLineEnd},
	{"GET / HTTP/2.0", 505, 13, reasonMajor},
	{"GET / HTTP/1.1\n", 400, 14, reasonBareLF},
	{"GET / HTTP/9.9", 505, 13, reasonMajor},
	{"GET / HTTP/0.9", 400, 13, reasonMajor},
	{"\rGET / HTTP/1.1", 400, 1, reasonLineEnd},
	{"\nGET / HTTP/1.1", 400, 0, reasonBareLF},
	{"\r\n\nGET / HTTP/1.1", 400, 2, reasonBareLF},
	{"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1", 400, 8, reasonEmptyLines},
	// TLS on a plain port
	{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, 0, message.ReasonMethod},
}

func TestParseRefusesRequestLine(t *testing.T) {
	for _, c := range badLines {
		in := c.line + "\r\nHost: h\r\n\r\n"
		want := fault(c.status, c.offset, c.reason)
		if _, verdict, err := readHead(in, nil); verdict != Bad || err != want {
			t.Errorf("%q: got %d %+v, want %+v", in, verdict, err, want)
		}
	}
}

const (
	old  = "GET / HTTP/1.0\r\n"
	get  = "GET / HTTP/1.1\r\n"
	geth = get + "Host: h\r\n"
)

// badFields are field lines that are refused, with the Error; its offset is counted from the start
// of fields.
var badFields = []struct {
	before, fields string
	status         int
	offset         int
	reason         string
}{
	{geth, "Name\r\n", 400, 4, reasonNoColon},
	{geth, "Name", 400, 4, reasonNoColon},
	{geth, ": v\r\n", 400, 0, message.ReasonName},
	{geth, "Na me: v\r\n", 400, 2, reasonNameSpace},
	{geth, "Name : v\r\n", 400, 4, reasonNameSpace},
	{geth, "Name\t: v\r\n", 400, 4, reasonNameSpace},
	{geth, "Content-Length : 5\r\n", 400, 14, reasonNameSpace},
	{geth, "Content\rLength: 5\r\n", 400, 7, reasonNoColon},
	{geth, "Na(me: v\r\n", 400, 2, message.ReasonName},
	{geth, "N\x00: v\r\n", 400, 1, message.ReasonName},
	{geth, "N\x80: v\r\n", 400, 1, message.ReasonName},
	{geth, "N\n: v\r\n", 400, 1, reasonBareLF},
	{geth, " folded: v\r\n", 400, 0, reasonFold},
	{geth, "a: b\r\n\tc\r\n", 400, 6, reasonFold},
	{geth, "a: b\r\n c: d\r\n", 400, 6, reasonFold},
	{geth, "a: b\nc: d\r\n", 400, 4, reasonBareLF},
	{geth, "a: b\rc: d\r\n", 400, 5, reasonLineEnd},
	{geth, "a: b\r\r\n", 400, 5, reasonLineEnd},
	{geth, "a: b\r\n\rc", 400, 7, reasonLineEnd},
	{geth, "a: \x00\r\n", 400, 3, message.ReasonValueByte},
	{geth, "a: b\x7fc\r\n", 400, 4, message.ReasonValueByte},
	{geth, "a: 0123456789\x1f\r\n", 400, 13, message.ReasonValueByte},
	{geth, "\n", 400, 0, reasonBareLF},
	{geth, "Host: h\r\n", 400, 6, message.ReasonManyHosts},
	{geth, "hOST:\r\n", 400, 5, message.ReasonManyHosts},
	{old, "Host: a b\r\n", 400, 6, message.ReasonHost},
	{old, "Host: a/b\r\n", 400, 6, message.ReasonHost},
	{old, "Host: u@a\r\n", 400, 6, message.ReasonHost},
	{old, "Host: :80\r\n", 400, 6, message.ReasonHost},
	{old, "Host: a:b\r\n", 400, 6, message.ReasonHost},
	{old, "Host: .\r\n", 400, 6, message.ReasonHost},
	{old, "Host: \xe4.example\r\n", 400, 6, message.ReasonHost},
	{old, "Host: a\r\nHost: a\r\n", 400, 15, message.ReasonManyHosts},
	{"GET / HTTP/1.1\r\n", "a: b\r\n\r\n", 400, 6, message.ReasonNoHost},
	{"GET http://a/ HTTP/1.1\r\n", "\r\n", 400, 0, message.ReasonNoHost},
	{geth, "Content-Length: \r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: -1\r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: +1\r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: 0x1\r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: 1 2\r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: 5, 5\r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: 1.0\r\n", 400, 16, message.ReasonLength},
	{geth, "Content-Length: 9223372036854775808\r\n", 400, 16, message.ReasonLengthRange},
	{geth, "Content-Length: 99999999999999999999999\r\n", 400, 16, message.ReasonLengthRange},
	{geth, "Content-Length: 5\r\nContent-Length: 5\r\n", 400, 35, message.ReasonManyLengths},
	{geth, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, 38,
		message.ReasonLengthCoding},
	{geth, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400, 44,
		message.ReasonLengthCoding},
	{old, "Transfer-Encoding: chunked\r\n", 400, 19, message.ReasonCodingVersion},
	{geth, "Transfer-Encoding:\r\n", 400, 18, message.ReasonCoding},
	{geth, "Transfer-Encoding: ,chunked\r\n", 400, 19, message.ReasonCoding},
	{geth, "Transfer-Encoding: chunked,\r\n", 400, 19, message.ReasonCoding},
	{geth, "Transfer-Encoding: chunked;a=b\r\n", 400, 19, message.ReasonCoding},
	{geth, "Transfer-Encoding: \"chunked\"\r\n", 400, 19, message.ReasonCoding},
	{geth, "Transfer-Encoding: chun ked\r\n", 400, 19, message.ReasonCoding},
	{geth, "Transfer-Encoding: chunked, chunked\r\n", 400, 19, message.ReasonCodingOrder},
	{geth, "Transfer-Encoding: chunked, gzip\r\n", 400, 19, message.ReasonCodingOrder},
	{geth, "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", 400, 47,
		message.ReasonCodingOrder},
	{geth, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, 47,
		message.ReasonCodingOrder},
	{geth, "Transfer-Encoding: gzip\r\n", 501, 19, message.ReasonCodingUnknown},
	{geth, "Transfer-Encoding: identity\r\n", 501, 19, message.ReasonCodingUnknown},
	{geth, "Transfer-Encoding: gzip, chunked\r\n", 501, 19, message.ReasonCodingUnknown},
	{geth, "Transfer-Encoding: gzip;q=1 , chunked\r\n", 501, 19, message.ReasonCodingUnknown},
	{geth, "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501, 19,
		message.ReasonCodingUnknown},
	{geth, "Transfer-Encoding: xchunked\r\n", 501, 19, message.ReasonCodingUnknown},
	{geth, "Expect: 200-ok\r\n", 417, 8, message.ReasonExpect},
	{geth, "Expect: 100-continue, more\r\n", 417, 8, message.ReasonExpect},
}

func TestParseRefusesFields(t *testing.T) {
	for _, c := range badFields {
		in := c.before + c.fields + "\r\n\r\n"
		want := fault(c.status, len(c.before)+c.offset, c.reason)
		if _, verdict, err := readHead(in, nil); verdict != Bad || err != want {
			t.Errorf("%q: got %d %+v, want %+v", in, verdict, err, want)
		}
	}
}

// goodFields are field lines, and what is made of them.
var goodFields = []struct{ line, fields, want string }{
	{get, "Host:\r\n", "1.1 plain keep"},
	{get, "Host: \t \r\n", "1.1 plain keep"},
	{get, "Host: h:\r\n", "authority=h: 1.1 plain keep"},
	{get, "Host: 127.0.0.1:65535\r\n", "authority=127.0.0.1:65535 1.1 plain keep"},
	{old, "", "1.0 plain"},
	{old, "Connection: keep-alive\r\n", "1.0 plain keep"},
	{old, "Connection: Keep-Alive, x\r\n", "1.0 plain keep"},
	{old, "Connection: keep-alive, close\r\n", "1.0 plain"},
	{old, "Connection: x\r\n", "1.0 plain"},
	{old, "Connection: close\r\nConnection: keep-alive\r\n", "1.0 plain"},
	{old, "Connection: upgrade\r\nUpgrade: x\r\n", "1.0 plain"},
	{old, "Expect: 100-continue\r\n", "1.0 plain"},
	{old, "Expect: nonsense\r\n", "1.0 plain"},
	{old, "Content-Length: 7\r\n", "1.0 length=7 plain"},
	{get, "Host: h\r\nConnection: close\r\n", "authority=h 1.1 plain"},
	{get, "Host: h\r\nConnection: ,\t,  cLoSe ,,\r\n", "authority=h 1.1 plain"},
	{get, "Host: h\r\nConnection: closed\r\n", "authority=h 1.1 plain keep"},
	{get, "Host: h\r\nConnection:\r\n", "authority=h 1.1 plain keep"},
	{get, "Host: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n",
		"authority=h 1.1 plain keep upgrade"},
	{get, "Host: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n",
		"authority=h 1.1 plain keep upgrade"},
	{get, "Host: h\r\nUpgrade: websocket\r\n", "authority=h 1.1 plain keep"},
	{get, "Host: h\r\nConnection: upgrade\r\n", "authority=h 1.1 plain keep"},
	{get, "Host: h\r\nContent-Length: 0\r\n", "authority=h 1.1 length=0 plain keep"},
	{get, "Host: h\r\nContent-Length:\t007 \r\n", "authority=h 1.1 length=7 plain keep"},
	{get, "Host: h\r\nContent-Length: 9223372036854775807\r\n",
		"authority=h 1.1 length=9223372036854775807 plain keep"},
	{get, "Host: h\r\ntransfer-encoding:\tCHUNKED \r\n", "authority=h 1.1 plain keep chunked"},
	{get, "Host: h\r\nExpect: 100-Continue\r\n", "authority=h 1.1 plain keep expect"},
	{get, "Host: h\r\nExpect: , 100-continue\r\n", "authority=h 1.1 plain keep expect"},
	{get, "Host: h\r\nExpect:\r\n", "authority=h 1.1 plain keep"},
}

func TestParseMeaning(t *testing.T) {
	for _, c := range goodFields {
		in := c.line + c.fields + "\r\n"
		h, verdict, err := readHead(in, nil)
		if verdict != Done {
			t.Errorf("%q: %v", in, err)
			continue
		}
		want := "GET origin path=/ " + c.want
		if host, rest, ok := strings.Cut(c.want, " "); ok && strings.HasPrefix(host, "authority=") {
			want = "GET origin " + host + " path=/ " + rest
		}
		if got := summary(h, in); got != want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestAbsoluteTargetWinsOverHost(t *testing.T) {
	in := "GET http://target/ HTTP/1.1\r\nHost: field\r\n\r\n"
	h, verdict, err := readHead(in, nil)
	if verdict != Done || string(h.Authority.Of([]byte(in))) != "target" {
		t.Errorf("%d %v: authority %q", verdict, err, h.Authority.Of([]byte(in)))
	}
	if host, ok := h.FindKnown(message.Host); !ok || string(host.Of([]byte(in))) != "field" {
		t.Errorf("Host field %q, %v", host.Of([]byte(in)), ok)
	}
}

func TestFieldValues(t *testing.T) {
	for _, c := range []struct{ line, name, value string }{
		{"a:b", "a", "b"},
		{"a: b", "a", "b"},
		{"a:  b \t ", "a", "b"},
		{"a:", "a", ""},
		{"a: \t", "a", ""},
		{"a: b\tc d", "a", "b\tc d"},
		{"a: :", "a", ":"},
		{"a: \xff\x80", "a", "\xff\x80"},
		{"a: \t\t\t\t\t\t\t\t\t12345678\t\t\t\t\t\t\t\t\t\t", "a", "12345678"},
		{"X-!#$%&'*+.^_`|~1: v", "X-!#$%&'*+.^_`|~1", "v"},
		{"an-exceedingly-long-name-of-a-field-that-nobody-knows: v",
			"an-exceedingly-long-name-of-a-field-that-nobody-knows", "v"},
	} {
		in := "GET / HTTP/1.0\r\n" + c.line + "\r\n\r\n"
		h, verdict, err := readHead(in, nil)
		if verdict != Done || len(h.Fields) != 1 {
			t.Errorf("%q: %d %v %v", in, verdict, err, h.Fields)
			continue
		}
		name, value := h.Fields[0].Name.Of([]byte(in)), h.Fields[0].Value.Of([]byte(in))
		if string(name) != c.name || string(value) != c.value {
			t.Errorf("%q: got %q: %q", in, name, value)
		}
	}
}

func TestFind(t *testing.T) {
	in := "GET / HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nAccept: a\r\nx-one: 2\r\naccept: b\r\n" +
		"X-Two:\r\n\r\n"
	h, verdict, err := readHead(in, nil)
	if verdict != Done {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		ok         bool
	}{
		{"X-ONE", "1", true}, {"ACCEPT", "a", true}, {"x-two", "", true}, {"host", "h", true},
		{"X-On", "", false}, {"Cookie", "", false}, {"", "", false}, {"X-Three", "", false},
	} {
		v, ok := h.Find([]byte(in), c.name)
		if string(v.Of([]byte(in))) != c.want || ok != c.ok {
			t.Errorf("%q: %q, %v", c.name, v.Of([]byte(in)), ok)
		}
	}
	if _, ok := h.FindKnown(0); ok {
		t.Error("a field of no known name was found by Known 0")
	}
}

// A Head is used for one request after another: nothing of an earlier one may show in a later one.
func TestHeadIsReused(t *testing.T) {
	var h message.Head
	const full = "OPTIONS http://a/b%41?c HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\n" +
		"Upgrade: x\r\n" +
		"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nCookie: c\r\n\r\n"
	for _, in := range []string{
		"GET / HTTP/1.0\r\n\r\n", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n",
		"CONNECT a:1 HTTP/1.0\r\n\r\n",
	} {
		var r Resume
		if verdict, err := Parse([]byte(full), &h, nil, &r); verdict != Done {
			t.Fatal(err)
		}
		if verdict, err := Parse([]byte(in), &h, nil, &r); verdict != Done {
			t.Fatal(err)
		}
		fresh, _, _ := readHead(in, nil)
		got, want := summary(&h, in), summary(fresh, in)
		if got != want || h.Size != fresh.Size || len(h.Fields) != len(fresh.Fields) {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if _, ok := h.FindKnown(message.Cookie); ok {
			t.Errorf("%q: Cookie of the request before", in)
		}
	}
}

func TestErrorText(t *testing.T) {
	var err error = fault(400, 7, message.ReasonHost)
	if got, want := err.Error(), "message: 400 at byte 7: invalid Host field"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
