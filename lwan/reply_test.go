//go:build linux

package lwan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// replyOf reads a reply out of in, and says what it is.
func replyOf(a *Reply, in io.Reader, method string) string {
	if err := a.ReadHead(in, ReplyHTTP, method, ReplyLimits{}); err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(a.Body())
	s := fmt.Sprintf("%d %q %v", a.Status, body, a.Reusable)
	for name, value := range a.Trailers() {
		s += fmt.Sprintf(" %s=%s", name, value)
	}
	if err != nil {
		s += " " + err.Error()
	}
	return s
}

// TestReply: bodies in all framings, whole and in pieces.
func TestReply(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	var a Reply
	for _, c := range []struct{ in, method, want string }{
		{ok + "Content-Length: 5\r\n\r\nhello", "GET", `200 "hello" true`},
		{ok + "Content-Length: 5\r\n\r\nhelloworld", "GET", `200 "hello" true`},
		{ok + "Content-Length: 0\r\n\r\n", "GET", `200 "" true`},
		{ok + "Content-Length: 5\r\n\r\nhel", "GET", `200 "hel" true unexpected EOF`},
		{ok + "\r\nuntil the end", "GET", `200 "until the end" false`},
		{ok + "Content-Length: 5\r\n\r\n", "HEAD", `200 "" true`},
		{"HTTP/1.1 204 No\r\n\r\nx", "GET", `204 "" true`},
		{"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", "GET", `304 "" true`},
		{"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "GET", `200 "x" false`},
		{ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n", "GET",
			`200 "abcde" true T=v`},
		{ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "GET",
			`200 "abc" true unexpected EOF`},
		{ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", "GET",
			`200 "abc" true ` + ErrBadReply.Error() + ": chunk data is not followed by CRLF"},
		{"", "GET", ErrNoReply.Error()},
		{"HTTP/1.1 200", "GET", ErrBadReply.Error() + ": it ends within its head"},
		{"junk", "GET", ErrBadReply.Error() + ": no status line of HTTP/1"},
	} {
		for name, in := range map[string]io.Reader{
			"whole":        strings.NewReader(c.in),
			"bytes":        iotest.OneByteReader(strings.NewReader(c.in)),
			"halves":       iotest.HalfReader(strings.NewReader(c.in)),
			"with the end": iotest.DataErrReader(strings.NewReader(c.in)),
		} {
			if got := replyOf(&a, in, c.method); got != c.want {
				t.Errorf("%s of %q: %s, want %s", name, c.in, got, c.want)
			}
		}
	}
}

// TestReplyFields: what is for the next hop, and what is not.
func TestReplyFields(t *testing.T) {
	var a Reply
	in := "HTTP/1.1 200 OK\r\nConnection: X-Mine, keep-alive\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n" +
		"Content-Type: a/b\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nProxy-Authenticate: x\r\n" +
		"TE: x\r\nUpgrade: y\r\nContent-Length: 0\r\n\r\n"
	if err := a.ReadHead(strings.NewReader(in), ReplyHTTP, "GET", ReplyLimits{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, value := range a.Headers() {
		got = append(got, name+"="+value)
	}
	if s := strings.Join(got, " "); s != "Content-Type=a/b Set-Cookie=a=b Set-Cookie=c=d" {
		t.Error(s)
	}
	if a.Header("x-mine") != "1" || a.Header("X-None") != "" {
		t.Error("Header")
	}
}

// proxying passes each request on as it is, and the reply back.
func proxying(d *Dialer) Handler {
	return func(req *Request, resp *Response) Status {
		c, err := d.Get(req)
		if err != nil {
			return resp.Fail(err)
		}
		head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: b\r\n", req.Method(), req.Target())
		chunked := req.ContentLength() < 0
		if chunked {
			head += "Transfer-Encoding: chunked\r\n"
		} else if n := req.ContentLength(); n > 0 {
			head += fmt.Sprintf("Content-Length: %d\r\n", n)
		}
		if _, err := io.WriteString(c, head+"\r\n"); err != nil {
			return resp.Fail(err)
		}
		early := false
		if req.ContentLength() != 0 {
			if _, err = c.SendBody(req, chunked); err != nil && err != ErrAnswered {
				return resp.Fail(err)
			}
			early = err == ErrAnswered
		}
		var a Reply
		if err := a.ReadHead(c, ReplyHTTP, req.Method(), ReplyLimits{}); err != nil {
			return resp.Fail(err)
		}
		a.CopyTo(resp)
		if err := resp.SendHead(a.Status); err != nil {
			return resp.Fail(err)
		}
		if _, err := resp.ReadFrom(a.Body()); err != nil {
			return resp.Fail(err)
		}
		if a.Reusable && !early {
			c.Keep()
		}
		return a.Status
	}
}

// TestKeptConnections: whatever the size of an answer, its connection is used again.
func TestKeptConnections(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b := backendOf(t, ln, func(c net.Conn, r *bufio.Reader) {
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				var n int
				fmt.Sscanf(req.URL.Path, "/%d", &n)
				text := strings.Repeat("x", n)
				if req.URL.RawQuery == "chunked" {
					framed := ""
					if n > 0 {
						framed = fmt.Sprintf("%x\r\n%s\r\n", n, text)
					}
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n",
						framed)
				} else {
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, text)
				}
			}
		})
		d := &Dialer{Address: ln.Addr().String()}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", proxying(d), mw...)
		addr := serveTest(t, srv)
		for _, n := range []int{
			0, 20, replyPiece - 40, replyPiece, 16 << 10, 64 << 10, 2 * replyPiece, 1 << 20,
		} {
			for _, way := range []string{"", "?chunked"} {
				for range 3 {
					got := plainGet(t, fmt.Sprintf("http://%s/%d%s", addr, n, way))
					if len(got) != len("200 ")+n {
						t.Fatalf("%d%s: %d bytes", n, way, len(got))
					}
				}
			}
		}
		// Without loops the client may have its answer, and ask again, before the handler has kept
		// the connection: most of the 48 questions find it all the same.
		most := int64(1)
		if !onLoops || len(mw) > 0 {
			most = 24
		}
		if n := b.accepted.Load(); n > most {
			t.Errorf("%d connections", n)
		}
	})
}

