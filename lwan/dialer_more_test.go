//go:build linux

package lwan

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestConnLendsAndGathers: Lend, Wait and Writev.
func TestConnLendsAndGathers(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		b := localBackend(t)
		d := &Dialer{Address: b.ln.Addr().String()}
		srv := &Server{}
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			c, err := d.Get(req)
			if err != nil {
				return resp.Fail(err)
			}
			if err := c.Wait(time.Millisecond); !isTimeout(err) {
				t.Errorf("Wait: %v", err)
			}
			long := strings.Repeat("x", 300<<10) + "\n"
			for _, two := range [][2]string{{"a", "b\n"}, {"", "b\n"}, {"a\n", ""}, {"a", long}} {
				want := two[0] + two[1]
				n, err := c.Writev([]byte(two[0]), []byte(two[1]))
				if n != len(want) || err != nil {
					t.Fatalf("Writev: %d, %v", n, err)
				}
				got := ""
				for err == nil && len(got) < len(want) {
					if err = c.Wait(0); err == nil {
						err = c.Lend(func(p []byte) error { got += string(p); return nil })
					}
				}
				if got != want || err != nil {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
			c.Keep()
			return 204
		}, mw...)
		if got := plainGet(t, "http://"+serveTest(t, srv)+"/"); got != "204 " {
			t.Error(got)
		}
	})
}

// TestInterim: informational responses come before the final one.
func TestInterim(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		if resp.Interim(101, nil) == nil || resp.Interim(200, nil) == nil {
			t.Error("a status that is none of these")
		}
		err := resp.Interim(103, http.Header{"Link": {"</x>"}, "Connection": {"close"}})
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "x")
	})
	w := dial(t, serveTest(t, srv))
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	got := ""
	for !strings.HasSuffix(got, "\r\n\r\n") {
		line, err := w.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		got += line
	}
	if !strings.HasPrefix(got, "HTTP/1.1 103 ") || !strings.Contains(got, "Link: </x>\r\n") ||
		strings.Contains(got, "Connection") {
		t.Errorf("%q", got)
	}
	if a := w.answer("GET"); a.status != 200 {
		t.Errorf("%+v", a)
	}
}

// TestWholeRequest: what a gateway passes on.
func TestWholeRequest(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("POST /", func(req *Request, resp *Response) Status {
			var lines []string
			for name, value := range req.HeaderLines() {
				lines = append(lines, string(name)+"="+string(value))
			}
			if !strings.Contains(strings.Join(lines, " "), "X-A=1 X-A=2") {
				t.Error(lines)
			}
			if s := string(req.TargetBytes()); s != "/a%2fb?x" {
				t.Error(s)
			}
			if n := req.ContentLength(); n != -1 {
				t.Error(n)
			}
			if _, err := req.BodyBytes(); err != nil {
				return resp.Fail(err)
			}
			for name, value := range req.Trailers() {
				resp.SetHeader("X-"+name, value)
			}
			return 204
		}, mw...)
		w := dial(t, serveTest(t, srv))
		w.send("POST /a%2fb?x HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n" +
			"Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n0\r\nT: v\r\n\r\n")
		if a := w.answer("POST"); a.status != 204 || a.header.Get("X-T") != "v" {
			t.Errorf("%+v", a)
		}
	})
}
