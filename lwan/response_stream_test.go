//go:build linux

package lwan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// ask sends a request in a version of HTTP and returns the answer as it was understood.
func ask(t *testing.T, addr, path, version string) *reply {
	t.Helper()
	return once(t, addr, "GET",
		"GET "+path+" "+version+"\r\nHost: x\r\nConnection: keep-alive\r\n\r\n")
}

// TestFramings: chunked for HTTP/1.1, until the end of the connection for 1.0, by length where that
// is known (RFC 9112 section 6.3), and a stream that is given up looks cut in each of them.
func TestFramings(t *testing.T) {
	srv := &Server{}
	type ending struct {
		name string
		end  func(resp *Response) Status
	}
	endings := []ending{
		{"good", func(resp *Response) Status { return 200 }},
		{"status", func(resp *Response) Status { return 500 }},
		{"fail", func(resp *Response) Status { return resp.Fail(errSecret) }},
		{"panic", func(resp *Response) Status { panic(errSecret) }},
	}
	for _, e := range endings {
		stream := func(length string) Handler {
			return func(req *Request, resp *Response) Status {
				if length != "" {
					resp.SetHeader("Content-Length", length)
				}
				for _, word := range []string{"one ", "two ", "three"} {
					resp.WriteString(word)
					if err := resp.Flush(); err != nil {
						return resp.Fail(err)
					}
				}
				return e.end(resp)
			}
		}
		srv.Handle("GET /"+e.name, stream(""))
		srv.Handle("GET /length/"+e.name, stream("13"))
		srv.Handle("GET /blocking/"+e.name, stream(""), Blocking)
	}
	srv.Handle("GET /ok", text("ok"))
	addr := serveTest(t, srv)
	const body = "one two three"
	for _, c := range []struct {
		path, version    string
		chunked, keeps   bool
		length           int64
		cutVisibleInBody bool
	}{
		{"/", "HTTP/1.1", true, true, -1, true},
		{"/", "HTTP/1.0", false, false, -1, true},
		// complete before it was given up: its end cannot be seen
		{"/length/", "HTTP/1.1", false, true, 13, false},
		{"/blocking/", "HTTP/1.1", true, true, -1, true},
		{"/blocking/", "HTTP/1.0", false, false, -1, true},
	} {
		a := ask(t, addr, c.path+"good", c.version)
		if a.status != 200 || a.body != body || a.err != nil || a.chunked != c.chunked ||
			a.length != c.length || a.close == c.keeps {
			t.Errorf("%s %s: %v chunked=%v length=%d close=%v",
				c.path, c.version, a, a.chunked, a.length, a.close)
		}
		for _, e := range endings[1:] {
			a := ask(t, addr, c.path+e.name, c.version)
			if a.status != 200 || c.cutVisibleInBody && a.err == nil {
				t.Errorf("%s%s %s: %v: it looks complete", c.path, e.name, c.version, a)
			}
		}
	}
}

// TestLengthOfAStream: a body that does not fit its announced length is cut, and never runs into
// the next answer.
func TestLengthOfAStream(t *testing.T) {
	srv := &Server{}
	stream := func(length, body string) Handler {
		return func(req *Request, resp *Response) Status {
			resp.SetHeader("Content-Length", length)
			if err := resp.SendHead(200); err != nil {
				return resp.Fail(err)
			}
			resp.WriteString(body)
			return 200
		}
	}
	srv.Handle("GET /short", stream("10", "short"))
	srv.Handle("GET /long", stream("3", "longer"))
	srv.Handle("GET /exact", stream("5", "exact"))
	book := logged(srv)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /exact HTTP/1.1\r\nHost: x\r\n\r\nHEAD /exact HTTP/1.1\r\nHost: x\r\n\r\n" +
		"HEAD /short HTTP/1.1\r\nHost: x\r\n\r\n")
	w.want("GET", 200, "exact")
	w.want("HEAD", 200, "")
	w.want("HEAD", 200, "")
	for _, path := range []string{"/short", "/long"} {
		w := dial(t, addr)
		w.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\nGET /exact HTTP/1.1\r\nHost: x\r\n\r\n")
		if a := w.answer("GET"); a.err == nil {
			t.Errorf("%s: %v", path, a)
		}
		if n := book.lines("level=ERROR", `route="GET `+path+`"`, "Content-Length"); n != 1 {
			t.Errorf("%s: %d log lines", path, n)
		}
	}
}

