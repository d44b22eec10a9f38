//go:build linux

package smuggling_test

import (
	"fmt"
	"strings"
)

// Requests that two servers may read in two ways, as research on desynchronisation has found them.
// Each probe says what the only safe reading is: which requests there are, and what becomes of the
// rest. Where the probes are tried is in smuggling_test.go and proxies_test.go.
//
// {p} stands for a path of the server under test, and 0000 for a number of as many digits that
// tells the probe from others.

type probe struct {
	name string
	raw  string
	want []string // what handlers see: METHOD target, and the body, separated by spaces
	// what answers that which is no request, before the connection is closed; 0: all of it is
	// requests
	status int
	// the last of want has a body that is faulty or too large: its handler may be told, and the
	// connection is closed
	broken bool
	open   bool // or one that does not come to its end
	// a handler that does not read the body must close, as nobody knows whether that is sent
	waits bool
	lax   []string // what net/http sees, if that is something else and RFC 9112 lets it
}

const (
	smuggled     = "GET /smuggled-0000 HTTP/1.1\r\nHost: x\r\n\r\n"
	smuggledSeen = "GET /smuggled-0000"
	lastChunk    = "0\r\n\r\n"
)

// probes is all of them.
func probes() (all []probe) {
	all = append(all, framingProbes...)
	all = append(all, codingProbes()...)
	all = append(all, lengthProbes()...)
	all = append(all, chunkProbes()...)
	all = append(all, methodProbes()...)
	all = append(all, lineProbes...)
	all = append(all, targetProbes...)
	return append(all, expectProbes...)
}

// in is a request with field lines and what follows the head.
func in(fields, rest string) string {
	return "POST {p} HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + rest
}

func contentLength(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }

// oneChunk is body in the chunked coding.
func oneChunk(body string) string {
	return fmt.Sprintf("%x\r\n%s\r\n", len(body), body) + lastChunk
}

const chunkedCoding = "Transfer-Encoding: chunked\r\n"

// asPost is how a handler sees in.
func asPost(body string) string { return strings.TrimSuffix("POST {p} "+body, " ") }

