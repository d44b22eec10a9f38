package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// fault is an answer of a backend: raw is what it sends, with "@close" or "@rst" at the end for
// what it does then, and what is to come of it. After a fault that is over (ends), the connection
// must not be used again.
type fault struct {
	name, raw string
	status    int
	body      string
	cut       bool
	kept      bool // the connection goes on
}

// The answers. What other proxies make of them differs; what is here follows RFC 9112, and never
// guesses.
var faults = []fault{
	{"ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, true},
	{"hang", "", 504, "", false, false},
	{"close0", "@close", 502, "", false, false},
	{"rst0", "@rst", 502, "", false, false},
	{"midhead-eof", "HTTP/1.1 200 OK\r\nContent-Le@close", 502, "", false, false},
	{"midhead-rst", "HTTP/1.1 200 OK\r\nContent-Le@rst", 502, "", false, false},
	{"midbody-eof", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf@close",
		200, "half", true, false},
	{"midbody-rst", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf@rst",
		200, "half", true, false},
	{"midbody-hang", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
		200, "half", true, false},
	{"chunk-eof", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n@close",
		200, "hello", true, false},
	{"chunk-hang", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3",
		200, "hello", true, false},
	{"chunk-bad", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
		200, "hello", true, false},
	{"garbage", "hello this is not http\r\n\r\n@close", 502, "", false, false},
	{"http09", "<html>hi</html>@close", 502, "", false, false},
	{"bighead", "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 40000) +
		"\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, true},
	{"hugehead", "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 64<<10) +
		"\r\nContent-Length: 2\r\n\r\nok", 502, "", false, false},
	{"manyheads", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", 255) +
		"Content-Length: 2\r\n\r\nok", 200, "ok", false, true},
	{"toomanyheads", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", 256) +
		"Content-Length: 2\r\n\r\nok", 502, "", false, false},
	{"badcl", "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nok", 502, "", false, false},
	{"twocl", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
		502, "", false, false},
	{"tecl", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"5\r\nhello\r\n0\r\n\r\n", 502, "", false, false},
	{"te-gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" +
		"5\r\nhello\r\n0\r\n\r\n", 502, "", false, false},
	{"ver2", "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 502, "", false, false},
	{"st99", "HTTP/1.1 99 Odd\r\nContent-Length: 2\r\n\r\nok", 502, "", false, false},
	{"st600", "HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nok", 502, "", false, false},
	{"spacecolon", "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\nok",
		200, "ok", false, true},
	{"obsfold", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
		502, "", false, false},
	{"nul", "HTTP/1.1 200 OK\r\nX-A: b\x00c\r\nContent-Length: 2\r\n\r\nok",
		502, "", false, false},
	{"barecr", "HTTP/1.1 200 OK\r\nX-A: b\rc\r\nContent-Length: 2\r\n\r\nok",
		502, "", false, false},
	{"barelf", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 200, "ok", false, true},
	{"s103", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" +
		"Content-Length: 2\r\n\r\nok", 200, "ok", false, true},
	{"s100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		200, "ok", false, true},
	{"s101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" +
		"raw@close", 502, "", false, false},
	{"s204body", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 204, "", false, false},
	{"s304body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok",
		304, "", false, false},
	{"excess", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n" +
		"Content-Length: 4\r\n\r\nevil", 200, "ok", false, false},
	{"s500", "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", 500, "no", false, true},
	{"s503", "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", 503, "no", false, true},
	{"empty404", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 404, "", false, true},
	{"until-close", "HTTP/1.1 200 OK\r\n\r\nok@close", 200, "ok", false, false},
	{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		200, "ok", false, true},
	{"http10", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false, false},
	{"closing", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		200, "ok", false, false},
}

// play sends a fault in pieces, each of which is sent by itself.
func (f *fault) play(c net.Conn, pieces func(raw string) []string) (goesOn bool) {
	raw, end, _ := strings.Cut(f.raw, "@")
	c.(*net.TCPConn).SetNoDelay(true)
	for _, p := range pieces(raw) {
		if _, err := io.WriteString(c, p); err != nil {
			return false
		}
	}
	switch end {
	case "close":
		return false
	case "rst":
		c.(*net.TCPConn).SetLinger(0)
		return false
	}
	return true
}

// faulty is a backend that answers with the fault that the path names, in pieces.
func faulty(t testing.TB, pieces func(raw string) []string) *backend {
	byName := map[string]*fault{}
	for i := range faults {
		byName[faults[i].name] = &faults[i]
	}
	return newBackend(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			f := byName[strings.TrimPrefix(req.URL.Path, "/")]
			if f == nil {
				t.Errorf("the backend was asked for %s", req.URL)
				return
			}
			if !f.play(c, pieces) {
				return
			}
		}
	})
}

// TestFaults sends each answer whole, and in pieces of one byte.
func TestFaults(t *testing.T) {
	for name, pieces := range map[string]func(raw string) []string{
		"whole": func(raw string) []string { return []string{raw} },
		"by one": func(raw string) []string {
			if len(raw) > 1000 { // a system call each
				return []string{raw[:500], raw[500 : len(raw)-500], raw[len(raw)-500:]}
			}
			return strings.Split(raw, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := faulty(t, pieces)
			s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b), Timeouts: Timeouts{
				Head: 300 * time.Millisecond, Body: 300 * time.Millisecond,
			}}})
			for i := range faults {
				s.tryFault(t, b, &faults[i])
			}
		})
	}
}