// TestResponseTrailers are sent to clients that take chunked bodies, and only fields that may be
// trailers (RFC 9110 section 6.5.1).
func TestResponseTrailers(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		resp.WriteString("body")
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		resp.SetTrailer("X-Sum", "1")
		resp.SetTrailer("x-sum", "2")
		resp.SetTrailer("X-Other", "3")
		return 200
	})
	for _, name := range []string{
		"Content-Length", "Transfer-Encoding", "Set-Cookie", "Host", "X Y",
	} {
		srv.Handle("GET /bad/"+strings.ReplaceAll(name, " ", "-"),
			func(req *Request, resp *Response) Status {
				if err := resp.Flush(); err != nil {
					return resp.Fail(err)
				}
				resp.SetTrailer(name, "1")
				return 200
			})
	}
	addr := serveTest(t, srv)
	a := ask(t, addr, "/", "HTTP/1.1")
	if got := fmt.Sprint(a.trailer); a.body != "body" || got != "map[X-Other:[3] X-Sum:[2]]" {
		t.Errorf("%v %s", a, got)
	}
	if a := ask(t, addr, "/", "HTTP/1.0"); a.body != "body" || a.err != nil {
		t.Errorf("%v", a)
	}
	for _, name := range []string{
		"Content-Length", "Transfer-Encoding", "Set-Cookie", "Host", "X-Y",
	} {
		if a := ask(t, addr, "/bad/"+name, "HTTP/1.1"); a.err == nil || len(a.trailer) > 0 {
			t.Errorf("%s: %v %v", name, a, a.trailer)
		}
	}
}

// TestEarlyHints come before the answer, not in it, and not to HTTP/1.0 (RFC 8297, RFC 9110 section
// 15.2).
func TestEarlyHints(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if err := resp.EarlyHints("</a.css>; rel=preload", "</b.js>; rel=preload"); err != nil {
			return resp.Fail(err)
		}
		if err := resp.EarlyHints("bad\r\nX: y"); err == nil {
			return resp.Text(500, "an invalid link was sent")
		}
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		if err := resp.EarlyHints("</late>"); !errors.Is(err, ErrHeadSent) {
			return 500
		}
		resp.WriteString("body")
		return 200
	})
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	a := w.answer("GET")
	if a.status != 103 ||
		fmt.Sprint(a.header["Link"]) != "[</a.css>; rel=preload </b.js>; rel=preload]" {
		t.Errorf("%v", a)
	}
	if a := w.want("GET", 200, "body"); len(a.header["Link"]) > 0 {
		t.Errorf("%v", a)
	}
	if a := ask(t, addr, "/", "HTTP/1.0"); a.status != 200 || a.body != "body" {
		t.Errorf("%v", a)
	}
}

// TestHeadIsSentOnce: SendHead chooses the status; later changes are refused or without effect.
func TestHeadIsSentOnce(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if resp.HeadSent() || resp.Status() != 0 {
			return 500
		}
		if err := resp.SendHead(206); err != nil {
			return resp.Fail(err)
		}
		resp.SetHeader("X-Late", "1")
		resp.Printf("%v %v %v %v",
			resp.SendHead(200) == ErrHeadSent, resp.HeadSent(), resp.Status(), resp.Reset())
		return 201
	})
	addr := serveTest(t, srv)
	a := get(t, addr, "/")
	if a.status != 206 || a.body != "true true 206 false" || a.header.Get("X-Late") != "" {
		t.Errorf("%v", a)
	}
}