// framingProbes say two things about their length, or something that is not true.
var framingProbes = []probe{
	{
		name:   "CL.TE",
		raw:    in(contentLength(len(lastChunk+smuggled))+chunkedCoding, lastChunk+smuggled),
		status: 400,
	},
	{name: "CL.TE, one byte", raw: in(contentLength(6)+chunkedCoding, lastChunk+"G"), status: 400},
	{name: "TE.CL", raw: in(chunkedCoding+contentLength(4), oneChunk(smuggled)), status: 400},
	{
		name: "TE.CL, length 0", raw: in(chunkedCoding+contentLength(0), lastChunk+smuggled),
		status: 400,
	},
	{
		name: "CL.TE, length 0", raw: in(contentLength(0)+chunkedCoding, lastChunk+smuggled),
		status: 400,
	},
	{
		name: "CL.TE in HTTP/1.0",
		raw: "POST {p} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n" + contentLength(5) +
			chunkedCoding + "\r\n" + lastChunk + smuggled, status: 400,
	},
	{
		name: "TE in HTTP/1.0",
		raw: "POST {p} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n" + chunkedCoding +
			"\r\n" + lastChunk + smuggled, status: 400,
	},
	{
		name: "TE in HTTP/1.0 without keep-alive",
		raw:  "POST {p} HTTP/1.0\r\n" + chunkedCoding + "\r\n" + lastChunk + smuggled, status: 400,
	},
	{
		name: "CL.0", raw: in(contentLength(len(smuggled)), smuggled),
		want: []string{asPost(smuggled)},
	},
	{
		name: "CL.0, a prefix", raw: in(contentLength(27), smuggled[:27]),
		want: []string{asPost(smuggled[:27])},
	},
	{
		name: "0.CL", raw: in(contentLength(len(smuggled)+10_000), smuggled),
		want: []string{asPost("")}, open: true,
	},
	{
		name: "0.CL, no byte of it", raw: in(contentLength(5), ""), want: []string{asPost("GET /")},
		status: 400, waits: true,
	},
	{
		name: "0.TE", raw: in(chunkedCoding, "ffff\r\n"+smuggled),
		want: []string{asPost("")}, open: true,
	},
	{name: "TE.0", raw: in(chunkedCoding, oneChunk(smuggled)), want: []string{asPost(smuggled)}},
	{name: "no length", raw: in("", smuggled), want: []string{asPost(""), smuggledSeen}},
	{
		name: "length 0", raw: in(contentLength(0), smuggled),
		want: []string{asPost(""), smuggledSeen},
	},
	{
		name: "too short a length",
		raw:  in(contentLength(3), "abcPOST /smuggled-0000 HTTP/1.1\r\nHost: x\r\n\r\n"),
		want: []string{asPost("abc"), "POST /smuggled-0000"},
	},
	{
		name: "CRLF behind a body", raw: in(contentLength(3), "abc\r\n"+smuggled),
		want: []string{asPost("abc"), smuggledSeen},
	},
	{
		name: "LF behind a body", raw: in(contentLength(3), "abc\n"+smuggled),
		want: []string{asPost("abc")}, status: 400,
	},
	{
		name: "an unfinished head behind a body",
		raw:  in(contentLength(3), "abcGET /smuggled-0000 HTTP/1.1\r\nHost: x\r\nX: "),
		want: []string{asPost("abc")}, status: 400,
	},
	{
		name: "Connection names Content-Length",
		raw:  in("Connection: Content-Length\r\n"+contentLength(len(smuggled)), smuggled),
		want: []string{asPost(smuggled)},
	},
	{
		name: "Connection names Transfer-Encoding",
		raw:  in("Connection: close-not, Transfer-Encoding\r\n"+chunkedCoding, lastChunk+smuggled),
		want: []string{asPost(""), smuggledSeen},
	},
	{
		name: "Connection names Host", raw: in("Connection: Host\r\n"+contentLength(1), "a"),
		want: []string{asPost("a")},
	},
	{
		name: "behind a rejected one",
		raw:  "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled, status: 400,
	},
	{
		name: "behind a rejected one with a body",
		raw:  in("X: y\r\nBad Name: x\r\n"+contentLength(len(smuggled)), smuggled), status: 400,
	},
	{
		name: "behind a rejected coding",
		raw:  in("Transfer-Encoding: gzip, chunked\r\n", lastChunk+smuggled), status: 501,
	},
	{
		name: "upgrade with a body",
		raw: in("Connection: Upgrade\r\nUpgrade: websocket\r\n"+contentLength(len(smuggled)),
			smuggled), want: []string{asPost(smuggled)},
	},
	{
		name: "upgrade with chunks",
		raw: in("Connection: Upgrade\r\nUpgrade: websocket\r\n"+chunkedCoding,
			"3\r\nabc\r\n"+lastChunk+smuggled), want: []string{asPost("abc"), smuggledSeen},
	},
	{name: "upgrade to h2c with a body", raw: in("Connection: Upgrade, HTTP2-Settings\r\n"+
		"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"+contentLength(3),
		"abc"+smuggled), want: []string{asPost("abc"), smuggledSeen}},
}

