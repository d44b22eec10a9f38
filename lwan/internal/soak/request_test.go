//go:build linux && !golwan_nethttp

package soak_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
)

// soakAsk is a request of TestSoak, with the answer that must come.
type soakAsk struct {
	kind   string
	method string
	wire   []byte // as it is sent
	id     string // comes back in X-Id; "" if no handler sees the request

	status int
	fields map[string]string // that the answer must have
	body   []byte
	plain  func([]byte) ([]byte, error) // makes the body of what was sent; nil: it is that

	closes bool // the server hangs up behind it
	cut    bool // the answer does not come to its end
	// the answer is sent without waiting: it may be cut when the kernel does not take it at once
	parting bool
	waits   bool // its handler waits: a client that has closed its side is not answered
	opens   bool // it needs a descriptor
}

// soakKinds are the requests that a client asks any number of on a connection.
var soakKinds = []struct {
	weight int
	make   func(r *rand.Rand, small bool) *soakAsk
}{
	{12, askBytes}, {2, askSet}, {4, askPacked}, {4, askParams}, {2, askPage}, {4, askCached},
	{4, askFile}, {3, askRange}, {2, askUnchanged}, {3, askSimple}, {6, askEcho}, {4, askRelay},
	{4, askSum}, {2, askParts}, {1, askUpload}, {2, askForm}, {2, askJSON}, {2, askIgnored},
	{2, askNetHTTP}, {2, askTooLarge}, {8, askWaiting}, {2, askEarly}, {2, askEvents}, {4, askBad},
	{1, askStall},
}

// makeAsk chooses one.
func makeAsk(r *rand.Rand, small bool) *soakAsk {
	sum := 0
	for _, k := range soakKinds {
		sum += k.weight
	}
	n := r.IntN(sum)
	for _, k := range soakKinds {
		if n -= k.weight; n < 0 {
			return k.make(r, small)
		}
	}
	panic("unreachable")
}

// newAsk is a request without a body.
func newAsk(r *rand.Rand, kind, method, target string, fields ...string) *soakAsk {
	return newPost(r, kind, method, target, nil, fields...)
}

// newPost is a request with that framed content: its last fields, and what follows the head.
func newPost(
	r *rand.Rand, kind, method, target string, content *framed, fields ...string,
) *soakAsk {
	a := &soakAsk{kind: kind, method: method, id: strconv.FormatUint(r.Uint64(), 10), status: 200}
	w := bytes.NewBuffer(nil)
	fmt.Fprintf(w, "%s %s HTTP/1.1\r\nHost: soak.example\r\nX-Id: %s\r\n", method, target, a.id)
	if r.IntN(4) == 0 {
		w.WriteString("User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 " +
			"Firefox/140.0\r\nAccept-Language: en-US,en;q=0.5\r\n")
	}
	for _, f := range fields {
		w.WriteString(f + "\r\n")
	}
	if content != nil {
		w.WriteString(content.fields)
	}
	w.WriteString("\r\n")
	if content != nil {
		w.Write(content.wire)
	}
	a.wire = w.Bytes()
	return a
}

// someSize is small mostly.
func someSize(r *rand.Rand, small bool) int {
	if small {
		return r.IntN([]int{10, 1000, 20_000}[r.IntN(3)])
	}
	return r.IntN([]int{10, 1000, 1000, 20_000, 20_000, 100_000, 100_000, 1_500_000}[r.IntN(8)])
}

func someBytes(r *rand.Rand, small bool) []byte { return soakBytes(r.Uint64(), someSize(r, small)) }

func pickMode(r *rand.Rand) string { return []string{"/inline", "/inline", "/blocking"}[r.IntN(3)] }

func askBytes(r *rand.Rand, small bool) *soakAsk {
	id, n := r.Uint64(), someSize(r, small)
	method := []string{"GET", "GET", "GET", "HEAD"}[r.IntN(4)]
	a := newAsk(r, "bytes", method, fmt.Sprintf("/bytes/%d/%d", id, n))
	a.body = soakBytes(id, n)
	a.waits = n > 250_000 // it streams
	return a
}

func askSet(r *rand.Rand, small bool) *soakAsk {
	id, n := r.Uint64(), someSize(r, small)
	a := newAsk(r, "set", "GET", fmt.Sprintf("/set/%d/%d", id, n))
	a.body = soakBytes(id, n)
	return a
}

