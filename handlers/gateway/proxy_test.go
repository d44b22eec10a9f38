package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// recorded is a request as a backend has got it: every byte.
type recorded struct {
	head, body string
	whole      bool // all of its content has come
}

// recording makes a backend that keeps what it gets, and answers "ok".
func recording(t testing.TB) (*backend, chan recorded) {
	got := make(chan recorded, 100)
	return newBackend(t, func(c net.Conn, r *bufio.Reader) {
		for {
			var raw bytes.Buffer
			req, err := http.ReadRequest(bufio.NewReaderSize(io.TeeReader(oneByte{r}, &raw), 16))
			if err != nil {
				if raw.Len() > 0 {
					got <- recorded{raw.String(), fmt.Sprint("malformed: ", err), true}
				}
				return
			}
			head := raw.String()
			head = head[:strings.Index(head, "\r\n\r\n")+4]
			body, err := io.ReadAll(req.Body)
			got <- recorded{head, string(body), err == nil}
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, plain("ok")); err != nil {
				return
			}
		}
	}), got
}

// oneByte reads a byte at a time, so that nothing is read ahead of a request's end.
type oneByte struct{ r *bufio.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// raw sends bytes to the server, and returns all that comes back.
func (s *site) raw(t testing.TB, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%q: %v", answer, err)
	}
	return string(answer)
}

// fieldsOf are the lines of a head, but for the first.
func fieldsOf(head string) textproto.MIMEHeader {
	_, lines, _ := strings.Cut(head, "\r\n")
	h, _ := textproto.NewReader(bufio.NewReader(strings.NewReader(lines))).ReadMIMEHeader()
	return h
}

func TestProxyRequest(t *testing.T) {
	b, got := recording(t)
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, EncodedSlash: true})
	for _, tt := range []struct {
		name, request, line string
		fields              map[string]string // "-": none of that name
	}{
		{"plain", "GET /x?y=%2e HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
			"GET /x?y=%2e HTTP/1.1", map[string]string{"Host": "a.example", "Connection": "-",
				"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
				"X-Forwarded-Host": "a.example", "Content-Length": "-"}},
		{"hop by hop", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop, Cookie\r\n" +
			"X-Hop: 1\r\nCookie: a=b\r\nKeep-Alive: 1\r\nTE: trailers\r\nUpgrade: h2c\r\n" +
			"Proxy: evil\r\nProxy-Connection: close\r\nX-End: 2\r\nTrailer: X\r\n\r\n",
			"GET / HTTP/1.1", map[string]string{"X-Hop": "-", "Cookie": "-", "Keep-Alive": "-",
				"Te": "trailers", "Upgrade": "-", "Proxy": "-", "Proxy-Connection": "-",
				"X-End": "2", "Connection": "TE", "Trailer": "-"}},
		{"forged", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
			"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n" +
			"X-Forwarded-Proto: https\r\n\r\n",
			"GET / HTTP/1.1", map[string]string{"X-Forwarded-For": "127.0.0.1", "Forwarded": "-",
				"X-Real-Ip": "-", "X-Forwarded-Proto": "http"}},
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1",
			map[string]string{"Host": b.address, "Connection": "-"}},
		{"empty POST", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			"POST / HTTP/1.1", map[string]string{"Content-Length": "0"}},
		{"absolute target", "GET http://other/z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
			"GET /z HTTP/1.1", map[string]string{"Host": "other"}},
		{"encoded anew", "GET /a%20b/%7ec%2fd/%C3%bc HTTP/1.1\r\nHost: a\r\n" +
			"Connection: close\r\n\r\n", "GET /a%20b/~c%2Fd/%C3%BC HTTP/1.1", nil},
	} {
		answer := s.raw(t, tt.request)
		if !strings.Contains(answer, "200 OK") || !strings.HasSuffix(answer, "\r\n\r\nok") {
			t.Fatalf("%s: %q", tt.name, answer)
		}
		r := <-got
		if line, _, _ := strings.Cut(r.head, "\r\n"); line != tt.line {
			t.Errorf("%s: %q, want %q", tt.name, line, tt.line)
		}
		h := fieldsOf(r.head)
		for name, want := range tt.fields {
			if v := h.Get(name); v != want && !(want == "-" && h[name] == nil) || len(h[name]) > 1 {
				t.Errorf("%s: %s: %q, want %q", tt.name, name, h[name], want)
			}
		}
	}
}

