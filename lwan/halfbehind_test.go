//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"io"
	"testing"
	"time"
)

// TestHalfClosedBehindStuck: a client that has closed its side gets the rest of an answer, though
// another handler of the thread is stuck meanwhile.
func TestHalfClosedBehindStuck(t *testing.T) {
	srv := &Server{Loops: 1, TakeOverAfter: 30 * time.Millisecond, KeepInline: true}
	const size = 20 << 20 // more than the kernel takes
	ctxs, begun, goOn := make(chan context.Context, 1), make(chan bool, 1), make(chan bool)
	srv.Handle("GET /large", func(req *Request, resp *Response) Status {
		ctxs <- req.Context()
		return resp.Text(200, fill(size))
	})
	srv.Handle("GET /stuck", func(_ *Request, resp *Response) Status {
		begun <- true
		<-goOn
		return resp.Text(200, "stuck")
	})
	srv.Handle("GET /", text("here"))
	addr := serveTest(t, srv)
	half, stuck, other := dial(t, addr), dial(t, addr), dial(t, addr)
	half.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	ctx := received(t, ctxs)
	half.closeWrite()
	received(t, ctx.Done()) // the server knows
	stuck.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
	received(t, begun)
	other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	other.want("GET", 200, "here") // the loop was taken over
	// room for the answer is told while its worker cannot run
	all := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, half.r) // cut or not: that is what is looked at
		all <- n
	}()
	for range 50 {
		other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		other.want("GET", 200, "here")
	}
	close(goOn)
	stuck.want("GET", 200, "stuck")
	if n := received(t, all); n < size {
		t.Errorf("%d bytes of %d", n, size)
	}
}
