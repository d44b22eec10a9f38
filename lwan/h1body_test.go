//go:build linux && !golwan_nethttp

package lwan

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// bodyServer has handlers that treat bodies in every way.
func bodyServer(t *testing.T, srv *Server) string {
	srv.Handle("POST /echo", echo)
	srv.Handle("POST /reader", func(req *Request, resp *Response) Status {
		if _, err := io.Copy(resp, req.Body()); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	srv.Handle("POST /first", func(req *Request, resp *Response) Status {
		var b [4]byte
		n, err := io.ReadFull(req.Body(), b[:])
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, string(b[:n]))
	})
	srv.Handle("/ignore", text("ignored"))
	srv.Handle("POST /trailer", func(req *Request, resp *Response) Status {
		before := req.Trailer("X-Sum")
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, before+"|"+req.Trailer("x-sum")+"|"+req.Header("X-Sum"))
	})
	return serveTest(t, srv)
}

// TestBodies by length and in the chunked coding, in one piece and in many.
func TestBodies(t *testing.T) {
	addr := bodyServer(t, &Server{})
	long := strings.Repeat("0123456789abcdef", 5_000)
	for _, path := range []string{"/echo", "/reader"} {
		w := dial(t, addr)
		w.send(post(path, ""))
		w.want("POST", 200, "")
		w.send(post(path, long))
		w.want("POST", 200, long)
		w.send(chunked(path, nil, ""))
		w.want("POST", 200, "")
		w.send(chunked(path, []string{"a", long, "b", strings.Repeat("c", 16<<10)}, ""))
		w.want("POST", 200, "a"+long+"b"+strings.Repeat("c", 16<<10))
		// neither: no body (RFC 9112 section 6.3)
		w.send("POST " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		w.want("POST", 200, "")
		w.send("POST "+path+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"0000A;ext=\"v\"\r\n0123456789\r\n", "0\r\n\r\n")
		w.want("POST", 200, "0123456789")
	}
}

// TestTrailers are known once the body has been read, and belong to their own request only.
func TestTrailers(t *testing.T) {
	addr := bodyServer(t, &Server{Loops: 1})
	w := dial(t, addr)
	w.send(chunked("/trailer", []string{"body"}, "X-Sum: 7\r\n"))
	w.want("POST", 200, "|7|")
	w.send(post("/trailer", "body"))
	w.want("POST", 200, "||")
}

// TestTrailerOfAnUnreadBody: trailers that are thrown away after the answer must not show in the
// next request.
func TestTrailerOfAnUnreadBody(t *testing.T) {
	addr := bodyServer(t, &Server{Loops: 1})
	w := dial(t, addr)
	w.send(chunked("/ignore", []string{"body"}, "X-Sum: stale\r\n"))
	w.want("POST", 200, "ignored")
	w.send(post("/trailer", "body"))
	w.want("POST", 200, "||")
	other := dial(t, addr)
	other.send(post("/trailer", "body"))
	other.want("POST", 200, "||")
}

// TestBodyEndsEarly: the client says that it is done before the body is complete (RFC 9112 section
// 8).
func TestBodyEndsEarly(t *testing.T) {
	srv := &Server{}
	o := make(observed, 8)
	srv.Observe(o)
	addr := bodyServer(t, srv)
	for _, raw := range []string{
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
	} {
		w := dial(t, addr)
		w.send(raw)
		w.closeWrite()
		rest, err := io.ReadAll(w.r)
		if err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		if text := string(rest); text != "" && !strings.HasPrefix(text, "HTTP/1.1 400 ") {
			t.Errorf("%q: %q: an incomplete body passed for a whole one", raw, text)
		}
		if text := string(rest); text != "" && !strings.HasSuffix(text, "\r\n\r\n") {
			t.Errorf("%q: %q: a page was made for nobody", raw, text)
		}
		if got := o.next(t); strings.Contains(got, " 200 ") {
			t.Errorf("%q: observed %q", raw, got)
		}
	}
}

// TestBrokenChunks: nobody knows where the next request would begin (RFC 9112 section 7.1).
func TestBrokenChunks(t *testing.T) {
	addr := bodyServer(t, &Server{})
	for _, path := range []string{"/echo", "/ignore"} {
		w := dial(t, addr)
		w.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" +
			"hello\r\nZZ\r\nGET /ignore HTTP/1.1\r\nHost: x\r\n\r\n")
		a := w.answer("POST")
		if want := map[string]int{"/echo": 400, "/ignore": 200}[path]; a.status != want {
			t.Errorf("%s: %v", path, a)
		}
		w.ended()
	}
}

