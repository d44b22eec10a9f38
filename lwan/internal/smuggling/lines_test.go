//go:build linux

package smuggling_test

import "fmt"

// The probes whose trick is in bytes and line ends: of chunks, of field lines, of request lines.

// chunkProbes hide the end of a body.
func chunkProbes() (all []probe) {
	for _, c := range []struct{ body, want string }{
		{"5\r\nhello\r\n" + lastChunk, "hello"},
		{"0005\r\nhello\r\n000\r\n\r\n", "hello"},
		{"0000000000000005\r\nhello\r\n" + lastChunk, "hello"},
		{"a\r\nhellohello\r\nA\r\n0123456789\r\n" + lastChunk, "hellohello0123456789"},
		{"5;a\r\nhello\r\n0;b\r\n\r\n", "hello"},
		{"5;a=b;c=\"d\"\r\nhello\r\n" + lastChunk, "hello"},
		{"5 ; a = b\r\nhello\r\n" + lastChunk, "hello"},
		{"5;a=\"0\\\"\"\r\nhello\r\n" + lastChunk, "hello"},
		{"5;a=\"\x80;\"\r\nhello\r\n" + lastChunk, "hello"},
		{"5\r\nhello\r\n0\r\nContent-Length: 48\r\n\r\n", "hello"},
		{"5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", "hello"},
		{"5\r\nhello\r\n0\r\nHost: y\r\nConnection: close\r\n\r\n", "hello"},
		{"5\r\nhello\r\n0\r\nX: 0\r\nY: \r\n\r\n", "hello"},
		{oneChunk("0\r\n\r\n" + smuggled), "0\r\n\r\n" + smuggled},
		{oneChunk("\r\n"), "\r\n"},
	} {
		all = append(all, probe{
			name: fmt.Sprintf("chunks %q", c.body), raw: in(chunkedCoding, c.body+smuggled),
			want: []string{asPost(c.want), smuggledSeen},
		})
	}
	for _, body := range brokenChunks {
		all = append(all, probe{
			name: fmt.Sprintf("chunks %q", body), raw: in(chunkedCoding, body+smuggled),
			want: []string{asPost("")}, broken: true,
		})
	}
	for _, size := range []string{"100000005", "7fffffffffffffff"} { // 5 in 32 bits
		all = append(all, probe{
			name: "a chunk of " + size,
			raw:  in(chunkedCoding, size+"\r\nhello\r\n"+lastChunk+smuggled),
			want: []string{asPost("")}, open: true,
		})
	}
	return all
}

