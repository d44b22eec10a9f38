package gateway

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan"
)

// TestMappedAnswers: places that a backend names are those that clients know.
func TestMappedAnswers(t *testing.T) {
	b := answering(t, func(r *http.Request, _ string) string {
		return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://" + r.Host +
			"/v1/next\r\nRefresh: 5; url=/v1/x\r\nContent-Location: /v1/y\r\n" +
			"Set-Cookie: a=b; Path=/v1/\r\nSet-Cookie: c=d\r\n" +
			"Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: theirs\r\n" +
			"Connection: X-Private\r\nX-Private: 1\r\n\r\n"
	})
	srv := &lwan.Server{Loops: 1}
	srv.Mount("/app", Proxy.With(ProxyConfig{Common: Common{To: groupOf(b)}, Path: "/v1",
		Host: "$backend"}))
	s := new(site)
	s.start(t, srv)
	resp, err := s.Client.Get(s.URL + "/app/x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for name, want := range map[string]string{
		"Location": s.URL + "/app/next", "Refresh": "5; url=/app/x", "Content-Location": "/app/y",
		"Set-Cookie": "a=b; Path=/app/, c=d", "Date": "Mon, 01 Jan 2024 00:00:00 GMT",
		"Server": "theirs", "X-Private": "",
	} {
		if got := strings.Join(resp.Header[http.CanonicalHeaderKey(name)], ", "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if resp.StatusCode != 302 {
		t.Error(resp.Status)
	}
}

// TestIntercept: the server's error page takes the place of the backend's.
func TestIntercept(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Theirs", "1")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(map[string]int{"/404": 404, "/503": 503, "/200": 200}[r.URL.Path])
		io.WriteString(w, "theirs")
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group(),
		Intercept: []lwan.Status{503}}}, func(srv *lwan.Server) {
		srv.ErrorPage = func(_ *lwan.Request, resp *lwan.Response, st lwan.Status) lwan.Status {
			return resp.Text(st, "ours")
		}
	})
	for path, want := range map[string]string{"/200": "theirs", "/404": "theirs", "/503": "ours"} {
		resp, err := s.Client.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body := readAll(resp.Body)
		resp.Body.Close()
		if body != want || "/"+itoa(resp.StatusCode) != path ||
			(resp.Header.Get("X-Theirs") == "") != (want == "ours") ||
			resp.Header.Get("Retry-After") != "7" {
			t.Errorf("%s: %s %q %q", path, resp.Status, body, resp.Header)
		}
	}
}

// TestAccel: a backend says what of the server's own is the answer.
func TestAccel(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Accel-Redirect", "/files/a.txt")
		w.Header().Set("Content-Disposition", "attachment")
		w.Header().Set("X-Other", "1")
		io.WriteString(w, "theirs")
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group(), Accel: true}},
		func(srv *lwan.Server) {
			ours := func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				return resp.Text(200, "ours: "+req.Param("name"))
			}
			srv.Handle("GET /files/{name}", ours)
		})
	resp, err := s.Client.Get(s.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body := readAll(resp.Body); body != "ours: a.txt" || resp.StatusCode != 200 ||
		resp.Header.Get("Content-Disposition") != "attachment" || resp.Header.Get("X-Other") != "" {
		t.Errorf("%s %q %q", resp.Status, body, resp.Header)
	}
	until(t, "the place is free", func() bool { return s.group.Stats()[0].Active == 0 })
}

// TestResponseHook may change what comes back.
func TestResponseHook(t *testing.T) {
	b := answering(t, func(*http.Request, string) string { return plain("ok") })
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b),
		Response: func(req *lwan.Request, resp *lwan.Response) {
			resp.SetHeader("X-Ours", req.Path())
		}}})
	resp, err := s.Client.Get(s.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("X-Ours") != "/x" {
		t.Errorf("%q", resp.Header)
	}
}