func TestProxyTrusted(t *testing.T) {
	b, got := recording(t)
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Forwarded: ForwardedX |
		ForwardedRFC | ForwardedReal}, func(srv *lwan.Server) {
		srv.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	s.raw(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+
		"X-Forwarded-For: forged, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"+
		"X-Forwarded-Host: first.example\r\nForwarded: for=203.0.113.9\r\n\r\n")
	h := fieldsOf((<-got).head)
	for name, want := range map[string]string{
		"X-Forwarded-For": "forged, 203.0.113.9, 127.0.0.1", "X-Forwarded-Proto": "https",
		"X-Forwarded-Host": "first.example", "X-Real-Ip": "203.0.113.9",
		"Forwarded": "for=203.0.113.9, for=127.0.0.1;host=a;proto=https",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, h.Get(name), want)
		}
	}
}

// TestProxyBodies sends contents of all sizes around the limits, with a length and in chunks, and
// gets them back.
func TestProxyBodies(t *testing.T) {
	b := answering(t, func(r *http.Request, body string) string {
		return plain(fmt.Sprintf("%v %v %x", r.ContentLength, r.TransferEncoding,
			sha256.Sum256([]byte(body))))
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}}, func(srv *lwan.Server) {
		srv.Limits.Body = 4 << 20
	})
	for _, n := range []int{0, 1, 100, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20, 4 << 20} {
		content := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		sum := sha256.Sum256([]byte(content))
		status, body, _ := s.do(t, "POST", "/", strings.NewReader(content))
		if want := fmt.Sprintf("%d [] %x", n, sum); status != 200 || body != want {
			t.Errorf("%d bytes: %d %q, want %q", n, status, body, want)
		}
		chunked := io.MultiReader(strings.NewReader(content), strings.NewReader(""))
		status, body, _ = s.do(t, "POST", "/", struct{ io.Reader }{chunked})
		if want := fmt.Sprintf("-1 [chunked] %x", sum); status != 200 || body != want && n > 0 {
			t.Errorf("%d bytes in chunks: %d %q, want %q", n, status, body, want)
		}
	}
	accepts := b.accepts.Load()
	status, _, _ := s.do(t, "POST", "/", strings.NewReader(strings.Repeat("x", 4<<20+1)))
	if status != 413 {
		t.Errorf("one byte too many: %d", status)
	}
	if n := b.accepts.Load() - accepts; n != 0 {
		t.Errorf("the backend was bothered with it")
	}
}

// TestProxyAnswers sends back contents of all sizes, with and without a length.
func TestProxyAnswers(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		var how string
		fmt.Sscanf(r.URL.Path, "/%d/%s", &n, &how)
		if how == "length" {
			w.Header().Set("Content-Length", itoa(n))
		} else if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		io.WriteString(w, strings.Repeat("0123456789abcdef", n/16+1)[:n])
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}})
	for _, n := range []int{
		0, 1, 1000, 16 << 10, 16<<10 + 1, 32 << 10, 64 << 10, 1 << 20, 5 << 20,
	} {
		for _, how := range []string{"length", "chunks"} {
			_, body, cut := s.get(t, fmt.Sprintf("/%d/%s", n, how))
			if body != strings.Repeat("0123456789abcdef", n/16+1)[:n] || cut {
				t.Errorf("%d bytes, %s: got %d, cut %v", n, how, len(body), cut)
			}
		}
	}
	if st := s.group.Stats()[0]; st.Connects != 1 {
		t.Errorf("%d connections for %d requests one after the other", st.Connects, st.Requests)
	}
}

// httpBackend is one of package net/http.
type httpBackend struct {
	*http.Server
	address string
}

func newHTTP(t testing.TB, h http.HandlerFunc) *httpBackend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &httpBackend{&http.Server{Handler: h}, ln.Addr().String()}
	done := make(chan error, 1)
	go func() { done <- b.Serve(ln) }()
	t.Cleanup(func() { b.Close(); <-done })
	return b
}

func (b *httpBackend) group() *Group {
	return &Group{Name: "test", Backends: []Backend{{Address: b.address}}}
}

