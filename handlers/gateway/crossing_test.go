package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// TestScriptsApart: what an application has answered one client, and nobody has read, is never
// part of the next one's answer, nor of the next try's.
func TestScriptsApart(t *testing.T) {
	const evil = "Status: 200 OK\r\nContent-Type: text/evil\r\n\r\nevil"
	end := fcgiRecord(3, "\x00\x00\x00\x00\x00\x00\x00\x00")
	good := fcgiRecord(6, "Content-Type: text/plain\r\n\r\nmine") + end
	for _, tt := range []struct{ name, method, head string }{
		{"HEAD", "HEAD", "Content-Type: text/plain\r\n\r\n"},
		{"204", "GET", "Status: 204 No Content\r\nContent-Type: a/b\r\n\r\n"},
		{"304", "GET", "Status: 304 Not Modified\r\nContent-Type: a/b\r\n\r\n"},
		{"with a length", "GET", "Content-Length: 0\r\nContent-Type: a/b\r\n\r\n"},
		{"intercepted", "GET", "Status: 418 No\r\nContent-Type: a/b\r\n\r\n"},
		{"tried elsewhere", "GET", "Status: 429 No\r\nContent-Type: a/b\r\n\r\n"},
		{"redirected", "GET", "X-Accel-Redirect: /app/good\r\nContent-Type: a/b\r\n\r\n"},
		{"switched", "GET", "Status: 101 No\r\nContent-Type: a/b\r\n\r\n"},
		{"interim", "GET", "Status: 103 No\r\nContent-Type: a/b\r\n\r\nhello\r\n\r\n"},
	} {
		n := 0
		b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
			if !readFCGI(r) {
				return
			}
			if n++; n == 1 {
				io.WriteString(c, fcgiRecord(6, tt.head+evil)+end)
				return
			}
			io.WriteString(c, good)
		})
		g := groupOf(b, b)
		g.Retry.On, g.MaxFails = []lwan.Status{429}, -1
		s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: g, Accel: true,
			Intercept: []lwan.Status{418}}})
		first := tt.method
		for i := range 5 {
			r, _ := http.NewRequest(first, s.URL+"/app/"+itoa(i), nil)
			resp, err := s.Client.Do(r)
			if err != nil {
				t.Fatal(tt.name, err)
			}
			body := readAll(resp.Body)
			resp.Body.Close()
			if strings.Contains(body, "evil") || resp.Header.Get("Content-Type") == "text/evil" ||
				i > 0 && body != "mine" {
				t.Errorf("%s: request %d is answered %d %q %q", tt.name, i, resp.StatusCode,
					body, resp.Header.Get("Content-Type"))
			}
			first = "GET"
		}
	}
}