// brokenChunks are bodies in which some find an end. Where one finds it, a request follows.
var brokenChunks = []string{
	// sizes
	"\r\n0\r\n\r\n", "\n0\r\n\r\n", " 0\r\n\r\n", "\t0\r\n\r\n", "0x0\r\n\r\n",
	"0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n",
	"-0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n",
	"5 5\r\nhello\r\n0\r\n\r\n", "5,5\r\nhello\r\n0\r\n\r\n", "5_\r\nhello\r\n0\r\n\r\n",
	"0_5\r\nhello\r\n0\r\n\r\n", "5.0\r\nhello\r\n0\r\n\r\n", "g\r\n0\r\n\r\n",
	"5g\r\nhello\r\n0\r\n\r\n", "5h\r\nhello\r\n0\r\n\r\n", "\x005\r\nhello\r\n0\r\n\r\n",
	"5\x00\r\nhello\r\n0\r\n\r\n", "\x0b5\r\nhello\r\n0\r\n\r\n", "5\x0c\r\nhello\r\n0\r\n\r\n",
	"5\xa0\r\nhello\r\n0\r\n\r\n", "\uff15\r\nhello\r\n0\r\n\r\n", "five\r\nhello\r\n0\r\n\r\n",
	"\"5\"\r\nhello\r\n0\r\n\r\n", ";a\r\n0\r\n\r\n", "0 \r\n\r\n", "0\t\r\n\r\n",
	"8000000000000000\r\n0\r\n\r\n", "ffffffffffffffff\r\n0\r\n\r\n",
	"10000000000000005\r\nhello\r\n0\r\n\r\n", "00000000000000005\r\nhello\r\n0\r\n\r\n",
	"f0000000000000005\r\nhello\r\n0\r\n\r\n", "fffffffffffffffb\r\nhello\r\n0\r\n\r\n",
	// line ends of size lines
	"5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\r\nhello\r\n0\r\n\r\n",
	"5\n\r\nhello\r\n0\r\n\r\n", "5\r\x00\nhello\r\n0\r\n\r\n", "5\r\n\nhello\n0\r\n\r\n", "0\n\n",
	"0\n\r\n", "0\r\r\n\r\n",
	"0\r\n\n", "0\r\n\r\r\n", "0\r\rX", "5\x85hello\r\n0\r\n\r\n",
	// extensions: what some pass over up to an LF, and others up to a CRLF
	"5;\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n", "0;a\n\r\n", "0;\n\n",
	"5;a\rb\r\nhello\r\n0\r\n\r\n", "5;a\r\r\nhello\r\n0\r\n\r\n", "2;\n\r\nab\r\n0\r\n\r\n",
	"2\n;a\r\nab\r\n0\r\n\r\n", "2\r;a\r\nab\r\n0\r\n\r\n", "2;\rab\r\n0\r\n\r\n",
	"2;a=\"\nb\"\r\nab\r\n0\r\n\r\n", "2;a=\"\r\n\"\r\nab\r\n0\r\n\r\n",
	"5;a=\"b\r\nhello\r\n0\r\n\r\n", "5;\r\nhello\r\n0\r\n\r\n", "5;;\r\nhello\r\n0\r\n\r\n",
	"5;=b\r\nhello\r\n0\r\n\r\n", "5;a=\r\nhello\r\n0\r\n\r\n", "5;a \r\nhello\r\n0\r\n\r\n",
	"5; \r\nhello\r\n0\r\n\r\n", "5;a\x00\r\nhello\r\n0\r\n\r\n", "5;\x80\r\nhello\r\n0\r\n\r\n",
	"5;a=b=c\r\nhello\r\n0\r\n\r\n", "5;a b\r\nhello\r\n0\r\n\r\n",
	"5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", "5;a\x0b\nhello\r\n0\r\n\r\n",
	// what stands behind the data, and is passed over by those who take any two bytes for its end
	"5\r\nhello0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n",
	"5\r\nhello\n\n0\r\n\r\n", "5\r\nhello\n\r0\r\n\r\n", "5\r\nhello\r\r0\r\n\r\n",
	"5\r\nhelloxx0\r\n\r\n", "5\r\nhello\x00\x000\r\n\r\n", "5\r\nhelloX\n0\r\n\r\n",
	"5\r\nhello\rX0\r\n\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n",
	"6\r\nhello\r\n0\r\n\r\n", "7\r\nhello\r\n0\r\n\r\n",
	// trailer sections
	"0\r\nX: y\n\r\n", "0\r\nX: y\n\n", "0\r\nX: y\r\r\n\r\n", "0\r\n X: y\r\n\r\n",
	"0\r\nX: y\r\n z\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n: y\r\n\r\n", "0\r\nX\r\n\r\n",
	"0\r\nX: y\x00\r\n\r\n", "0\r\nX: y\rz\r\n\r\n", "0\r\n\tX: y\r\n\r\n", "0\r\nX\x00: y\r\n\r\n",
	"0\r\nX y\r\n\r\n", "0\r\nGET /smuggled-0000 HTTP/1.1\r\nX: y\r\n\r\n", "0\r\n\x0b\r\n\r\n",
	"0\r\n", "0\r\nX: y\r\n",
}

