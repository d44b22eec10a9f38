package gateway

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// smuggled are requests that two servers could read in different ways. Each is followed by another
// request on the same connection.
var smuggled = []string{
	"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" +
		"0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 3\r\n\r\nabc",
	"POST /one HTTP/1.1\r\nHost: a\r\nConnection: Transfer-Encoding, Host\r\n" +
		"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"3;ext=\"\r\nabc\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"3\nabc\n0\n\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"fffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"3\r\nabcGET /evil HTTP/1.1\r\nHost: a\r\n\r\n0\r\n\r\n",
	"POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n" +
		"Content-Length: 100\r\nHost: evil\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: a\r\nX: b\rGET /evil HTTP/1.1\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: a\r\nX: b\x00\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: a\r\n Folded: x\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET http://b/one HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /one\thttp HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" +
		"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
	"GET /one HTTP/1.1\r\nHost: a\r\nContent-Length: 34\r\n\r\n" +
		"GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
	"GET /one?x=%0d%0aGET%20/evil%20HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /one%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /one/..%2fevil HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET //one//%2e%2e/one HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /one/%2e%2e/%2e%2e/evil HTTP/1.1\r\nHost: a\r\n\r\n",
	"HEAD /one HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
}

// TestSmuggling: whatever a client sends, the backend gets whole requests of which each was one for
// the server, too: what stands in a content never becomes one.
func TestSmuggling(t *testing.T) {
	b, got := recording(t)
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, EncodedSlash: true})
	const two = "GET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for i, raw := range smuggled {
		if !onLoops && i < 2 { // net/http lets the coding count: then the second is a request
			continue
		}
		answers := s.rawUntilClosed(t, raw+two)
		passed := strings.Count(answers, "HTTP/1.1 200 OK")
		if passed > 2 {
			t.Errorf("%q: %d answers", raw, passed)
		}
		for passed > 0 || len(got) > 0 {
			r := <-got
			checkSmuggled(t, raw, r)
			if !r.whole { // it was cut with its client
				continue
			}
			if passed--; passed < 0 {
				t.Errorf("%q: the backend got one more: %q", raw, r.head)
			}
		}
	}
	// the connections that are left are in step
	for range 10 {
		if status, body, _ := s.get(t, "/two"); status != 200 || body != "ok" {
			t.Fatalf("afterwards: %d %q", status, body)
		}
		checkSmuggled(t, "", <-got)
	}
}

func checkSmuggled(t *testing.T, raw string, r recorded) {
	t.Helper()
	line, _, _ := strings.Cut(r.head, "\r\n")
	parts := strings.Split(line, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" || strings.HasPrefix(r.body, "malformed") {
		t.Errorf("%q: the backend got %q %q", raw, r.head, r.body)
		return
	}
	path := parts[1]
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	// "/evil" alone may be asked for where the path, cleaned, is that; "..%2f" stays one segment
	if path == "/evil" && !strings.Contains(raw, "/%2e%2e/evil") ||
		strings.Contains(path, "..") && !strings.Contains(path, "..%2F") ||
		strings.Contains(path, "//") {
		t.Errorf("%q: the backend was asked for %q", raw, line)
	}
	h := fieldsOf(r.head)
	if len(h["Host"]) != 1 || len(h["Content-Length"])+len(h["Transfer-Encoding"]) > 1 {
		t.Errorf("%q: the framing is not certain: %q", raw, r.head)
	}
	if h.Get("Host") == "evil" || h["Http2-Settings"] != nil {
		t.Errorf("%q: %q", raw, r.head)
	}
}

// rawUntilClosed sends a request that may be malformed, and returns what comes back.
func (s *site) rawUntilClosed(t *testing.T, request string) string {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	c.Write([]byte(request))
	return readAll(c)
}

// TestAnswerSmuggling: what a backend sends behind an answer is never another client's.
func TestAnswerSmuggling(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for _, tt := range []string{
		plain("ok") + evil,
		"HTTP/1.1 204 No Content\r\nContent-Length: 50\r\n\r\n" + evil,
		"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n" + evil,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + evil,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
			"2\r\nok\r\n0\r\n\r\n" + evil,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok" + evil,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + evil,
		"HTTP/1.1 100 Continue\r\n\r\n" + plain("ok") + evil,
	} {
		b := answering(t, func(r *http.Request, _ string) string {
			if r.URL.Path == "/bad" {
				return tt
			}
			return plain("mine " + r.URL.Path)
		})
		s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
		for i := range 5 {
			if _, body, _ := s.get(t, "/bad"); strings.Contains(body, "evil") {
				t.Fatalf("%q: the client got %q", tt, body)
			}
			path := "/good/" + itoa(i)
			if status, body, _ := s.get(t, path); status != 200 || body != "mine "+path {
				t.Fatalf("%q: behind it %d %q", tt, status, body)
			}
		}
	}
}