// TestProxyMethods: HEAD, and answers without content.
func TestProxyMethods(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Method", r.Method)
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(304)
		case "/206":
			w.Header().Set("Content-Range", "bytes 0-1/10")
			w.WriteHeader(206)
			io.WriteString(w, "01")
		default:
			io.WriteString(w, "hello")
		}
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		for _, path := range []string{"/", "/204", "/304", "/206"} {
			r, _ := http.NewRequest(method, s.URL+path, nil)
			resp, err := s.Client.Do(r)
			if err != nil {
				t.Fatal(method, path, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.Header.Get("X-Method") != method {
				t.Errorf("%s %s: %v %q", method, path, err, resp.Header)
			}
			want := map[string]string{"/": "hello", "/206": "01"}[path]
			if method == "HEAD" {
				if path == "/" && resp.ContentLength != 5 {
					t.Errorf("HEAD %s: length %d", path, resp.ContentLength)
				}
				want = ""
			}
			if string(body) != want {
				t.Errorf("%s %s: %q", method, path, body)
			}
		}
	}
}

// TestProxyStreams: what has come is passed on before more comes, both ways.
func TestProxyStreams(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		buf := make([]byte, 100)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				fmt.Fprintf(w, "<%s>", buf[:n])
				w.(http.Flusher).Flush()
			}
			if err != nil {
				return
			}
		}
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}})
	in, out := io.Pipe()
	r, _ := http.NewRequest("POST", s.URL+"/", in)
	answered := make(chan *http.Response, 1)
	go func() {
		resp, err := s.Client.Do(r)
		if err != nil {
			t.Error(err)
		}
		answered <- resp
	}()
	io.WriteString(out, "one")
	out.Close() // an early answer ends the upload: this one begins behind its first piece
	resp := <-answered
	if resp == nil {
		return
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); string(got) != "<one>" && err == nil {
		t.Errorf("%q %v", got, err)
	}
}

// TestServerSentEvents: each event is there before the next one is sent.
func TestServerSentEvents(t *testing.T) {
	next := make(chan string)
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for e := range next {
			io.WriteString(w, e)
			w.(http.Flusher).Flush()
		}
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}})
	var resp *http.Response
	answered := make(chan error, 1)
	go func() {
		var err error
		resp, err = s.Client.Get(s.URL + "/events")
		answered <- err
	}()
	next <- "data: 0\n\n"
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	for i := range 5 {
		line, err := r.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
			t.Fatalf("%q %v, want %q", line, err, want)
		}
		r.ReadString('\n')
		if i < 4 {
			next <- fmt.Sprintf("data: %d\n\n", i+1)
		}
	}
	close(next)
}

// TestTrailers passes them back.
func TestTrailers(t *testing.T) {
	b := newHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Sum", "42")
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: b.group()}})
	resp, err := s.Client.Get(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if string(body) != "hello" || err != nil || resp.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%q %v %q", body, err, resp.Trailer)
	}
}

// TestEarlyAnswer: a backend that refuses an upload is heard while the upload goes on.
func TestEarlyAnswer(t *testing.T) {
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
		io.Copy(io.Discard, r)
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}}, func(srv *lwan.Server) {
		srv.Limits.Body = 1 << 30
	})
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(60 * time.Second))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n")
		io.Copy(c, io.LimitReader(zeros{}, 100<<20)) // it ends when nobody takes it any more
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 413 || string(body) != "big" || err != nil {
		t.Errorf("%d %q %v", resp.StatusCode, body, err)
	}
	c.Close()
	<-sent
	until(t, "the end of the connection", func() bool { return b.connections() == 0 })
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestExpect: the client is told to go on only when there is a backend.
func TestExpect(t *testing.T) {
	b := answering(t, func(r *http.Request, body string) string {
		return plain(r.Header.Get("Expect") + body)
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	ask := func() (first string, rest *bufio.Reader, c net.Conn) {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(60 * time.Second))
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"+
			"Content-Length: 5\r\nConnection: close\r\n\r\n")
		rest = bufio.NewReader(c)
		first, err = rest.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return first, rest, c
	}
	first, rest, c := ask()
	if !strings.HasPrefix(first, "HTTP/1.1 100 ") {
		t.Fatalf("%q", first)
	}
	io.WriteString(c, "hello")
	all, err := io.ReadAll(rest)
	if err != nil || !strings.HasSuffix(string(all), "\r\n\r\nhello") {
		t.Errorf("%q %v", all, err)
	}
	c.Close()
	b.stop()
	first, _, c = ask()
	c.Close()
	if !strings.HasPrefix(first, "HTTP/1.1 502 ") {
		t.Errorf("without a backend: %q", first)
	}
}

