//go:build linux && !race && !golwan_nethttp

package lwan

import (
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// TestHelloAllocatesNothing: a request that never waits, on a connection that is kept, costs no
// allocation. The client of this test allocates nothing either, so what the process allocates is
// the server's.
func TestHelloAllocatesNothing(t *testing.T) {
	inTheClear(t, "crypto/tls allocates, here and in the client")
	if debugBuild {
		t.Skip("with lwandebug nothing is used again")
	}
	srv := &Server{Loops: 1}
	srv.Handle("GET /hello", text("hello"))
	srv.Handle("GET /items/{id}", func(req *Request, resp *Response) Status {
		resp.SetContentType("text/plain")
		return 204
	})
	addr := serveTest(t, srv)
	for name, raw := range map[string]string{
		"plain": get1("/hello"),
		"browser": "GET /hello?q=1 HTTP/1.1\r\nHost: localhost:8080\r\n" +
			"User-Agent: Mozilla/5.0\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n" +
			"Cookie: a=b; c=d\r\nConnection: keep-alive\r\n\r\n",
		"parameter": get1("/items/42"),
	} {
		t.Run(name, func(t *testing.T) { helloAllocations(t, addr, raw) })
	}
}

const (
	helloRequests  = 24_000
	helloPipelined = 16
)

func helloAllocations(t *testing.T, addr, raw string) {
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	size := answerSize(t, c, raw)
	batch := []byte(strings.Repeat(raw, helloPipelined))
	buf := make([]byte, size*helloPipelined)
	run := func(rounds int) {
		for range rounds {
			if _, err := c.Write(batch); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(100)
	// a collection empties pools, which would be counted
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(helloRequests / helloPipelined)
	runtime.ReadMemStats(&after)
	if got := float64(after.Mallocs-before.Mallocs) / helloRequests; got >= 0.01 {
		t.Errorf("%.4f allocations a request", got)
	} else {
		t.Logf("%.5f allocations a request", got)
	}
}

// answerSize is the length of the answer to raw; it is the same each time.
func answerSize(t *testing.T, c net.Conn, raw string) int {
	t.Helper()
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4<<10)
	n, err := c.Read(b) // written in one piece
	if err != nil || !strings.HasPrefix(string(b[:n]), "HTTP/1.1 2") {
		t.Fatalf("%q %v", b[:n], err)
	}
	return n
}