// codingProbes are TE.TE: a Transfer-Encoding that only one of two servers recognises.
func codingProbes() (all []probe) {
	const (
		chunkedHere = 0
		otherField  = -1
	)
	for _, c := range []struct {
		lines  string
		status int
	}{
		{"Transfer-Encoding: chunked\r\n", chunkedHere},
		{"transfer-encoding:CHUNKED\r\n", chunkedHere},
		{"Transfer-Encoding:\t chunked \t\r\n", chunkedHere},
		{"Transfer-Encoding: xchunked\r\n", 501},
		{"Transfer-Encoding: chunked-x\r\n", 501},
		{"Transfer-Encoding: identity\r\n", 501},
		{"Transfer-Encoding: cow\r\n", 501},
		{"Transfer-Encoding: 'chunked'\r\n", 501},
		{"Transfer-Encoding: gzip\r\n", 501},
		{"Transfer-Encoding: identity, chunked\r\n", 501},
		{"Transfer-Encoding: chunked, identity\r\n", 400},
		{"Transfer-Encoding: chunked, chunked\r\n", 400},
		{"Transfer-Encoding: chunked;q=1\r\n", 400},
		{"Transfer-Encoding: chunked; a=\"b\r\n", 400},
		{"Transfer-Encoding: \"chunked\"\r\n", 400},
		{"Transfer-Encoding: ,chunked\r\n", 400},
		{"Transfer-Encoding: chunked,\r\n", 400},
		{"Transfer-Encoding: chunked cow\r\n", 400},
		{"Transfer-Encoding:\r\n", 400},
		{"Transfer-Encoding: \r\n", 400},
		{"Transfer-Encoding: [chunked]\r\n", 400},
		{"Transfer-Encoding: chunKed\x80\r\n", 400},
		// the Kelvin sign is a k when cases are folded
		{"Transfer-Encoding: chun\u212aed\r\n", 400},
		{"Transfer-Encoding: \u00a0chunked\r\n", 400},
		{"Transfer-Encoding: \x0bchunked\r\n", 400},
		{"Transfer-Encoding: \x0cchunked\r\n", 400},
		{"Transfer-Encoding: chunked\x00\r\n", 400},
		{"Transfer-Encoding: chunked\x08\r\n", 400},
		{"Transfer-Encoding: chunked\x7f\r\n", 400},
		{"Transfer-Encoding: chunked\r\r\n", 400},
		{"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", 501},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", 400},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
		{"Transfer-Encoding: chunked\r\nTransfer-encoding: identity\r\n", 400},
		{"Transfer-Encoding : chunked\r\n", 400},
		{"Transfer-Encoding\t: chunked\r\n", 400},
		{"Transfer-Encoding\x00: chunked\r\n", 400},
		{"Transfer-Encoding\x80: chunked\r\n", 400},
		{"Transfer Encoding: chunked\r\n", 400},
		{"\"Transfer-Encoding\": chunked\r\n", 400},
		{" Transfer-Encoding: chunked\r\n", 400},
		{"\tTransfer-Encoding: chunked\r\n", 400},
		{"\x0bTransfer-Encoding: chunked\r\n", 400},
		{"X: y\r\n Transfer-Encoding: chunked\r\n", 400},
		{"Transfer-Encoding:\r\n chunked\r\n", 400},
		{"Transfer-Encoding:\r\n\tchunked\r\n", 400},
		{"Transfer-Encoding: chunked\r\n x\r\n", 400},
		{"Transfer-Encoding\r\n: chunked\r\n", 400},
		{"X: y\nTransfer-Encoding: chunked\r\n", 400},
		{"X: y\rTransfer-Encoding: chunked\r\n", 400},
		{"X: y\r\rTransfer-Encoding: chunked\r\n", 400},
		{"X: y\x00\nTransfer-Encoding: chunked\r\n", 400},
		{"Transfer-Encoding: chunked\n", 400},
		{"Transfer-Encoding:\n chunked\r\n", 400},
		{": y\r\nTransfer-Encoding: chunked\r\n", 400},
		{"Transfer-Encoding; chunked\r\n", 400},
		{"Transfer-Encoding chunked\r\n", 400},
		{"Transfer_Encoding: chunked\r\n", otherField},
		{"Transfer.Encoding: chunked\r\n", otherField},
		{"X-Transfer-Encoding: chunked\r\n", otherField},
		{"Transfer-Encodings: chunked\r\n", otherField},
		{"TE: chunked\r\n", otherField},
		{"Content-Encoding: chunked\r\n", otherField},
		{"Content-Transfer-Encoding: chunked\r\n", otherField},
		{"X: Transfer-Encoding: chunked\r\n", otherField},
	} {
		all = append(all, codingProbe(c.lines, c.status, 0),
			codingProbe(c.lines, c.status, len(lastChunk)),
			codingProbe(c.lines, c.status, len(lastChunk+smuggled)))
	}
	return all
}

// codingProbe puts an empty chunked body and a request behind lines and a Content-Length.
func codingProbe(lines string, status, length int) probe {
	p := probe{name: fmt.Sprintf("%q", lines), raw: in(lines, lastChunk+smuggled), status: status}
	if length > 0 {
		p.name += fmt.Sprintf(" and length %d", length)
		p.raw = in(contentLength(length)+lines, lastChunk+smuggled)
	}
	switch {
	case status < 0 && length == 0: // and a chunk is no request
		p.want, p.status = []string{asPost("")}, 400
	case status < 0 && length == len(lastChunk):
		p.want, p.status = []string{asPost(lastChunk), smuggledSeen}, 0
	case status < 0:
		p.want, p.status = []string{asPost(lastChunk + smuggled)}, 0
	case length > 0:
		p.status = 400
	case status == 0:
		p.want = []string{asPost(""), smuggledSeen}
	}
	return p
}

