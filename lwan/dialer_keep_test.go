//go:build linux

package lwan

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// answersLate answers each request with its query: the head at once, and the rest when the test
// says so, or when the next request comes.
func answersLate(t *testing.T) *lineBackend {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return backendOf(t, ln, func(c net.Conn, r *bufio.Reader) {
		late := ""
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			q := req.URL.RawQuery
			head, body := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(q)), q
			switch req.URL.Path {
			case "/late":
				late += head + body
				continue
			case "/half":
				io.WriteString(c, head+body[:2])
				late += body[2:]
				continue
			case "/interim":
				io.WriteString(c, "HTTP/1.1 103 Hints\r\n\r\n")
				late += head + body
				continue
			case "/open":
				head = "HTTP/1.1 200 OK\r\n\r\n"
			}
			if _, err := io.WriteString(c, late+head+body); err != nil {
				return
			}
			late = ""
		}
	})
}

// TestKeepUnread: a handler that keeps a connection on which an answer is still to come does not
// give that answer to the next one.
func TestKeepUnread(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := answersLate(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{Loops: 1}
		srv.Handle("GET /{how}", func(req *Request, resp *Response) Status {
			c, err := d.Get(req)
			if err != nil {
				return resp.Fail(err)
			}
			defer c.Keep() // careless
			how := req.Param("how")
			ask := fmt.Sprintf("GET /%s?%s HTTP/1.1\r\nHost: a\r\n\r\n", how, how)
			if _, err := c.Writev([]byte(ask[:5]), []byte(ask[5:])); err != nil {
				return resp.Fail(err)
			}
			if how == "late" {
				return resp.Text(200, how)
			}
			var a Reply
			if err := a.ReadHead(c, ReplyHTTP, "GET", ReplyLimits{}); err != nil {
				return resp.Fail(err)
			}
			if how == "interim" {
				return resp.Text(200, how)
			}
			var body [100]byte
			n, err := a.Body().Read(body[:])
			if err != nil {
				return resp.Fail(err)
			}
			if how == "half" {
				return resp.Text(200, how)
			}
			return resp.Text(200, string(body[:n]))
		}, mw...)
		url := "http://" + serveTest(t, srv) + "/"
		for i, how := range []string{"late", "half", "interim", "open"} {
			for _, how := range []string{"whole", how, "whole", "whole"} {
				if got := plainGet(t, url+how); got != "200 "+how {
					t.Errorf("%s: %q", how, got)
				}
			}
			if n := b.accepted.Load(); n != int64(i+2) {
				t.Errorf("%s: %d connections", how, n)
			}
		}
	})
}

// TestKeepGreeted: what Greet has written and read does not count.
func TestKeepGreeted(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String(), Greet: func(c *Conn) error {
			_, err := io.WriteString(c, "HTTP/1.1 200 Connected\n\n")
			var a Reply
			if err == nil {
				err = a.ReadHead(c, ReplyHTTP, "CONNECT", ReplyLimits{})
			}
			return err
		}}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", asking(d), mw...)
		url := "http://" + serveTest(t, srv) + "/?say="
		for i := range 3 {
			want := fmt.Sprint(strings.Repeat("x", i))
			if got := plainGet(t, url+want); got != "200 "+want {
				t.Errorf("got %q", got)
			}
		}
		if n := b.accepted.Load(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}
