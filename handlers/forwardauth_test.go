package handlers

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// gatekeeper is a service that lets in whose cookie says so.
type gatekeeper struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
}

func newGatekeeper(t *testing.T) *gatekeeper {
	g := &gatekeeper{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.seen = append(g.seen, r)
		g.mu.Unlock()
		st := 401
		if c, err := r.Cookie("status"); err == nil {
			if st, err = strconv.Atoi(c.Value); err != nil {
				st = 500
			}
		}
		w.Header().Add("WWW-Authenticate", "Bearer")
		w.Header().Add("WWW-Authenticate", "Basic")
		w.Header().Set("Location", "https://login.example.com/")
		if r.Header.Get("X-Forwarded-Uri") != "/quiet" {
			w.Header().Add("X-User", "joe")
			w.Header().Add("X-User", "moe")
		}
		w.WriteHeader(st)
		_, _ = io.WriteString(w, "a page of the service's own")
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gatekeeper) last() *http.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen[len(g.seen)-1]
}

// guardedServer says who has come in, as what is inside sees it.
func guardedServer(t *testing.T, c ForwardAuthConfig, mw ...lwan.Middleware) *lwantest.Server {
	t.Helper()
	auth, err := ForwardAuth(c)
	if err != nil {
		t.Fatal(err)
	}
	srv := &lwan.Server{Loops: 1, StallAfter: -1, Log: slog.New(slog.DiscardHandler)}
	srv.Use(append(mw, auth)...)
	srv.Handle("* /", func(req *lwan.Request, resp *lwan.Response) lwan.Status {
		user, _ := UserKey.Get(req)
		return resp.Text(200, user+"|"+strings.Join(req.HeaderAll("X-User"), ",")+"|"+
			strings.Join(req.HeaderAll("X-Admin"), ","))
	})
	s := lwantest.Start(t, srv)
	s.Client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	return s
}

// asked sends a request with fields, in pairs.
func asked(t *testing.T, s *lwantest.Server, method, path string, fields ...string) (
	status int, header http.Header, body string,
) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

// TestForwardAuth: what each answer of the service comes to, on a loop and on a goroutine.
func TestForwardAuth(t *testing.T) {
	g := newGatekeeper(t)
	for _, mw := range [][]lwan.Middleware{nil, {lwan.Blocking}} {
		s := guardedServer(t, ForwardAuthConfig{
			To: g.URL + "/check?a=b", Copy: []string{"X-User", "X-Admin"}, User: "X-User",
		}, mw...)
		for cookie, want := range map[string]int{
			"200": 200, "204": 200, "299": 200, "401": 401, "403": 403, "404": 500, "302": 500,
			"500": 500, "304": 500, "": 401,
		} {
			st, h, body := asked(t, s, "POST", "/x", "Cookie", "status="+cookie,
				"X-User", "root", "x-admin", "yes", "X-Forwarded-Uri", "/public")
			if cookie == "" {
				st, h, body = asked(t, s, "POST", "/x", "X-User", "root")
			}
			if st != want {
				t.Errorf("%s: %d", cookie, st)
			}
			if st == 200 && body != "joe|joe, moe|" {
				t.Errorf("%s: the handler has seen %q", cookie, body)
			}
			if got := len(h["Www-Authenticate"]); (got == 2) != (st == 401 || st == 403) {
				t.Errorf("%s: %d challenges", cookie, got)
			}
			if strings.Contains(body, "page of the service") || h.Get("Location") != "" {
				t.Errorf("%s: what the service has written comes through: %v %q", cookie, h, body)
			}
		}
		if _, _, body := asked(t, s, "GET", "/quiet", "Cookie", "status=200", "X-User", "root",
			"X-Admin", "yes"); body != "||" {
			t.Errorf("a service that says nothing: %q", body)
		}
	}
}