// TestInterim: 103 is passed on where that is wanted, and 100 never.
func TestInterim(t *testing.T) {
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"+
				"Link: </a>\r\nConnection: x\r\n\r\n"+plain("ok"))
		}
	})
	for _, early := range []bool{true, false} {
		s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Early: early})
		got := s.raw(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		first := "HTTP/1.1 200 OK\r\n"
		if early {
			first = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + first
		}
		if !strings.HasPrefix(got, first) {
			t.Errorf("early %v: %q", early, got)
		}
	}
}

// TestClientLeaves: the backend's connection ends with its client, in each phase.
func TestClientLeaves(t *testing.T) {
	var phase atomic.Value
	reached := make(chan struct{}, 10)
	b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if phase.Load() == "streaming" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
			io.WriteString(c, strings.Repeat("x", 50000))
		}
		reached <- struct{}{}
		io.Copy(io.Discard, req.Body)
		io.Copy(io.Discard, r)
	})
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	for _, p := range []string{"waiting", "streaming", "uploading"} {
		phase.Store(p)
		ctx, leave := context.WithCancel(t.Context())
		method, content := "GET", io.Reader(nil)
		if p == "uploading" {
			in, out := io.Pipe()
			method, content = "POST", in
			go func() { io.WriteString(out, "some"); <-ctx.Done(); out.CloseWithError(ctx.Err()) }()
		}
		r, _ := http.NewRequestWithContext(ctx, method, s.URL+"/", content)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, err := s.Client.Do(r); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
		<-reached
		leave()
		<-done
		until(t, p+": the end of the connection", func() bool { return b.connections() == 0 })
		st := s.group.Stats()[0]
		until(t, p+": the place is free", func() bool { return s.group.Stats()[0].Active == 0 })
		if st.Failed != 0 || st.State != Up {
			t.Errorf("%s: it counts as the backend's failure: %+v", p, st)
		}
	}
	if l := s.log.take(); len(l) > 0 {
		t.Errorf("logged: %q", l)
	}
}

func TestProxyPrefix(t *testing.T) {
	b, got := recording(t)
	g := groupOf(b)
	srv := &lwan.Server{Loops: 1}
	srv.Mount("/cut", Proxy.With(ProxyConfig{Common: Common{To: g}}))
	srv.Mount("/other", Proxy.With(ProxyConfig{Common: Common{To: g}, Path: "/v1/"}))
	srv.Mount("/keep", Proxy.With(ProxyConfig{Common: Common{To: g}, KeepPath: true,
		EncodedSlash: true}))
	s := &site{Server: lwantest.Start(t, srv), group: g}
	for from, want := range map[string]string{
		"/cut/a/b?c": "/a/b?c", "/cut/": "/", "/other/x": "/v1/x", "/keep/x%2Fy": "/keep/x%2Fy",
	} {
		if status, body, _ := s.get(t, from); status != 200 || body != "ok" {
			t.Fatalf("%s: %d %q", from, status, body)
		}
		if r := <-got; !strings.HasPrefix(r.head, "GET "+want+" HTTP/1.1\r\n") {
			t.Errorf("%s: %.60q, want %s", from, r.head, want)
		}
	}
	// no backend gets to decide whether that is a slash
	for _, path := range []string{"/cut/x%2fy", "/other/..%2F..%2Fadmin", "/cut/%2f"} {
		if status, _, _ := s.get(t, path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if len(got) > 0 {
		t.Errorf("the backend got %.60q", (<-got).head)
	}
}

// TestHeadFirst: the head of an answer whose content is not there yet reaches the client.
func TestHeadFirst(t *testing.T) {
	for _, field := range []string{
		"Content-Length: 100000", "Transfer-Encoding: chunked", "X-A: b",
	} {
		goOn := make(chan struct{})
		b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\n"+field+"\r\n\r\n")
			<-goOn
		})
		s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
		resp, err := s.Client.Get(s.URL + "/")
		close(goOn)
		if err != nil {
			t.Fatalf("%s: %v", field, err)
		}
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", field, resp.StatusCode)
		}
		resp.Body.Close()
	}
}
