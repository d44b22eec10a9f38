package drive

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

const hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n" +
	"Hello, world!"

func TestFeed(t *testing.T) {
	const empty = "HTTP/1.1 200 OK\r\ncontent-LENGTH:0\r\n\r\n"
	for _, c := range []struct {
		in      string
		want    counts
		between bool
		err     error
	}{
		{"", counts{}, true, nil},
		{hello, counts{done: 1, bad: 0}, true, nil},
		{hello + hello + empty, counts{done: 3, bad: 0}, true, nil},
		{hello[:len(hello)-1], counts{}, false, nil},
		{hello + "HTTP/1.1", counts{done: 1, bad: 0}, false, nil},
		{"HTTP/1.0 404 Not Found\r\nContent-Length: 1\r\n\r\nx",
			counts{done: 1, bad: 1}, true, nil},
		{"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", counts{done: 1, bad: 1}, true, nil},
		{"HTTP/1.1 204 No Content\r\n\r\n" + hello, counts{done: 2, bad: 1}, true, nil},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n" + hello,
			counts{done: 2, bad: 1}, true, nil},
		{"HTTP/1.1 100 Continue\r\n\r\n" + hello, counts{done: 1, bad: 0}, true, nil},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
			counts{done: 1, bad: 0}, true, nil},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\nx",
			counts{done: 1, last: true}, true, nil},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
			counts{}, false, errHead},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", counts{}, false, errHead},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
			counts{}, false, errHead},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			counts{}, false, errFraming},
		{"HTTP/1.1 200 OK\r\n\r\nuntil the end", counts{}, false, errFraming},
		{"HTTP/2 200\r\nContent-Length: 0\r\n\r\n", counts{}, false, errHead},
		{"HTTP/1.1 2000\r\nContent-Length: 0\r\n\r\n", counts{}, false, errHead},
		{"HTTP/1.1 099\r\nContent-Length: 0\r\n\r\n", counts{}, false, errHead},
		{"HTTP/1.1 +20\r\nContent-Length: 0\r\n\r\n", counts{}, false, errHead},
		{strings.Repeat("x", maxHead+1), counts{}, false, errHead},
		{strings.Repeat("x", maxHead+1) + "\r\n\r\n", counts{}, false, errHead},
		{hello[:16] + "\r\nX: " + strings.Repeat("x", maxHead-len(hello)) + hello[15:],
			counts{done: 1}, true, nil},
	} {
		var s scanner
		got, err := s.feed([]byte(c.in))
		if !errors.Is(err, c.err) || got != c.want || err == nil && s.between() != c.between {
			t.Errorf("%.60q: %+v, %v, between %t", c.in, got, err, s.between())
		}
	}
}

// FuzzFeed compares a stream that is cut at every byte with the whole one, and both with net/http,
// which is stricter about field lines and more generous about line ends.
func FuzzFeed(f *testing.F) {
	f.Add(hello + hello)
	f.Add("HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx" + hello)
	f.Add("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n" + hello)
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx")
	f.Fuzz(func(t *testing.T, in string) {
		var whole, cut scanner
		want, wantErr := whole.feed([]byte(in))
		var got counts
		var err error
		for i := 0; i < len(in) && err == nil; i++ {
			var one counts
			one, err = cut.feed([]byte{in[i]})
			got.done += one.done
			got.bad += one.bad
			got.last = got.last || one.last
		}
		if got != want || (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: whole %+v, %v; byte by byte %+v, %v", in, want, wantErr, got, err)
		}
		if wantErr != nil || !whole.between() {
			return
		}
		// net/http reads lists of connection options, and knows that HTTP/1.0 closes by default.
		ref, ok := standard([]byte(in))
		if ok && (ref.done != want.done || ref.bad != want.bad || want.last && !ref.last) {
			t.Errorf("%q: %+v, net/http %+v", in, want, ref)
		}
	})
}

// standard counts with net/http; false when it refuses the stream or when it counts otherwise by
// design: it returns interim responses as if they were final, and takes a bare LF for a line end.
func standard(in []byte) (counts, bool) {
	var found counts
	if bytes.Count(in, []byte("\n")) != bytes.Count(in, []byte("\r\n")) {
		return found, false
	}
	r := bufio.NewReader(bytes.NewReader(in))
	for {
		if _, err := r.Peek(1); err == io.EOF {
			return found, true
		}
		response, err := http.ReadResponse(r, nil)
		if err != nil || response.StatusCode < 200 {
			return found, false
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return found, false
		}
		found.done++
		if response.StatusCode != 200 {
			found.bad++
		}
		found.last = found.last || response.Close
	}
}

func TestFeedAllocatesNothing(t *testing.T) {
	var s scanner
	stream := []byte(strings.Repeat(hello, 16))
	if n := testing.AllocsPerRun(100, func() {
		if found, err := s.feed(stream); err != nil || found.done != 16 {
			t.Fatal(found, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFeed(b *testing.B) {
	var s scanner
	stream := []byte(strings.Repeat(hello, 16))
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		if _, err := s.feed(stream); err != nil {
			b.Fatal(err)
		}
	}
}