// TestForwardAuthQuestion: what the service is told, whatever a client writes.
func TestForwardAuthQuestion(t *testing.T) {
	g := newGatekeeper(t)
	s := guardedServer(t, ForwardAuthConfig{To: g.URL + "/check?a=b"})
	for target, uri := range map[string]string{
		"/a?b=c": "/a?b=c", "/%61dmin": "/admin", "/x%2Fy": "/x%2Fy", "/x%2fy?%61": "/x%2Fy?%61",
		"/a%20b": "/a%20b",
	} {
		st, _, _ := asked(t, s, "DELETE", target, "Cookie", "status=200",
			"Authorization", "Bearer x",
			"X-Forwarded-Uri", "/", "X-Forwarded-Method", "GET", "X-Forwarded-Host", "evil",
			"X-Forwarded-For", "10.0.0.1", "X-Forwarded-Proto", "https", "X-Other", "y",
			"Range", "bytes=0-1", "Content-Type", "text/plain")
		r := g.last()
		want := map[string]string{
			"X-Forwarded-Uri": uri, "X-Forwarded-Method": "DELETE", "X-Forwarded-Proto": "http",
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": strings.TrimPrefix(s.URL, "http://"),
			"Authorization": "Bearer x", "Cookie": "status=200",
			"User-Agent": "golwan",
		}
		for name, v := range want {
			if got := r.Header[name]; len(got) != 1 || got[0] != v {
				t.Errorf("%s: %s is %q, want %q", target, name, got, v)
			}
		}
		if st != 200 || r.Method != "GET" || r.URL.String() != "/check?a=b" ||
			len(r.Header) != len(want) {
			t.Errorf("%s: %d, %s %s %v", target, st, r.Method, r.URL, r.Header)
		}
	}
}

// TestForwardAuthSlow: Timeout bounds all that a service sends, also where each piece comes soon.
func TestForwardAuthSlow(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	send := func(first, then string) { // one every 50 ms, until the connection is closed
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, err = io.WriteString(c, first)
		for i := 0; err == nil && i < 400; i++ {
			_, err = io.WriteString(c, then)
			time.Sleep(50 * time.Millisecond) // it is slow
		}
		if err == nil {
			t.Errorf("20 s have been waited for %q", then)
		}
	}
	s := guardedServer(t, ForwardAuthConfig{
		To: "http://" + ln.Addr().String(), Timeout: 300 * time.Millisecond,
	})
	for _, c := range []struct{ first, then string }{
		{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "x"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
	} {
		var over sync.WaitGroup
		over.Go(func() { send(c.first, c.then) })
		// 504 also where the machine is slower than the service
		if st, _, _ := asked(t, s, "GET", "/"); st != 504 && st != 200 {
			t.Errorf("%q: %d", c.first, st)
		}
		over.Wait()
	}
	// informational heads count, too: eight of them, 100 ms apart
	go func() {
		c, err := ln.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		for i := 0; err == nil && i < maxInformed; i++ {
			_, err = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
			time.Sleep(100 * time.Millisecond)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") // too late
	}()
	if st, _, _ := asked(t, s, "GET", "/"); st != 504 {
		t.Errorf("informational heads: %d", st)
	}
}

// TestForwardAuthFails: nobody passes when nobody can be asked.
func TestForwardAuthFails(t *testing.T) {
	g := newGatekeeper(t)
	to := g.URL
	g.Close()
	s := guardedServer(t, ForwardAuthConfig{To: to})
	if st, _, _ := asked(t, s, "GET", "/"); st != 502 {
		t.Errorf("nobody listens: %d", st)
	}
	for _, c := range []ForwardAuthConfig{
		{}, {To: "x"}, {To: "ftp://x/"}, {To: "/check"}, {To: "http://u:p@x/"}, {To: "http://x/#a"},
		{To: "http://x", Timeout: -1}, {To: "http://x", Send: []string{"Host"}},
		{To: "http://x", Copy: []string{"a b"}},
		{To: "http://x", Copy: []string{"X-Forwarded-For"}},
		{To: "http://x", User: "Content-Length"},
	} {
		if _, err := ForwardAuth(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