// TestAnswerSaysThatABrokenBodyEndsTheConnection: it said the opposite when a handler had left a
// body that was already known to be broken.
func TestAnswerSaysThatABrokenBodyEndsTheConnection(t *testing.T) {
	addr := bodyServer(t, &Server{})
	const head = "POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, rest := range []string{
		"ZZ\r\n", "5\r\nhelloworld\r\n", "5\r\nhello\r\n5\n",
		fmt.Sprintf("5\r\nhello\r\n%x\r\nhel", transport.DiscardLimit+1),
	} {
		w := dial(t, addr)
		w.send(head + rest)
		if a := w.want("POST", 200, "ignored"); !a.close {
			t.Errorf("%q: %v", rest, a)
		}
		w.ended()
	}
	w := dial(t, addr)
	for _, rest := range []string{
		"", "5", "5\r\nhel", "5\r\nhello\r\n0\r\nX: y", "5\r\nhello\r\n0\r\n\r\n",
	} {
		const whole = "5\r\nhello\r\n0\r\nX: y\r\n\r\n"
		w.send(head + rest)
		if a := w.want("POST", 200, "ignored"); a.close {
			t.Errorf("%q: %v", rest, a)
		}
		if strings.HasPrefix(whole, rest) {
			w.send(whole[len(rest):])
		}
		w.open("/ignore")
	}
}

// TestBodyLimit: 413 for one byte more than allowed, declared or not; the answer can be read
// although more is coming.
func TestBodyLimit(t *testing.T) {
	const limit = 1000
	at, over := strings.Repeat("a", limit), strings.Repeat("b", limit+1)
	addr := bodyServer(t, &Server{Limits: Limits{Body: limit}})
	for _, path := range []string{"/echo", "/reader"} {
		w := dial(t, addr)
		w.send(post(path, at))
		w.want("POST", 200, at)
		w.send(chunked(path, []string{at}, ""))
		w.want("POST", 200, at)
		w.send(post(path, over))
		if a := w.answer("POST"); a.status != 413 {
			t.Errorf("%s: %v", path, a)
		}
		w.send(chunked(path, []string{over[:limit], "b"}, ""))
		if a := w.answer("POST"); a.status != 413 {
			t.Errorf("%s, chunked: %v", path, a)
		}
		w.open("/ignore") // so little is drained
	}
	w := dial(t, addr)
	w.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
	if a := w.answer("POST"); a.status != 413 || !a.close {
		t.Errorf("it was asked for, or the connection is kept: %v", a)
	}
}

// TestUnreadBody: up to 256 KiB of a body that a handler leaves are read and thrown away; beyond
// that the connection is closed, and the client can read why.
func TestUnreadBody(t *testing.T) {
	addr := bodyServer(t, &Server{Limits: Limits{Body: -1}, LingerBytes: 1 << 20})
	w := dial(t, addr)
	for _, path := range []string{"/ignore", "/first"} {
		body := map[string]string{"/ignore": "ignored", "/first": "firs"}[path]
		w.send(post(path, strings.Repeat("first", 20_000)))
		w.want("POST", 200, body)
		w.send(chunked(path, []string{"fir", strings.Repeat("st", 50_000)}, "X: y\r\n"))
		w.want("POST", 200, body)
	}
	w.send(post("/ignore", strings.Repeat("x", transport.DiscardLimit)))
	w.want("POST", 200, "ignored")
	w.open("/ignore")

	w.send(fmt.Sprintf("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
		transport.DiscardLimit+1))
	if a := w.answer("POST"); a.status != 200 || a.body != "ignored" || !a.close {
		t.Errorf("one byte more: %v", a)
	}
	// it is under way: that must not destroy the answer
	w.send(strings.Repeat("x", transport.DiscardLimit/2))
	w.closeWrite()
	w.ended()

	w = dial(t, addr) // of unknown length, and more than is read
	w.send("POST /ignore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	w.want("POST", 200, "ignored")
	var err error
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10))
	for sent := 0; err == nil; sent += 64 << 10 {
		if _, err = io.WriteString(w.c, chunk); sent > 64<<20 {
			t.Fatal("64 MiB of an unread body were taken")
		}
	}
}