// lengthProbes have a Content-Length that is read in several ways.
func lengthProbes() (all []probe) {
	for _, lines := range []string{
		"Content-Length: 5\r\n", "content-length:5\r\n", "Content-Length: \t5 \t\r\n",
		"CONTENT-LENGTH: 5\r\n", "Content-Length: 05\r\n",
		"Content-Length: 00000000000000000000000005\r\n",
		"Content-Length: 5\r\nContent_Length: 0\r\n",
		"Content-Length: 5\r\nX-Content-Length: 0\r\n",
		"Content-Length: 5\r\nContent-Lengths: 0\r\n",
	} {
		all = append(all, probe{
			name: fmt.Sprintf("%q", lines), raw: in(lines, "hello"+smuggled),
			want: []string{asPost("hello"), smuggledSeen},
		})
	}
	for _, lines := range []string{
		"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5\r\nContent-Length: 0\r\n",
		"Content-Length: 0\r\nContent-Length: 5\r\n",
		"Content-Length: 5\r\nX: y\r\ncontent-length: 48\r\n", "Content-Length: 5, 5\r\n",
		"Content-Length: 5, 0\r\n", "Content-Length: 0,5\r\n", "Content-Length: 5,\r\n",
		"Content-Length: ,5\r\n", "Content-Length: +5\r\n", "Content-Length: -5\r\n",
		"Content-Length: -0\r\n", "Content-Length: 0x5\r\n", "Content-Length: 5h\r\n",
		"Content-Length: 0b101\r\n", "Content-Length: 5 5\r\n", "Content-Length: 5 0\r\n",
		"Content-Length: 5\t0\r\n", "Content-Length: 5;\r\n", "Content-Length: 5;0\r\n",
		"Content-Length: 5.0\r\n", "Content-Length: 5e0\r\n", "Content-Length: 5_\r\n",
		"Content-Length: 0_5\r\n", "Content-Length: \"5\"\r\n", "Content-Length: '5'\r\n",
		"Content-Length: \u0665\r\n", "Content-Length: \uff15\r\n", "Content-Length: 5\xa0\r\n",
		"Content-Length: \x0b5\r\n", "Content-Length: 5\x0c\r\n", "Content-Length: 5\x00\r\n",
		"Content-Length: 5\r\r\n", "Content-Length: 5\n", "Content-Length:\r\n",
		"Content-Length: \r\n", "Content-Length: 9223372036854775808\r\n",
		"Content-Length: 18446744073709551621\r\n",
		"Content-Length: 99999999999999999999999999\r\n", "Content-Length : 5\r\n",
		"Content-Length\t: 5\r\n", "Content-Length\x00: 5\r\n", "Content Length: 5\r\n",
		" Content-Length: 5\r\n", "X: y\r\n Content-Length: 5\r\n",
		"X: y\r\n\tContent-Length: 5\r\n", "Content-Length:\r\n 5\r\n",
		"Content-Length: 5\r\n 0\r\n", "X: y\nContent-Length: 5\r\n", "X: y\rContent-Length: 5\r\n",
		"Content-Length\r\n: 5\r\n", "Content-Length 5\r\n", "Content-Length\r\n",
		"Content-Length: 5\r\nContent-Length:\r\n", "Content-Length: five\r\n",
		"Content-Length: NaN\r\n",
	} {
		all = append(all, probe{
			name: fmt.Sprintf("%q", lines), raw: in(lines, "hello"+smuggled), status: 400,
		})
	}
	for _, lines := range []string{
		"Content_Length: 5\r\n", "X-Content-Length: 5\r\n", "Length: 5\r\n",
		"X: Content-Length: 5\r\n",
	} {
		all = append(all, probe{
			name: fmt.Sprintf("%q", lines), raw: in(lines, smuggled),
			want: []string{asPost(""), smuggledSeen},
		})
	}
	// 5 and 0 in 32 bits
	for _, length := range []string{
		"4294967301", "4294967296", "9223372036854775807", "2147483653",
	} {
		all = append(all, probe{
			name: "length " + length, raw: in("Content-Length: "+length+"\r\n", "hello"+smuggled),
			want: []string{asPost("")}, broken: true,
		})
	}
	return all
}

