//go:build linux && !race && !golwan_nethttp

package main

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
	"github.com/golwan/golwan/lwan/lwantest"
)

// TestAllocations counts what a request allocates from the read of it to the write of its answer,
// on a connection. The client counts too, so it allocates nothing. net/http, which serves on other
// systems, and the race detector allocate.
func TestAllocations(t *testing.T) {
	srv := &lwan.Server{Loops: 1}
	srv.Handle("GET /hello", hello)
	conn, err := net.Dial("tcp", lwantest.Start(t, srv).Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		request, body string
		want          float64
	}{
		{"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "Hello, world!", 0},
		// the name, which may be kept
		{"GET /hello?name=you HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n",
			"Hello, you!", 1},
	} {
		request, buf, n := []byte(tt.request), make([]byte, 1024), 0
		got := testing.AllocsPerRun(200, func() {
			if _, err = conn.Write(request); err == nil {
				n, err = conn.Read(buf) // the answer is one segment
			}
		})
		if err != nil || !bytes.HasSuffix(buf[:n], []byte(tt.body)) {
			t.Fatalf("%q: %q %v", tt.request, buf[:n], err)
		}
		if got != tt.want {
			t.Errorf("%q: %v allocations, want %v", tt.request, got, tt.want)
		}
	}
}
