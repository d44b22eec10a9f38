//go:build linux && !golwan_nethttp && !race && !lwandebug

package lwan

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// TestStrangersHoldLittle counts what clients hold that have announced a body and let the server
// wait. A body that the handler had left was waited for with a buffer of 16 KiB; 600 bytes of a
// body took 8 KiB; and after such clients had left each of their workers rested with a read buffer.
func TestStrangersHoldLittle(t *testing.T) {
	inTheClear(t, "crypto/tls holds more")
	// worker, Request and Response: 3 KiB, and 2 KiB of a body; stacks are no part of it
	const most = 8 << 10
	const chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1"
	const begun = "Content-Length: 1000000\r\n\r\n"
	for name, request := range map[string]string{
		"a body that does not come": "POST / HTTP/1.1\r\nHost: x\r\n" + begun,
		"a body that begins": "POST / HTTP/1.1\r\nHost: x\r\n" + begun +
			strings.Repeat("x", 600),
		"half a chunk's head": "POST / HTTP/1.1\r\nHost: x\r\n" + chunked,
		"a body that nobody wants": "GET / HTTP/1.1\r\nHost: x\r\n" +
			"Content-Length: 100000\r\n\r\nx",
		"half a chunk that nobody wants": "GET / HTTP/1.1\r\nHost: x\r\n" + chunked,
	} {
		t.Run(name, func(t *testing.T) {
			waiting, gone := heldBy(t, request, 300)
			t.Logf("%d bytes of heap for each, %d after they have left", waiting, gone)
			if waiting > most || gone > most {
				t.Errorf("that is more than %d", most)
			}
		})
	}
}

// heldBy returns how many bytes of the heap n clients take that send a request and wait, for each
// of them, and how many when they have left.
func heldBy(t *testing.T, request string, n int64) (waiting, gone int64) {
	t.Helper()
	srv := &Server{Loops: 1}
	srv.Handle("GET /", text("hello"))
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		if _, err := req.BodyBytes(); err != nil {
			return resp.Fail(err)
		}
		return StatusOK
	})
	addr := serveTest(t, srv)
	clients := make([]net.Conn, n)
	for i := range clients {
		clients[i] = dial(t, addr).c
	}
	before := liveHeap()
	for _, c := range clients {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, "parked", n, func() int64 { return srv.Stats().Conns.Parked })
	waiting = liveHeap() - before
	for _, c := range clients {
		c.Close()
	}
	settled(t, "parked", 0, func() int64 { return srv.Stats().Conns.Parked })
	gone = liveHeap() - before
	return waiting / n, gone / n
}

// liveHeap collects twice, since a sync.Pool keeps what it has for one more round.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