// methodProbes have a body where many do not look for one.
func methodProbes() (all []probe) {
	for _, method := range []string{
		"GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "PUT", "PATCH", "PROPFIND",
	} {
		line := method + " {p} HTTP/1.1\r\nHost: x\r\n"
		all = append(all,
			probe{
				name: method + " with a length",
				raw:  line + contentLength(len(smuggled)) + "\r\n" + smuggled,
				want: []string{method + " {p} " + smuggled},
			},
			probe{
				name: method + " with chunks",
				raw:  line + chunkedCoding + "\r\n" + oneChunk(smuggled),
				want: []string{method + " {p} " + smuggled},
			},
			probe{
				name: method + " with both",
				raw: line + contentLength(len(smuggled)) + chunkedCoding + "\r\n" + lastChunk +
					smuggled, status: 400,
			},
		)
	}
	return append(all,
		probe{
			name: "OPTIONS * with a body",
			raw: "OPTIONS * HTTP/1.1\r\nHost: x\r\n" + contentLength(len(smuggled)) + "\r\n" +
				smuggled, want: []string{"OPTIONS *"},
		},
		probe{
			name: "CONNECT with a body",
			raw: "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n" + contentLength(len(smuggled)) +
				"\r\n" + smuggled, want: []string{"CONNECT x:443"}, broken: true,
		},
		probe{
			name: "CONNECT and what could be a tunnel",
			raw:  "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" + smuggled,
			want: []string{"CONNECT x:443"}, broken: true,
		},
		probe{
			name: "a method in small letters",
			raw: "post {p} HTTP/1.1\r\nHost: x\r\n" + contentLength(len(smuggled)) + "\r\n" +
				smuggled, want: []string{"post {p}"},
		},
		probe{
			name: "a method that nobody knows",
			raw: "FROB {p} HTTP/1.1\r\nHost: x\r\n" + contentLength(len(smuggled)) + "\r\n" +
				smuggled, want: []string{"FROB {p}"},
		},
		probe{
			name: "HTTP/1.0 GET with a body",
			raw: "GET {p} HTTP/1.0\r\nConnection: keep-alive\r\n" + contentLength(len(smuggled)) +
				"\r\n" + smuggled, want: []string{"GET {p} " + smuggled},
		},
	)
}

// expectProbes are about who waits for whom.
var expectProbes = []probe{
	{
		name: "Expect, and the body at once",
		raw:  in("Expect: 100-continue\r\n"+contentLength(5), "hello"+smuggled),
		want: []string{asPost("hello"), smuggledSeen}, waits: true,
	},
	{
		name: "Expect, and a request as the body",
		raw:  in("Expect: 100-continue\r\n"+contentLength(len(smuggled)), smuggled),
		want: []string{asPost(smuggled)}, waits: true,
	},
	{
		name: "Expect, and chunks at once",
		raw:  in("Expect: 100-continue\r\n"+chunkedCoding, "5\r\nhello\r\n"+lastChunk+smuggled),
		want: []string{asPost("hello"), smuggledSeen}, waits: true,
	},
	{
		name: "Expect, and broken chunks",
		raw:  in("Expect: 100-continue\r\n"+chunkedCoding, "5\r\nhello\n0\r\n\r\n"+smuggled),
		want: []string{asPost("")}, broken: true,
	},
	{
		name: "Expect, and no body", raw: in("Expect: 100-continue\r\n"+contentLength(5), ""),
		want: []string{asPost("GET /")}, status: 400, waits: true,
	},
	{
		name: "Expect without a body", raw: in("Expect: 100-continue\r\n", smuggled),
		want: []string{asPost(""), smuggledSeen},
	},
	{
		name: "Expect with length 0",
		raw:  in("Expect: 100-continue\r\n"+contentLength(0), smuggled),
		want: []string{asPost(""), smuggledSeen},
	},
	{
		name: "Expect in GET",
		raw:  "GET {p} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n" + smuggled,
		want: []string{"GET {p}", smuggledSeen},
	},
	{
		name: "Expect in GET with a body",
		raw: "GET {p} HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n" + contentLength(5) +
			"\r\nhello" + smuggled, want: []string{"GET {p} hello", smuggledSeen}, waits: true,
	},
	{
		name: "Expect in HTTP/1.0",
		raw: "POST {p} HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n" +
			contentLength(5) + "\r\nhello" + smuggled,
		want: []string{asPost("hello"), smuggledSeen}, waits: true,
	},
	{
		name: "Expect something else",
		raw:  in("Expect: y 100-continue\r\n"+contentLength(len(smuggled)), smuggled), status: 417,
	},
	{
		name: "Expect two things",
		raw:  in("Expect: 100-continue, x\r\n"+contentLength(5), "hello"+smuggled), status: 417,
	},
	{
		name: "Expect twice",
		raw: in("Expect: 100-continue\r\nExpect: 100-continue\r\n"+contentLength(5),
			"hello"+smuggled), want: []string{asPost("hello"), smuggledSeen}, waits: true,
	},
	{
		name: "Expect: 100", raw: in("Expect: 100\r\n"+contentLength(5), "hello"+smuggled),
		status: 417,
	},
	{
		name: "Expect folded",
		raw:  in("Expect:\r\n 100-continue\r\n"+contentLength(5), "hello"+smuggled), status: 400,
	},
	{
		name:   "Expect with both framings",
		raw:    in("Expect: 100-continue\r\n"+contentLength(5)+chunkedCoding, lastChunk+smuggled),
		status: 400,
	},
}