// TestUnreadBodyBeforeThePipeline: what follows an unread body is a request, not content.
func TestUnreadBodyBeforeThePipeline(t *testing.T) {
	addr := bodyServer(t, &Server{})
	w := dial(t, addr)
	inner := "GET /none HTTP/1.1\r\nHost: x\r\n\r\n"
	w.send(post("/ignore", inner) + post("/first", "fourteen chars") + post("/echo", "next"))
	w.want("POST", 200, "ignored")
	w.want("POST", 200, "four")
	w.want("POST", 200, "next")
}

// TestSlowBody: a pause longer than Limits.Read ends with 408; the handler is told.
func TestSlowBody(t *testing.T) {
	addr := bodyServer(t, &Server{Limits: Limits{Read: 20 * time.Millisecond}})
	for _, raw := range []string{
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
		"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
	} {
		w := dial(t, addr)
		w.send(raw)
		if a := w.answer("POST"); a.status != 408 || !a.close {
			t.Errorf("%v", a)
		}
		w.ended()
	}
	w := dial(t, addr) // an unread one is not waited for longer
	w.send("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
	w.want("POST", 200, "ignored")
	w.ended()
}

// TestReadAgain: BodyBytes may be called again, and Body reads what it has; the other way is an
// error.
func TestReadAgain(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		a, err := req.BodyBytes()
		b, again := req.BodyBytes()
		c, reader := io.ReadAll(req.Body())
		d, twice := io.ReadAll(req.Body())
		return resp.Text(200,
			fmt.Sprintf("%s %v %s %v %s %v %q %v", a, err, b, again, c, reader, d, twice))
	})
	srv.Handle("POST /part", func(req *Request, resp *Response) Status {
		if _, err := io.ReadFull(req.Body(), make([]byte, 2)); err != nil {
			return resp.Fail(err)
		}
		_, err := req.BodyBytes()
		return resp.Text(200, fmt.Sprint(err == errBodyBegun))
	})
	addr := serveTest(t, srv)
	const want = `body <nil> body <nil> body <nil> "" <nil>`
	if a := once(t, addr, "POST", post("/", "body")); a.body != want {
		t.Errorf("%v", a)
	}
	if a := once(t, addr, "POST", post("/part", "body")); a.body != "true" {
		t.Errorf("%v", a)
	}
}

// TestTrailersAreOfTheirRequest: the next one on the connection has none of them.
func TestTrailersAreOfTheirRequest(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{Loops: 1}
		srv.Handle("POST /", func(req *Request, resp *Response) Status {
			b, err := io.ReadAll(req.Body())
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Text(200, string(b)+" "+req.Trailer("X-Sum"))
		}, mw...)
		w := dial(t, serveTest(t, srv))
		const head = "POST / HTTP/1.1\r\nHost: x\r\n"
		chunked := head + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n"
		for _, r := range []struct{ raw, want string }{
			{chunked + "X-Sum: 4\r\n\r\n", "body 4"},
			{head + "Content-Length: 4\r\n\r\nnext", "next "},
			{chunked + "\r\n", "body "},
		} {
			w.send(r.raw)
			w.want("POST", 200, r.want)
		}
	})
}