// TestSlowReader: a client that takes nothing stops the handler, not the server's memory, and its
// time is limited.
func TestSlowReader(t *testing.T) {
	srv := &Server{Limits: Limits{Write: 50 * time.Millisecond}}
	ended := make(chan error, 1)
	var sent int64
	srv.Handle("GET /endless", func(req *Request, resp *Response) Status {
		piece := strings.Repeat("x", 32<<10)
		for {
			if _, err := resp.WriteString(piece); err != nil {
				sent = resp.BytesSent()
				ended <- err
				return resp.Fail(err)
			}
		}
	})
	srv.Handle("GET /ok", text("ok"))
	book := logged(srv)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	w.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := received(t, ended); !errors.Is(err, ErrTimeout) {
		t.Errorf("%v", err)
	}
	if sent > 64<<20 {
		t.Errorf("%d bytes were sent to a client that reads none", sent)
	}
	dial(t, addr).open("/ok")
	if n, err := io.Copy(io.Discard, w.r); n == 0 || err != nil && !isReset(err) {
		t.Errorf("%d bytes, %v", n, err)
	}
	settled(t, "lines about it", 1, func() int64 {
		return int64(book.lines("level=DEBUG", "request failed", "/endless"))
	})
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded)
}

// TestTrickleReader: a client that reads slowly, but reads, gets everything.
func TestTrickleReader(t *testing.T) {
	srv := &Server{Limits: Limits{Write: time.Second}}
	misbehaving(srv)
	addr := serveTest(t, srv)
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(tcpConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	w := newClient(t, c)
	w.r = bufio.NewReaderSize(c, 512)
	w.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	w.want("GET", 200, strings.Repeat("x", 300_000))
	w.want("GET", 200, strings.Repeat("y", 100_000))
}

// TestWriteAfterTheClientLeft: the write returns an error, later writes return it too, and it is
// not logged as the server's.
func TestWriteAfterTheClientLeft(t *testing.T) {
	for _, mode := range []string{"inline", "blocking"} {
		t.Run(mode, func(t *testing.T) {
			srv := &Server{}
			outcome := make(chan [2]error, 1)
			mw := []Middleware{}
			if mode == "blocking" {
				mw = append(mw, Blocking)
			}
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				for {
					resp.WriteString(strings.Repeat("x", 100_000))
					if err := resp.Flush(); err != nil {
						_, again := resp.WriteString("more")
						outcome <- [2]error{err, again}
						return resp.Fail(err)
					}
				}
			}, mw...)
			book := logged(srv)
			addr := serveTest(t, srv)
			w := dial(t, addr)
			w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			w.head("GET")
			w.reset()
			got := received(t, outcome)
			if !errors.Is(got[0], ErrGone) || !errors.Is(got[1], ErrGone) {
				t.Errorf("%v", got)
			}
			settled(t, "connections", 0, func() int64 { return srv.Stats().Conns.Active })
			if n := book.lines("request failed"); n != 0 {
				t.Errorf("logged:\n%s", book)
			}
		})
	}
}

// What a stream began with was kept in a buffer of 64 KiB for as long as the stream lasted, or left
// to the garbage collector, for each of its readers.
func TestStreamGivesBackWhatItBeganWith(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		resp.WriteString(fill(32 << 10))
		if before := cap(resp.body); before < maxKept {
			t.Errorf("%d bytes are not held in a lent buffer: nothing is tested", before)
		}
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		if n := cap(resp.body); n > heldSmall {
			t.Errorf("a buffer of %d bytes is held while nothing is", n)
		}
		return 200
	})
	if a := ask(t, serveTest(t, srv), "/", "HTTP/1.1"); len(a.body) != 32<<10 || a.err != nil {
		t.Errorf("%d bytes, %v", len(a.body), a.err)
	}
}