func askPacked(r *rand.Rand, small bool) *soakAsk {
	id, n := r.Uint64(), 2000+someSize(r, true)
	a := newAsk(r, "packed", "GET", fmt.Sprintf("/packed/%d/%d", id, n), "Accept-Encoding: gzip")
	a.body = fmt.Appendf(nil, "%x", soakBytes(id, n))
	a.fields = map[string]string{"Content-Encoding": "gzip"}
	a.plain, a.waits = gunzip, true
	return a
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func askParams(r *rand.Rand, small bool) *soakAsk {
	p := strconv.Itoa(r.IntN(1000))
	var q, fields []string
	query := "q=%26" + p
	q = append(q, "&"+p)
	for i := range r.IntN(5) {
		query += fmt.Sprintf("&x%d=y&q=%d+a", i, i)
		q = append(q, strconv.Itoa(i)+" a")
	}
	for i := range r.IntN(30) {
		fields = append(fields, fmt.Sprintf("X-Field-%d: value %s", i, p))
	}
	fields = append(fields, "Cookie: a=b; c="+p+"; d=e", "x-last:  "+p+"\t")
	a := newAsk(r, "params", "GET", "/params/a%2F"+p+"/b/%63?"+query, fields...)
	a.body = []byte("a/" + p + "\nb/c\n" + strings.Join(q, "|") + "\n" + p + "\n" + p)
	return a
}

func askPage(r *rand.Rand, small bool) *soakAsk {
	n := r.IntN(30)
	a := newAsk(r, "page", "GET", fmt.Sprintf("/page/%d", n))
	out := "<h1>a &amp; " + a.id + "</h1>\n"
	for i := range n {
		out += fmt.Sprintf("<p>%d &lt;row&gt;\n", i)
	}
	if n == 0 {
		out += "none\n"
	}
	a.body = []byte(out)
	return a
}

func askCached(r *rand.Rand, small bool) *soakAsk {
	key := fmt.Sprintf("key%d ", r.IntN(20))
	a := newAsk(r, "cached", "GET", "/cached/"+url.PathEscape(key))
	a.body, a.waits = bytes.Repeat([]byte(key), 100), true
	return a
}

// askSimple are answers that are always the same.
func askSimple(r *rand.Rand, small bool) *soakAsk {
	var a *soakAsk
	switch r.IntN(7) {
	case 0:
		a = newAsk(r, "nothing", "GET", "/nothing")
		a.status = 204
	case 1:
		a = newAsk(r, "redirect", "GET", "/elsewhere")
		a.status, a.fields = 303, map[string]string{"Location": "/probe"}
		a.body = []byte("<a href=\"/probe\">See Other</a>.\n")
	case 2:
		a = newAsk(r, "clean path", "GET", "/x/..//probe?a=b")
		a.status, a.fields = 307, map[string]string{"Location": "/probe?a=b"}
		a.body = []byte("<a href=\"/probe?a=b\">Temporary Redirect</a>.\n")
	case 3:
		a = newAsk(r, "no such path", "GET", "/nowhere", "Accept: application/json")
		a.status = 404
		a.plain = onlyValidJSON
	case 4:
		a = newAsk(r, "no such method", "DELETE", "/probe")
		a.status, a.fields = 405, map[string]string{"Allow": "GET, HEAD"}
		a.body = []byte("405 Method Not Allowed\n")
	case 5:
		a = newAsk(r, "unknown method", "BREW", "/probe")
		a.status, a.body = 501, []byte("501 Not Implemented\n")
	case 6:
		a = newAsk(r, "old version", "GET", "/probe", "Connection: keep-alive")
		a.wire = bytes.Replace(a.wire, []byte("HTTP/1.1"), []byte("HTTP/1.0"), 1)
		a.fields, a.body = map[string]string{"Connection": "keep-alive"}, []byte("alive")
	}
	return a
}

// onlyValidJSON stands for a body of which no more is known.
func onlyValidJSON(b []byte) ([]byte, error) {
	if !json.Valid(b) {
		return nil, fmt.Errorf("no JSON: %.100q", b)
	}
	return nil, nil
}

func askWaiting(r *rand.Rand, small bool) *soakAsk {
	name := []string{"nothing", "sleep", "await", "every"}[r.IntN(4)]
	a := newAsk(r, name, "GET", pickMode(r)+"/"+name)
	a.body, a.waits = []byte(name), true
	return a
}

func askEarly(r *rand.Rand, small bool) *soakAsk {
	a := newAsk(r, "early hints", "GET", "/early")
	a.body, a.waits = []byte("early"), true
	a.fields = map[string]string{"trailer X-Sum": "of " + a.id}
	return a
}

func askEvents(r *rand.Rand, small bool) *soakAsk {
	n := r.IntN(40)
	a := newAsk(r, "events", "GET", fmt.Sprintf("/events/%d", n))
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "id: %d\ndata: %s\n\n", i, a.id)
	}
	a.body, a.waits = []byte(out.String()), true
	a.fields = map[string]string{"Content-Type": "text/event-stream"}
	return a
}

// askBad has a handler that fails, after which the connection goes on.
func askBad(r *rand.Rand, small bool) *soakAsk {
	name := []string{"panic", "panic/blocking", "nil", "field", "status", "late"}[r.IntN(6)]
	a := newAsk(r, name, "GET", "/bad/"+name)
	a.status, a.body, a.waits = 500, []byte("500 Internal Server Error\n"), true
	switch name {
	case "late":
		a.status, a.body = 503, []byte("503 Service Unavailable\n")
		a.fields = map[string]string{"Retry-After": "1"}
	case "field": // nothing that was set is sent
		a.id = ""
	}
	return a
}

func askStall(r *rand.Rand, small bool) *soakAsk {
	a := newAsk(r, "stall", "GET", fmt.Sprintf("/bad/stall/%d", r.IntN(soakStalls)))
	a.body = []byte("stalled")
	if r.IntN(20) == 0 {
		a = newAsk(r, "stuck", "GET", fmt.Sprintf("/bad/stuck/%d", r.IntN(soakStucks)))
		a.body = []byte("stuck")
	}
	a.waits = true
	return a
}