// TestSendBody: uploads pass, with a length and chunked, and an early answer ends them.
func TestSendBody(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{})
		backendOf(t, ln, func(c net.Conn, r *bufio.Reader) {
			for {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				if req.URL.Path == "/early" {
					io.WriteString(c, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
					close(answered)
					io.Copy(io.Discard, r)
					return
				}
				n, err := io.Copy(io.Discard, req.Body)
				text := fmt.Sprint(n, " ", err, " ", req.Trailer.Get("T"))
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
			}
		})
		d := &Dialer{Address: ln.Addr().String()}
		srv := &Server{Loops: 1, Limits: Limits{Body: 1 << 30}}
		srv.Handle("POST /", proxying(d), mw...)
		addr := serveTest(t, srv)
		for _, n := range []int{1, 1000, 100_000, 5 << 20} {
			for _, chunked := range []bool{false, true} {
				got := upload(t, addr, n, chunked)
				want := fmt.Sprint("200 ", n, " <nil> ")
				if chunked {
					want += "end"
				}
				if got != want {
					t.Errorf("%d bytes, chunked %v: %q, want %q", n, chunked, got, want)
				}
			}
		}
		// the client has sent nothing of what it has announced, and gets its answer
		w := dial(t, addr)
		w.send("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\nbegin")
		if received(t, answered); !inlineHere(mw) { // where it is seen when more comes
			w.send("more")
		}
		if a := w.answer("POST"); a.status != 413 {
			t.Errorf("%+v", a)
		}
	})
}

// upload sends n bytes, chunked with a trailer.
func upload(t *testing.T, addr string, n int, chunked bool) string {
	t.Helper()
	body := io.Reader(strings.NewReader(strings.Repeat("x", n)))
	req, err := http.NewRequest("POST", "http://"+addr+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	if chunked {
		req.ContentLength = -1
		req.Trailer = http.Header{"T": {"end"}}
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return fmt.Sprint(r.StatusCode, " ", string(text))
}

// TestFailKnowsReplies: what is wrong with a backend is no fault of the client's.
func TestFailKnowsReplies(t *testing.T) {
	for _, err := range []error{ErrNoReply, ErrBadReply, &backendError{errors.New("x")}} {
		if st := (&Server{}).statusOf(fmt.Errorf("wrapped: %w", err)); st != StatusBadGateway {
			t.Errorf("%v: %d", err, st)
		}
	}
}

// inlineHere reports whether handlers with that middleware run on a loop.
func inlineHere(mw []Middleware) bool { return onLoops && len(mw) == 0 }

// swapped is a source that stands for one exchange after the other.
type swapped struct{ io.Reader }

// TestReplyApart: what was read too much of a source is not part of what the source stands for
// next; only behind an informational head it is that of the next one.
func TestReplyApart(t *testing.T) {
	var a Reply
	src := new(swapped)
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for _, c := range []struct{ method, in string }{
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"},
		{"GET", "HTTP/1.1 204 No\r\n\r\n"},
		{"GET", "HTTP/1.1 101 Other\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"},
		{"GET", "HTTP/1.1 103 Hints\r\n\r\n"},
	} {
		src.Reader = strings.NewReader(c.in + evil)
		if err := a.ReadHead(src, ReplyHTTP, c.method, ReplyLimits{}); err != nil {
			t.Fatal(err)
		}
		if a.Status == 103 {
			a.Reset() // as it says
		}
		src.Reader = strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
		if got := replyOf(&a, src, "GET"); got != `200 "good" true` {
			t.Errorf("behind %q: %s", c.in, got)
		}
	}
	src.Reader = strings.NewReader("HTTP/1.1 103 Hints\r\n\r\n" + evil)
	if err := a.ReadHead(src, ReplyHTTP, "GET", ReplyLimits{}); err != nil {
		t.Fatal(err)
	}
	if got := replyOf(&a, src, "GET"); got != `200 "evil" true` {
		t.Errorf("behind 103: %s", got)
	}
}