// TestFaultsSplit splits each answer after each of its bytes.
func TestFaultsSplit(t *testing.T) {
	var at int
	b := faulty(t, func(raw string) []string {
		n := min(at, len(raw))
		return []string{raw[:n], raw[n:]}
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	for i := range faults {
		f := &faults[i]
		raw, _, _ := strings.Cut(f.raw, "@")
		if f.status == 504 || strings.HasSuffix(f.name, "-hang") || len(raw) > 1000 {
			continue // those that take their time are in TestFaults
		}
		for at = 1; at < len(raw); at++ {
			s.tryFault(t, b, f)
			if t.Failed() {
				t.Fatalf("%s split at %d", f.name, at)
			}
		}
	}
}

// tryFault asks for a fault, and then for something else, which must not see anything of it.
func (s *site) tryFault(t *testing.T, b *backend, f *fault) {
	t.Helper()
	s.log.take()
	before := s.group.Stats()[0]
	status, body, cut := s.get(t, "/"+f.name)
	if strings.HasSuffix(f.raw, "@rst") && f.cut && status == 502 {
		f = &fault{name: f.name, status: 502} // the reset has overtaken what was sent before it
	}
	if f.status < 400 || f.body != "" || f.name == "empty404" {
		if body != f.body && !(cut && strings.HasPrefix(f.body, body)) {
			t.Errorf("%s: body %q, want %q", f.name, body, f.body)
		}
	} else if !strings.Contains(body, itoa(f.status)) {
		t.Errorf("%s: no error page: %q", f.name, body)
	}
	if status != f.status || cut != f.cut {
		t.Errorf("%s: %d, cut %v; want %d, %v", f.name, status, cut, f.status, f.cut)
	}
	failed := f.cut || f.status == 502 || f.status == 504
	s.checkFailure(t, f, before, failed)
	accepts := b.accepts.Load()
	if status, body, cut := s.get(t, "/ok"); status != 200 || body != "ok" || cut {
		t.Errorf("after %s: %d %q", f.name, status, body)
	}
	if again := b.accepts.Load() == accepts; again != f.kept {
		t.Errorf("%s: the connection was used again: %v: %+v", f.name, again, s.group.Stats()[0])
	}
}

// checkFailure looks for the one line of the log, with the backend's name, and the count.
func (s *site) checkFailure(t *testing.T, f *fault, before BackendStats, failed bool) {
	t.Helper()
	var found []string
	if failed {
		until(t, "a line about "+f.name, func() bool {
			found = append(found, s.log.take()...)
			return len(found) > 0
		})
	} else {
		found = s.log.take()
	}
	want := 0
	if failed {
		want = 1
	}
	if len(found) != want || failed && !strings.Contains(found[0], before.Address) {
		t.Errorf("%s: logged %q, want %d line with %s", f.name, found, want, before.Address)
	}
	var after BackendStats
	until(t, "the end of "+f.name, func() bool { // an answer may be there before its handler's end
		after = s.group.Stats()[0]
		return after.Active == 0
	})
	if got := after.Failed - before.Failed; got != int64(want) {
		t.Errorf("%s: %d failures were counted", f.name, got)
	}
	if after.State != Up {
		t.Errorf("%s: %v", f.name, after.State)
	}
}
