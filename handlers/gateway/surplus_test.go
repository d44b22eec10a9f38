package gateway

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSurplusOfAnotherAnswer: what an application sends behind the length that it has said is no
// answer of the next request, which another client may have sent; nor is what is left of a try
// that went wrong.
func TestSurplusOfAnotherAnswer(t *testing.T) {
	const page = "Content-Type: text/plain\r\n\r\n"
	end := fcgiRecord(3, "\x00\x00\x00\x00\x00\x00\x00\x00")
	for name, first := range map[string]string{
		"behind a length": "Content-Length: 5\r\n" + page + "hello" + page + "secret",
		"much":            "Content-Length: 5\r\n" + page + "hello" + page + strings.Repeat("s", 9000),
		"behind a 304":    "Status: 304\r\n" + page + page + "secret",
		"bad":             "Content Type: x\r\n\r\n" + page + "secret",
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
				if !readFCGI(r) {
					return
				}
				if asked.Add(1)%2 == 1 {
					io.WriteString(c, fcgiRecord(6, first)+end)
				} else {
					io.WriteString(c, fcgiRecord(6, page+"fine")+end)
				}
			})
			s := serveScript(t, FastCGI, ScriptConfig{Common: Common{To: groupOf(b)}})
			for range 4 { // passages are pooled: one of them is used again
				s.get(t, "/app/x")
				if status, body, cut := s.get(t, "/app/y"); status != 200 || body != "fine" || cut {
					t.Errorf("%d %.60q, cut %v", status, body, cut)
				}
			}
		})
	}
}
