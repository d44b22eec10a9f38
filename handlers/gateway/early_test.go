package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// readFCGIHead reads a request up to the end of its parameters.
func readFCGIHead(r *bufio.Reader) bool {
	for {
		kind, content, ok := readFCGIRecord(r)
		if !ok || kind == 4 && content == "" {
			return ok
		}
	}
}

func readFCGIRecord(r *bufio.Reader) (kind byte, content string, ok bool) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, "", false
	}
	b := make([]byte, int(head[4])<<8|int(head[5]))
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, "", false
	}
	_, err := r.Discard(int(head[6]))
	return head[1], string(b), err == nil
}

// upload begins a POST of length bytes to the site, of which it sends some.
func (s *site) upload(t *testing.T, target string, length int, some string) (net.Conn,
	*bufio.Reader,
) {
	t.Helper()
	c := s.dial(t)
	t.Cleanup(func() { c.Close() })
	if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n"+
		"Content-Type: multipart/form-data; boundary=b\r\n\r\n%s",
		target, length, some); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

func answerOf(t *testing.T, r *bufio.Reader) (status int, body string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, readAll(resp.Body)
}

const fcgiEnd = "\x00\x00\x00\x00\x00\x00\x00\x00"

// TestFastCGIEarly: an application that answers before it has read the content is heard at once,
// while the client has sent a part only.
func TestFastCGIEarly(t *testing.T) {
	if !onLoops {
		t.Skip("without loops an answer is seen when more of the content comes")
	}
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		if readFCGIHead(r) {
			io.WriteString(c, fcgiRecord(7, "too much\n")+fcgiRecord(6,
				"Status: 413\r\nContent-Type: text/plain\r\n\r\nno")+fcgiRecord(3, fcgiEnd))
		}
		io.Copy(io.Discard, r)
	})
	g := groupOf(b)
	s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g}, KeepConns: true},
		func(srv *lwan.Server) { srv.Limits.Body = 64 << 20 })
	for _, some := range []string{"", "x", strings.Repeat("x", 256<<10)} {
		_, r := s.upload(t, "/app/x", 32<<20, some)
		if status, body := answerOf(t, r); status != 413 || body != "no" {
			t.Errorf("%d bytes: %d %q", len(some), status, body)
		}
	}
	if st := g.Stats()[0]; st.Failed != 0 || st.Reused != 0 {
		t.Errorf("%+v", st)
	}
}

// TestFastCGIEarlyErrors: what an application says on standard error while it reads the content,
// cut anywhere, is no answer: it gets all of the content.
func TestFastCGIEarlyErrors(t *testing.T) {
	const length = 300 << 10
	for _, cut := range []int{0, 1, 7, 8, 9, 20} {
		b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
			if !readFCGIHead(r) {
				return
			}
			warning := fcgiRecord(7, "PHP Warning: the first\n")
			io.WriteString(c, warning[:cut])
			total := 0
			for {
				_, content, ok := readFCGIRecord(r)
				if !ok {
					return
				}
				if total == 0 {
					io.WriteString(c, warning[cut:])
				}
				if total += len(content); content == "" {
					break
				}
			}
			io.WriteString(c, fcgiRecord(6, "Content-Type: text/plain\r\n\r\n"+itoa(total))+
				fcgiRecord(3, fcgiEnd))
		})
		s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: groupOf(b)}},
			func(srv *lwan.Server) { srv.Limits.Body = 64 << 20 })
		c, r := s.upload(t, "/app/x", length, "first")
		if _, err := io.WriteString(c, strings.Repeat("x", length-5)); err != nil {
			t.Fatal(err)
		}
		if status, body := answerOf(t, r); status != 200 || body != itoa(length) {
			t.Errorf("cut at %d: %d %q", cut, status, body)
		}
		until(t, "a line", func() bool {
			return strings.Contains(strings.Join(s.log.take(), ""), "the first")
		})
	}
}

// TestPeekedBodyGoesOn: what middleware has looked at goes to the backend at once, and not only
// when more of the content comes.
func TestPeekedBodyGoesOn(t *testing.T) {
	if !onLoops {
		t.Skip("without loops an answer is seen when more of the content comes")
	}
	const part = "--b\r\nContent-Disposition: form-data; name=token\r\n\r\nsecret\r\n" +
		"--b\r\nContent-Disposition: form-data; name=file; filename=f\r\n\r\nbegin"
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		got := make([]byte, len(part))
		if _, err := io.ReadFull(req.Body, got); err != nil {
			return
		}
		io.WriteString(c, plain("ok"))
		io.Copy(io.Discard, r)
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}}, func(srv *lwan.Server) {
		srv.Limits.Body = 64 << 20
		srv.Use(func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if token, err := req.PeekForm("token"); err != nil || token != "secret" {
					return 400
				}
				return next(req, resp)
			}
		})
	})
	_, r := s.upload(t, "/x", 10<<20, part)
	if status, body := answerOf(t, r); status != 200 || body != "ok" {
		t.Errorf("%d %q", status, body)
	}
}
