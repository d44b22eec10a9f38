//go:build linux && !race

package lwan

import (
	"io"
	"runtime"
	"testing"
)

// TestWebSocketAllocates nothing for a message that comes and goes, compressed or not.
func TestWebSocketAllocates(t *testing.T) {
	inTheClear(t, "crypto/tls allocates")
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", echoWith(&WebSocketConfig{Compress: true}), mw...)
		addr := serveTest(t, srv)
		for name, size := range map[string]int{"small": 100, "read in parts": 10_000} {
			w := openWebSocket(t, addr, "/", "")
			perMessage(t, name, w, frameOf(binaryFrame, zerosOf(size)))
		}
		w := openWebSocket(t, addr, "/", offersDeflate)
		perMessage(t, "compressed", w, frameOf(0xc2, deflatedBy(t, recordsOf(1000))))
	})
}

// perMessage counts what is allocated while a frame is echoed again and again.
func perMessage(t *testing.T, name string, w *wsClient, frame string) {
	t.Helper()
	const rounds = 1000
	out := []byte(frame)
	round := func(in []byte) []byte {
		if _, err := w.c.Write(out); err != nil {
			t.Fatal(err)
		}
		if in != nil {
			if _, err := io.ReadFull(w.r, in); err != nil {
				t.Fatal(err)
			}
			return in
		}
		// The first time nobody knows how long the answer is.
		head, err := w.r.Peek(2)
		if err != nil {
			t.Fatal(err)
		}
		n := 2 + int(head[1])
		if head[1] == 126 {
			if head, err = w.r.Peek(4); err != nil {
				t.Fatal(err)
			}
			n = 4 + int(head[2])<<8 + int(head[3])
		}
		in = make([]byte, n)
		if _, err := io.ReadFull(w.r, in); err != nil {
			t.Fatal(err)
		}
		return in
	}
	in := round(nil)
	for range 100 {
		in = round(in)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		in = round(in)
	}
	runtime.ReadMemStats(&after)
	// A collection may empty the pools, and others of the process allocate a little.
	if n := after.Mallocs - before.Mallocs; n > rounds/5 {
		t.Errorf("%s: %d allocations for %d messages", name, n, rounds)
	}
}
