package gateway

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// backend is a server whose every byte the test says.
type backend struct {
	address string
	ln      net.Listener
	accepts atomic.Int64
	mu      sync.Mutex
	open    map[net.Conn]bool
	ends    sync.WaitGroup
}

// newBackend serves each connection with serve, which may return whenever it likes.
func newBackend(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{address: ln.Addr().String(), ln: ln, open: map[net.Conn]bool{}}
	b.ends.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.accepts.Add(1)
			b.mu.Lock()
			b.open[c] = true
			b.mu.Unlock()
			b.ends.Go(func() {
				serve(c, bufio.NewReader(c))
				c.Close()
				b.mu.Lock()
				delete(b.open, c)
				b.mu.Unlock()
			})
		}
	})
	t.Cleanup(b.stop)
	return b
}

// stop ends the backend, with all of its connections.
func (b *backend) stop() {
	b.ln.Close()
	b.mu.Lock()
	for c := range b.open {
		c.Close()
	}
	b.mu.Unlock()
	b.ends.Wait()
}

// connections is how many are open.
func (b *backend) connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// answering makes a backend that answers each request with what answer returns; "" closes.
func answering(t testing.TB, answer func(r *http.Request, body string) string) *backend {
	t.Helper()
	return newBackend(t, func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			a := answer(req, string(body))
			if _, err := io.WriteString(c, a); err != nil || a == "" {
				return
			}
		}
	})
}

// plain is an answer with that body.
func plain(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

// lines is a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// take returns what was logged since the last call.
func (l *lines) take() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		all = append(all, line)
	}
	l.buf.Reset()
	return all
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// site is a server with a proxy at its root.
type site struct {
	*lwantest.Server
	log   *lines
	group *Group
}

// serveProxy starts a server whose root is a proxy for the backends.
func serveProxy(t testing.TB, c ProxyConfig, change ...func(srv *lwan.Server)) *site {
	t.Helper()
	s := &site{log: new(lines), group: c.To}
	// one loop: which of them a client's connection comes to decides which connections are kept
	srv := &lwan.Server{Log: s.log.logger(), Loops: 1}
	for _, fn := range change {
		fn(srv)
	}
	srv.Mount("/", Proxy.With(c))
	s.start(t, srv)
	return s
}

// start starts the server. Its client follows no redirects.
func (s *site) start(t testing.TB, srv *lwan.Server) {
	t.Helper()
	s.Server = lwantest.Start(t, srv)
	s.Client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
}

// groupOf is one of backends.
func groupOf(bs ...*backend) *Group {
	g := &Group{Name: "test"}
	for _, b := range bs {
		g.Backends = append(g.Backends, Backend{Address: b.address})
	}
	return g
}

// get is the answer to a GET: its status and content. cut: the client could see that it is not all.
func (s *site) get(t testing.TB, target string) (status int, body string, cut bool) {
	t.Helper()
	return s.do(t, "GET", target, nil)
}

func (s *site) do(t testing.TB, method, target string, content io.Reader) (int, string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.URL+target, content)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(got), err != nil
}

// dial opens a connection to the server.
func (s *site) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readAll is what comes until the end, whatever that is.
func readAll(r io.Reader) string {
	all, _ := io.ReadAll(r)
	return string(all)
}

// until waits for something that is to come true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("not in 10 s: %s", what)
		}
	}
}
