//go:build linux && !golwan_nethttp

package soak_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// askLast is a request behind which the server hangs up: because it was asked to, because the
// handler has died, or because nobody knows where the next request would begin.
func askLast(r *rand.Rand, small bool) *soakAsk {
	switch r.IntN(8) {
	case 0:
		a := askBytes(r, small)
		a.kind = "close"
		a.wire = []byte(strings.Replace(string(a.wire), "\r\n", "\r\nConnection: close\r\n", 1))
		a.closes = true
		return a
	case 1:
		a := askBytes(r, small)
		a.kind = "old version, close"
		a.wire = []byte(strings.Replace(string(a.wire), "HTTP/1.1", "HTTP/1.0", 1))
		a.closes = true
		return a
	case 2:
		a := newAsk(r, "Goexit", "GET", "/bad/goexit")
		a.status, a.body = 500, []byte("500 Internal Server Error\n")
		a.closes, a.parting, a.waits = true, true, true
		return a
	case 3:
		a := newAsk(r, "half an answer", "GET", "/bad/half")
		a.body, a.closes, a.cut, a.waits = []byte("half"), true, true, true
		return a
	case 4:
		return askUnwanted(r)
	case 5:
		n := 2*maxRelay + r.IntN(maxRelay)
		content := soakBytes(r.Uint64(), n)
		a := newPost(r, "large relay", "POST", "/inline/relay", &framed{
			fields: fmt.Sprintf("Content-Length: %d\r\n", n), wire: content,
		})
		a.body, a.closes, a.waits = content, true, true
		return a
	}
	return askRefused(r)
}

// askUnwanted has more of a body than the server throws away.
func askUnwanted(r *rand.Rand) *soakAsk {
	n := 300_000 + r.IntN(300_000)
	a := newPost(r, "unwanted body", "POST", "/ignore", &framed{
		fields: fmt.Sprintf("Content-Length: %d\r\n", n), wire: soakBytes(r.Uint64(), n),
	})
	a.body, a.closes, a.waits = []byte("ignored"), true, true
	return a
}

// soakRefused are requests that are refused before any handler sees them.
var soakRefused = []struct {
	kind   string
	wire   string
	status int
}{
	{"no version", "GET /probe\r\n\r\n", 400},
	{"unknown version", "GET /probe HTTP/2.7\r\nHost: x\r\n\r\n", 505},
	{"no Host", "GET /probe HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", "GET /probe HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
	{"blank before colon", "GET /probe HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400},
	{"folded line", "GET /probe HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400},
	{"bare LF", "GET /probe HTTP/1.1\nHost: x\n\n", 400},
	{"NUL", "GET /probe HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n", 400},
	{"CL.TE", "POST /inline/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /probe HTTP/1.1\r\n", 400},
	{"TE.TE", "POST /inline/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" +
		"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400},
	{"coding in disguise",
		"POST /inline/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
		400},
	{"unknown coding", "POST /inline/echo HTTP/1.1\r\nHost: x\r\n" +
		"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
	{"old version, chunked",
		"POST /inline/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
	{"two lengths", "POST /inline/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n" +
		"Content-Length: 2\r\n\r\nab", 400},
	{"negative length", "POST /inline/echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
	{"malformed chunk", "POST /inline/echo HTTP/1.1\r\nHost: x\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400},
	{"chunk without its end", "POST /inline/sum HTTP/1.1\r\nHost: x\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n", 400},
	{"endless chunk extension",
		"POST /inline/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;" +
			strings.Repeat("a=b;", 30_000) + "\r\nhello\r\n0\r\n\r\n", 400},
	{"long request line", "GET /" + strings.Repeat("a", 9000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		414},
	{"long fields",
		"GET /probe HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 40_000) + "\r\n\r\n", 431},
	{"many fields", "GET /probe HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 200) + "\r\n",
		431},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	{"tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 501},
	{"huge length",
		"POST /inline/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc", 413},
}

func askRefused(r *rand.Rand) *soakAsk {
	bad := soakRefused[r.IntN(len(soakRefused))]
	method, _, _ := strings.Cut(bad.wire, " ")
	return &soakAsk{
		kind: bad.kind, method: method, wire: []byte(bad.wire), status: bad.status,
		plain: func([]byte) ([]byte, error) { return nil, nil }, closes: true, waits: true,
	}
}