// lineProbes end a line, or a head, where others do not.
var lineProbes = []probe{
	{name: "LF everywhere", raw: "GET {p} HTTP/1.1\nHost: x\n\n" + smuggled, status: 400},
	{
		name: "LF behind the request line", raw: "GET {p} HTTP/1.1\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "LF behind a field", raw: "GET {p} HTTP/1.1\r\nHost: x\nX: y\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "LF at the end of the head", raw: "GET {p} HTTP/1.1\r\nHost: x\r\n\n" + smuggled,
		status: 400,
	},
	{
		name: "LF LF at the end of the head", raw: "GET {p} HTTP/1.1\r\nHost: x\n\n" + smuggled,
		status: 400,
	},
	{
		name: "LF CRLF at the end of the head", raw: "GET {p} HTTP/1.1\r\nHost: x\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "LF CR LF", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nX: y\n\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "CR behind the request line", raw: "GET {p} HTTP/1.1\rHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "CR between fields", raw: "GET {p} HTTP/1.1\r\nHost: x\rX: y\r\n\r\n" + smuggled,
		status: 400,
	},
	{name: "CR everywhere", raw: "GET {p} HTTP/1.1\rHost: x\r\r" + smuggled, status: 400},
	{name: "CR CR LF", raw: "GET {p} HTTP/1.1\r\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{
		name: "CR CR LF at the end of the head",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\n\r\r\n" + smuggled, status: 400,
	},
	{
		name: "a request in a value, behind CR",
		raw: "GET {p} HTTP/1.1\r\nHost: x\r\n" +
			"X: y\r\rGET /smuggled-0000 HTTP/1.1\rHost: x\r\n\r\n",
		status: 400,
	},
	{
		name: "a request in a value, behind LF",
		raw: "GET {p} HTTP/1.1\r\nHost: x\r\n" +
			"X: y\n\nGET /smuggled-0000 HTTP/1.1\nHost: x\r\n\r\n",
		status: 400,
	},
	{
		name: "a request in a value",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nX: GET /smuggled-0000 HTTP/1.1\r\n\r\n",
		want: []string{"GET {p}"},
	},
	{
		name: "NUL in a value", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "NUL in a name", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nX\x00Y: a\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "NUL behind the head", raw: "GET {p} HTTP/1.1\r\nHost: x\r\n\r\n\x00" + smuggled,
		want: []string{"GET {p}"}, status: 400,
	},
	{
		name: "NUL before the request line",
		raw:  "\x00GET {p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "DEL in a value", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nX: \x7f\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "VT and FF in a value",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nX: \x0b\x0c\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "bytes over 0x7f in a value",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nX: \x85\xa0\xff\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen},
	},
	{
		name: "space before a colon",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nX : y\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "Host with a space before its colon",
		raw:  "GET {p} HTTP/1.1\r\nHost : x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "a folded line", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nX: y\r\n z\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "a folded line of nothing",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nX: y\r\n \r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "a fold behind the request line",
		raw:  "GET {p} HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "a blank line of a space", raw: "GET {p} HTTP/1.1\r\nHost: x\r\n \r\n" + smuggled,
		status: 400,
	},
	{name: "no name", raw: "GET {p} HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n" + smuggled, status: 400},
	{name: "no colon", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nXY\r\n\r\n" + smuggled, status: 400},
	{
		name: "empty lines first",
		raw:  "\r\n\r\nGET {p} HTTP/1.1\r\nHost: x\r\n\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen}, lax: []string{},
	},
	{name: "LF first", raw: "\nGET {p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "CR first", raw: "\rGET {p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "space first", raw: " GET {p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "two spaces", raw: "GET  {p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{
		name: "two spaces before the version",
		raw:  "GET {p}  HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "a space behind the version", raw: "GET {p} HTTP/1.1 \r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{name: "tabs", raw: "GET\t{p}\tHTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{
		name: "VT as a space", raw: "GET\x0b{p}\x0bHTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "no-break space", raw: "GET {p}\u00a0HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "a space in the target", raw: "GET {p} x HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "a version in the target",
		raw:  "GET {p} HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{name: "HTTP/0.9", raw: "GET {p}\r\n\r\n" + smuggled, status: 400},
	{name: "HTTP/0.9 with a space", raw: "GET {p} \r\n\r\n" + smuggled, status: 400},
	{
		name: "HTTP/0.9 that says so", raw: "GET {p} HTTP/0.9\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "HTTP/1.2", raw: "GET {p} HTTP/1.2\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen},
	},
	{name: "HTTP/1.10", raw: "GET {p} HTTP/1.10\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "HTTP/01.1", raw: "GET {p} HTTP/01.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "HTTP/1", raw: "GET {p} HTTP/1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "HTTP/1,1", raw: "GET {p} HTTP/1,1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "http/1.1", raw: "GET {p} http/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "HTTP/2.0", raw: "GET {p} HTTP/2.0\r\nHost: x\r\n\r\n" + smuggled, status: 505},
	{
		name:   "preface of HTTP/2",
		raw:    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00" + smuggled,
		status: 400,
	},
	{name: "TLS", raw: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + smuggled, status: 400},
	{name: "PROXY protocol", raw: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + smuggled, status: 400},
}

// targetProbes disagree about where a request goes.
var targetProbes = []probe{
	{
		name: "absolute form", raw: "GET http://x{p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET http://x{p}", smuggledSeen},
	},
	{
		name: "absolute form of another host",
		raw:  "GET http://y{p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET http://y{p}", smuggledSeen},
	},
	{
		name: "absolute form without Host", raw: "GET http://x{p} HTTP/1.1\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "absolute form with a body",
		raw:  "POST http://y{p} HTTP/1.1\r\nHost: x\r\n" + contentLength(3) + "\r\nabc" + smuggled,
		want: []string{"POST http://y{p} abc", smuggledSeen},
	},
	{
		name: "absolute form with a user",
		raw:  "GET http://u:p@x{p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "absolute form without a host",
		raw:  "GET http://{p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "absolute form of another scheme",
		raw:  "GET ftp://x{p} HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "authority form in GET", raw: "GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{name: "asterisk in GET", raw: "GET * HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{name: "no slash", raw: "GET read HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, status: 400},
	{
		name: "a fragment", raw: "GET {p}#/smuggled-0000 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "a backslash", raw: "GET \\smuggled-0000 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "bytes over 0x7f", raw: "GET {p}\xe4 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET {p}%E4", smuggledSeen},
	},
	{
		name: "bytes that should be encoded",
		raw:  "GET {p}^|<>? HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET {p}%5E%7C%3C%3E?", smuggledSeen},
	},
	{
		name: "two Authorizations",
		raw: "GET {p} HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n" +
			smuggled, status: 400,
	},
	{
		name: "escaped line end", raw: "GET {p}%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET {p}%0d%0aX:%20y", smuggledSeen},
	},
	{
		name: "escaped NUL", raw: "GET {p}%00 HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
		want: []string{"GET {p}%00", smuggledSeen},
	},
	{
		name: "two Hosts", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "two equal Hosts", raw: "GET {p} HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n" + smuggled,
		status: 400,
	},
	{name: "no Host", raw: "GET {p} HTTP/1.1\r\n\r\n" + smuggled, status: 400},
	{
		name: "no Host in HTTP/1.0",
		raw:  "GET {p} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen},
	},
	{
		name: "an empty Host", raw: "GET {p} HTTP/1.1\r\nHost:\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen},
	},
	{
		name: "Host with a space", raw: "GET {p} HTTP/1.1\r\nHost: x y\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "Host with a list", raw: "GET {p} HTTP/1.1\r\nHost: x, y\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "Host with a path", raw: "GET {p} HTTP/1.1\r\nHost: x/y\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "Host with a user", raw: "GET {p} HTTP/1.1\r\nHost: u@x\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "Host with a wrong port", raw: "GET {p} HTTP/1.1\r\nHost: x:y\r\n\r\n" + smuggled,
		status: 400,
	},
	{
		name: "X-Forwarded-Host",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: y\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen},
	},
}