// TestProxyProtocol: the head comes first on each connection, which is not kept.
func TestProxyProtocol(t *testing.T) {
	for version, want := range map[int]string{1: "PROXY TCP4 127.0.0.1 127.0.0.1 ",
		2: "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01"} {
		b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
			head := make([]byte, len(want))
			if _, err := io.ReadFull(r, head); err != nil {
				return
			}
			if string(head) != want {
				t.Errorf("version %d: %q", version, head)
			}
			if version == 1 {
				r.ReadString('\n')
			} else {
				r.Discard(4) // ports
			}
			if _, err := http.ReadRequest(r); err != nil {
				t.Errorf("version %d: %v", version, err)
			}
			io.WriteString(c, plain("ok"))
		})
		s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, ProxyProtocol: version})
		for range 3 {
			if status, body, _ := s.get(t, "/"); status != 200 || body != "ok" {
				t.Errorf("version %d: %d %q", version, status, body)
			}
		}
		if n := b.accepts.Load(); n != 3 {
			t.Errorf("version %d: %d connections", version, n)
		}
	}
}

// TestTLSBackend: a backend that is encrypted.
func TestTLSBackend(t *testing.T) {
	b := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.TLS != nil, n, err, strings.Repeat("x", 100_000))
	}))
	defer b.Close()
	roots := x509.NewCertPool()
	roots.AddCert(b.Certificate())
	g := &Group{Backends: []Backend{{Address: b.Listener.Addr().String()}}}
	g.Conns.TLS = &tls.Config{RootCAs: roots}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}})
	for _, n := range []int{0, 10, 500_000} {
		want := fmt.Sprint(true, n, nil, strings.Repeat("x", 100_000))
		status, body, cut := s.do(t, "POST", "/", strings.NewReader(strings.Repeat("y", n)))
		if status != 200 || body != want || cut {
			t.Errorf("%d bytes: %d %.40q, cut %v", n, status, body, cut)
		}
	}
	if st := g.Stats()[0]; st.Connects != 1 || st.Failed != 0 {
		t.Errorf("%+v", st)
	}
	srv := new(lwan.Server)
	srv.Mount("/", Proxy.With(ProxyConfig{Common: Common{To: g}, Upgrade: []string{"*"}}))
	if _, err := srv.Build(); err == nil {
		t.Error("a switch over TLS is taken")
	}
}

// TestUnixSocket: a backend on one.
func TestUnixSocket(t *testing.T) {
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Host)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	defer func() { srv.Close(); <-done }()
	g := &Group{Backends: []Backend{{Address: "unix:" + ln.Addr().String()}}}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}, Host: "$backend"})
	for range 3 {
		if status, body, _ := s.get(t, "/"); status != 200 || body != "localhost" {
			t.Errorf("%d %q", status, body)
		}
	}
	if st := g.Stats()[0]; st.Connects != 1 {
		t.Errorf("%+v", st)
	}
}

// TestAnyMethod: methods of the backends' own are passed on, and never sent twice.
func TestAnyMethod(t *testing.T) {
	b := answering(t, func(r *http.Request, body string) string {
		return plain(r.Method + " " + r.URL.Path + " " + body)
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	for _, method := range []string{"PURGE", "PROPFIND", "x-odd", "GET"} {
		for _, body := range []string{"", "content"} {
			status, got, _ := s.do(t, method, "/a", strings.NewReader(body))
			if want := method + " /a " + body; status != 200 || got != want {
				t.Errorf("%d %q, want %q", status, got, want)
			}
		}
		if idempotent(method) != (method == "GET") {
			t.Errorf("%s may be sent twice", method)
		}
	}
}

// TestConnectionNames: what the client's Connection names is its own field; it cannot take away one
// that the server has set.
func TestConnectionNames(t *testing.T) {
	b := answering(t, func(r *http.Request, _ string) string {
		return plain(fmt.Sprintf("user=%q hop=%q two=%q kept=%q connection=%q",
			r.Header["X-User"], r.Header["X-Hop"], r.Header["X-Two"], r.Header["X-Kept"],
			r.Header["Connection"]))
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}}, func(srv *lwan.Server) {
		srv.Use(func(next lwan.Handler) lwan.Handler {
			return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
				if err := req.SetHeader("X-User", "nobody"); err != nil {
					return resp.Fail(err)
				}
				return next(req, resp)
			}
		})
	})
	got := s.raw(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, x-user,X-Hop\r\n"+
		"Connection: X-Two, X-USER\r\nX-User: root\r\nX-Hop: 1\r\nX-Two: 2\r\nX-Kept: 3\r\n\r\n")
	const want = `user=["nobody"] hop=[] two=[] kept=["3"] connection=[]`
	if !strings.HasSuffix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
