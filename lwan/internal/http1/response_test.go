package http1

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"testing"
)

func TestAppendStatusLine(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
	}{
		{200, "HTTP/1.1 200 OK\r\n"}, {100, "HTTP/1.1 100 Continue\r\n"},
		{404, "HTTP/1.1 404 Not Found\r\n"}, {413, "HTTP/1.1 413 Content Too Large\r\n"},
		{299, "HTTP/1.1 299 \r\n"}, {599, "HTTP/1.1 599 \r\n"},
		{600, "HTTP/1.1 600 \r\n"}, {999, "HTTP/1.1 999 \r\n"},
		{0, "HTTP/1.1 500 Internal Server Error\r\n"},
		{99, "HTTP/1.1 500 Internal Server Error\r\n"},
		{1000, "HTTP/1.1 500 Internal Server Error\r\n"},
		{-200, "HTTP/1.1 500 Internal Server Error\r\n"},
	} {
		if got := string(AppendStatusLine([]byte("x"), c.code)); got != "x"+c.want {
			t.Errorf("%d: %q, want %q", c.code, got[1:], c.want)
		}
	}
}

// A whole answer, read back by net/http.
func TestResponseIsReadByNetHTTP(t *testing.T) {
	b := AppendStatusLine(nil, 200)
	b = AppendField(b, "X-Test", "a b")
	b = AppendField(b, "X-Empty", "")
	b = AppendField(b, "Transfer-Encoding", "chunked")
	b = append(b, "\r\n"...)
	body := strings.Repeat("0123456789", 100)
	for _, piece := range []string{body[:1], body[1:16], body[16:]} {
		b = AppendChunkHead(b, len(piece))
		b = append(append(b, piece...), "\r\n"...)
	}
	b = append(b, LastChunk...)

	in := bufio.NewReader(bytes.NewReader(b))
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != body || resp.StatusCode != 200 ||
		resp.Header.Get("X-Test") != "a b" {
		t.Errorf("%v %v, %d bytes, %v", resp.Status, resp.Header, len(got), err)
	}
	if _, ok := resp.Header["X-Empty"]; !ok || in.Buffered() != 0 {
		t.Errorf("empty field %v, %d bytes left over", ok, in.Buffered())
	}
}

func TestAppendChunkHead(t *testing.T) {
	for _, n := range []int{1, 15, 16, 255, 4096, math.MaxInt} {
		got := string(AppendChunkHead([]byte("x"), n))
		if got != "x"+strconv.FormatInt(int64(n), 16)+"\r\n" {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// What is written in the chunked coding is read as it was by both decoders.
func TestChunksRoundTrip(t *testing.T) {
	var b []byte
	for _, n := range []int{1, 2, 15, 16, 17, 4095, 65536} {
		b = AppendChunkHead(b, n)
		b = append(append(b, bytes.Repeat([]byte{'x'}, n)...), "\r\n"...)
	}
	b = append(b, LastChunk...)
	ours := decode(t, &Chunked{}, string(b), []int{len(b)}, 0)
	theirs, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(b)))
	if err != nil || !ours.done || ours.body != string(theirs) || ours.consumed != len(b) {
		t.Errorf("%d and %d bytes, %v, %v", len(ours.body), len(theirs), ours.err, err)
	}
}
