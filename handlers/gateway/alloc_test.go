//go:build !lwandebug

package gateway

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// rawBackend answers without looking, so that it allocates nothing.
func rawBackend(t testing.TB, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf, out := make([]byte, 16<<10), []byte(answer)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			if bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
				if _, err := c.Write(out); err != nil {
					return
				}
			}
		}
	}()
	t.Cleanup(func() { ln.Close(); <-ended })
	return ln.Addr().String()
}

// TestAllocations counts what a proxied GET allocates: strings of its answer's head, and little
// more.
func TestAllocations(t *testing.T) {
	if underRace || !onLoops {
		t.Skip("skipped: others allocate here")
	}
	const answer = "HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 17:00:00 GMT\r\nServer: x\r\n" +
		"Content-Type: text/plain\r\nCache-Control: no-cache\r\nETag: \"1\"\r\nVary: Accept\r\n" +
		"X-A: b\r\nContent-Length: 20\r\n\r\n01234567890123456789"
	g := &Group{Backends: []Backend{{Address: rawBackend(t, answer)}}}
	s := serveProxy(t, ProxyConfig{Common: Common{To: g}}, func(srv *lwan.Server) {
		srv.StallAfter = -1
	})
	c := s.dial(t)
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	request := []byte("GET /hello?x=y HTTP/1.1\r\nHost: www.example\r\nUser-Agent: test\r\n" +
		"Accept: */*\r\n\r\n")
	buf := make([]byte, 4096)
	size := 0
	ask := func() {
		if _, err := c.Write(request); err != nil {
			t.Fatal(err)
		}
		for got := 0; got == 0 || got < size; {
			n, err := c.Read(buf[got:])
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			got += n
			if size == 0 && bytes.HasSuffix(buf[:got], []byte("0123456789")) {
				size = got
			}
		}
	}
	for range 100 {
		ask()
	}
	const n = 500
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		ask()
	}
	runtime.ReadMemStats(&after)
	each := float64(after.Mallocs-before.Mallocs) / n
	t.Logf("%.2f allocations, %.0f bytes", each,
		float64(after.TotalAlloc-before.TotalAlloc)/n)
	if each > 8 {
		t.Errorf("%.2f allocations for each request", each)
	}
}
