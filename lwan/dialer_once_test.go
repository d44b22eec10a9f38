//go:build linux

package lwan

import (
	"bufio"
	"io"
	"net"
	"testing"
)

// TestGetOnce: who must not send twice gets no connection of which the end is there, though the
// loop has not been told of it; nor, for a while, any other kept one.
func TestGetOnce(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		ended := make(chan bool, 10)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b := backendOf(t, ln, func(c net.Conn, r *bufio.Reader) {
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				io.WriteString(c, line)
				if line == "last\n" {
					c.Close()
					ended <- true
					return
				}
			}
		})
		d := &Dialer{Address: b.ln.Addr().String()}
		ask := func(req *Request, line string, get func(Waiter) (*Conn, error)) (reused bool) {
			c, err := get(req)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := sayTo(c, line); got != line || err != nil {
				t.Fatalf("%q %v, want %q", got, err, line)
			}
			reused = c.Reused()
			c.Keep()
			return reused
		}
		srv := &Server{Loops: 1}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			if ask(req, "a", d.GetOnce) || !ask(req, "b", d.GetOnce) {
				t.Error("one that was used just now is not used again")
			}
			c, err := d.Open(req) // the other one stays
			if err != nil {
				return resp.Fail(err)
			}
			if _, err := sayTo(c, "c"); err != nil {
				return resp.Fail(err)
			}
			c.Keep()
			if !ask(req, "last", d.GetOnce) {
				t.Error("it is not the one that was used last")
			}
			<-ended // without a turn of the loop
			if ask(req, "d", d.GetOnce) {
				t.Error("behind the end of one, a kept one is used")
			}
			if !ask(req, "e", d.Get) {
				t.Error("Get uses none")
			}
			if ask(req, "f", d.GetOnce) {
				t.Error("a while after the end of one, a kept one is used")
			}
			return 204
		}, mw...)
		if got := plainGet(t, "http://"+serveTest(t, srv)+"/"); got != "204 " {
			t.Error(got)
		}
	})
}
