//go:build linux && !golwan_nethttp

package soak_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"mime/multipart"
	"strconv"
	"strings"
)

// framed is content as it goes over the wire.
type framed struct {
	fields  string
	wire    []byte
	trailer string // value of X-Trailer
}

// frame chooses a framing for content.
func frame(r *rand.Rand, content []byte) *framed {
	f := &framed{}
	if r.IntN(4) == 0 {
		f.fields = "Expect: 100-continue\r\n"
	}
	if r.IntN(2) == 0 {
		f.fields += fmt.Sprintf("Content-Length: %d\r\n", len(content))
		f.wire = content
		return f
	}
	f.fields += "Transfer-Encoding: chunked\r\n"
	w := bytes.NewBuffer(nil)
	for len(content) > 0 {
		n := min(len(content), 1+r.IntN([]int{3, 1000, 100_000}[r.IntN(3)]))
		if w.Len() > 100_000 { // no more small ones
			n = len(content)
		}
		fmt.Fprintf(w, "%x%s\r\n%s\r\n", n, []string{"", ";a", `;b="c;d"`}[r.IntN(3)], content[:n])
		content = content[n:]
	}
	w.WriteString("0\r\n")
	if r.IntN(2) == 0 {
		f.trailer = strconv.Itoa(r.IntN(1000))
		w.WriteString("X-Trailer: " + f.trailer + "\r\n")
	}
	w.WriteString("\r\n")
	f.wire = w.Bytes()
	return f
}

func askEcho(r *rand.Rand, small bool) *soakAsk {
	content := someBytes(r, small)
	a := newPost(r, "echo", "POST", pickMode(r)+"/echo", frame(r, content))
	a.body, a.waits = content, true
	return a
}

// maxRelay is how much of a body may be left unread when the head of the answer goes out: with more
// the server hangs up.
const maxRelay = 250_000

func askRelay(r *rand.Rand, small bool) *soakAsk {
	content := soakBytes(r.Uint64(), min(someSize(r, small), maxRelay))
	a := newPost(r, "relay", "POST", pickMode(r)+"/relay", frame(r, content))
	a.body, a.waits = content, true
	return a
}

func askNetHTTP(r *rand.Rand, small bool) *soakAsk {
	content := soakBytes(r.Uint64(), min(someSize(r, small), maxRelay))
	a := newPost(r, "net/http", "POST", "/nethttp", frame(r, content))
	a.body, a.waits = content, true
	return a
}

func askSum(r *rand.Rand, small bool) *soakAsk {
	content := someBytes(r, small)
	f := frame(r, content)
	a := newPost(r, "sum", "POST", pickMode(r)+"/sum", f)
	a.body, a.waits = []byte(sumLine(len(content), crc32.ChecksumIEEE(content), f.trailer)), true
	return a
}

// multipartForm makes files of some sizes, and what sumParts says of them.
func multipartForm(r *rand.Rand, small bool) (contentType string, content []byte, sums string) {
	body := bytes.NewBuffer(nil)
	w := multipart.NewWriter(body)
	for i := range 1 + r.IntN(3) {
		part, err := w.CreateFormFile("file"+strconv.Itoa(i), "name.bin")
		if err != nil {
			panic(err)
		}
		b := soakBytes(r.Uint64(), min(someSize(r, small), 400_000))
		part.Write(b)
		sums += fmt.Sprintf("file%d %s", i, sumLine(len(b), crc32.ChecksumIEEE(b), ""))
	}
	w.Close()
	return w.FormDataContentType(), body.Bytes(), sums
}

func askParts(r *rand.Rand, small bool) *soakAsk {
	contentType, content, sums := multipartForm(r, small)
	a := newPost(r, "parts", "POST", pickMode(r)+"/parts", frame(r, content),
		"Content-Type: "+contentType)
	a.body, a.waits = []byte(sums), true
	return a
}

// askUpload sends files that go to disk.
func askUpload(r *rand.Rand, small bool) *soakAsk {
	contentType, content, sums := multipartForm(r, small)
	a := newPost(r, "upload", "POST", "/upload", frame(r, content), "Content-Type: "+contentType)
	a.body, a.waits, a.opens = []byte(sums), true, true
	return a
}

func askForm(r *rand.Rand, small bool) *soakAsk {
	v := strconv.Itoa(r.IntN(1000))
	content, want := "first=%3D"+v, "="+v+"\n"
	for i := range r.IntN(10) {
		if i > 0 {
			want += "|"
		}
		content += fmt.Sprintf("&more=%d+%s", i, v)
		want += fmt.Sprintf("%d %s", i, v)
	}
	a := newPost(r, "form", "POST", "/form", frame(r, []byte(content)),
		"Content-Type: application/x-www-form-urlencoded")
	a.body, a.waits = []byte(want), true
	return a
}

func askJSON(r *rand.Rand, small bool) *soakAsk {
	n := r.IntN(100) - 20
	a := newPost(r, "JSON", "POST", "/json",
		frame(r, fmt.Appendf(nil, `{"name": "é\n", "count": %d}`, n)),
		"Content-Type: application/json")
	a.waits = true
	if n < 0 {
		a.status, a.body = 422, []byte("422 Unprocessable Content\ncount is negative\n")
		return a
	}
	a.body = fmt.Appendf(nil, `{"name":"é\n","count":%d}`, n+1)
	return a
}

// askIgnored has a body that its handler does not want, and that is thrown away.
func askIgnored(r *rand.Rand, small bool) *soakAsk {
	f := frame(r, soakBytes(r.Uint64(), r.IntN(30_000)))
	// with it, a server that is not asked for the body closes
	f.fields = strings.TrimPrefix(f.fields, "Expect: 100-continue\r\n")
	a := newPost(r, "ignored body", "POST", "/ignore", f)
	a.body, a.waits = []byte("ignored"), true
	return a
}

// askTooLarge has a body over the limit, which is small enough to be thrown away.
func askTooLarge(r *rand.Rand, small bool) *soakAsk {
	f := frame(r, soakBytes(r.Uint64(), 1001+r.IntN(5000)))
	f.fields = strings.TrimPrefix(f.fields, "Expect: 100-continue\r\n")
	a := newPost(r, "too large", "POST", "/strict/echo", f)
	a.status, a.body, a.waits = 413, []byte("413 Content Too Large\n"), true
	return a
}
