//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2Windows: an answer is sent as the client's windows allow, also if they shrink below zero.
func TestH2Windows(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		content := fill(100_000)
		srv.Handle("GET /", text(content), mw...)
		h := dialH2(t, serveH2(t, srv), uint32(h2frame.InitialWindowSize), 1000)
		h.quiet = true
		h.get(1, "/")
		h.until(1, 1000)
		h.send(h2frame.AppendSettings(nil, uint32(h2frame.InitialWindowSize), 0)) // -1000 now
		h.send(h2frame.AppendWindowUpdate(nil, 1, 1000))
		h.ping()
		h.until(1, 1000)
		h.send(h2frame.AppendWindowUpdate(nil, 1, 1))
		h.until(1, 1001)
		h.send(h2frame.AppendSettings(nil, uint32(h2frame.InitialWindowSize), 200_000))
		h.until(1, h2frame.DefaultWindow) // that of the connection
		h.get(3, "/")
		h.ping()
		if a := h.answers[3]; a != nil && len(a.body) != 0 {
			t.Errorf("%d bytes beyond the window of the connection", len(a.body))
		}
		h.send(h2frame.AppendWindowUpdate(nil, 0, 1<<20))
		h.want(1, "200", content)
		h.want(3, "200", content)
	})
}

// until reads until so much content of a stream is there, and no more.
func (h *h2conn) until(id uint32, n int) {
	h.t.Helper()
	for h.answers[id] == nil || len(h.answers[id].body) < n {
		if _, more := h.next(); !more {
			h.t.Fatal("the connection has ended")
		}
	}
	if got := len(h.answers[id].body); got != n {
		h.t.Fatalf("%d bytes, want %d", got, n)
	}
}

// TestH2Upload: what a handler does not read is held back, and what it reads may be sent again.
func TestH2Upload(t *testing.T) {
	srv := &Server{Limits: Limits{Body: 1 << 20}}
	goOn := make(chan struct{})
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		err := req.Await(func(context.Context) error { <-goOn; return nil })
		if err != nil {
			return resp.Fail(err)
		}
		return echo(req, resp)
	})
	h := dialH2(t, serveH2(t, srv))
	h.send(h.headers(1, false, "POST", "/"))
	h.ping()
	piece := fill(16 << 10)
	for range 4 { // the window
		h.send(h2data(1, false, piece))
	}
	h.ping()
	if a := h.answers[1]; a != nil {
		t.Fatalf("an answer before its handler has gone on: %+v", a)
	}
	close(goOn)
	sent, open := 4, 0
	for sent < 40 {
		f, more := h.next()
		if !more {
			t.Fatal("the connection has ended")
		}
		if f.Type == h2frame.WindowUpdate && f.Stream == 1 {
			for open += int(f.Uint32()); open >= len(piece) && sent < 40; open -= len(piece) {
				sent++
				h.send(h2data(1, sent == 40, piece))
			}
		}
	}
	h.want(1, "200", strings.Repeat(piece, 40))
}

// TestH2UploadBeyondTheWindow ends its stream; content that is not as long as was said, too.
func TestH2UploadBeyondTheWindow(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Sleep(time.Hour))
	})
	srv.Handle("POST /echo", echo)
	h := dialH2(t, serveH2(t, srv))
	h.send(h.headers(1, false, "POST", "/"))
	h.ping()
	for range 5 {
		h.send(h2data(1, false, fill(16<<10)))
	}
	if a := h.answer(1); a.code != h2frame.FlowControlError {
		t.Errorf("%v", a.code)
	}
	for i, c := range []struct{ length, sent int }{{5, 4}, {5, 6}, {0, 1}} {
		id := uint32(2*i + 3)
		h.send(h.headers(id, false, "POST", "/echo", fmt.Sprintf("content-length: %d", c.length)),
			h2data(id, true, fill(c.sent)))
		if a := h.answer(id); a.code != h2frame.ProtocolError {
			t.Errorf("%d bytes of %d: %s, %v", c.sent, c.length, a.status, a.code)
		}
	}
}

// TestH2ResetInLine: a stream that waits for the window of the connection, and is reset, holds
// nobody up, however long its handler goes on.
func TestH2ResetInLine(t *testing.T) {
	srv := &Server{}
	goOn, lost := make(chan struct{}), make(chan bool, 1)
	srv.Handle("GET /stubborn", func(req *Request, resp *Response) Status {
		var err error
		for err == nil {
			_, err = resp.WriteString(fill(10_000))
		}
		lost <- true
		<-goOn // it blocks its goroutine
		return resp.Fail(err)
	}, Blocking)
	srv.Handle("GET /", text(fill(1000)))
	h := dialH2(t, serveH2(t, srv), uint32(h2frame.InitialWindowSize), h2frame.MaxWindow)
	h.quiet = true
	h.get(1, "/stubborn")
	h.until(1, h2frame.DefaultWindow)
	h.get(3, "/stubborn")
	h.get(5, "/", "priority: u=7") // behind them
	h.ping()
	h.send(h2frame.AppendRstStream(nil, 3, h2frame.Cancel), h2frame.AppendRstStream(nil, 1, h2frame.Cancel))
	received(t, lost)
	received(t, lost)
	h.send(h2frame.AppendWindowUpdate(nil, 0, 1<<20))
	h.want(5, "200", fill(1000))
	close(goOn)
}

// TestH2WaitsForItsTurn: an answer that waits because more urgent ones use what the client takes is
// not given up, however long that goes on; once nobody gets on it is.
func TestH2WaitsForItsTurn(t *testing.T) {
	srv := &Server{Loops: 1, Limits: Limits{Write: 10 * time.Second}}
	clock := stopTime(srv)
	srv.Handle("GET /long", text(fill(10<<20)))
	srv.Handle("GET /short", text(fill(1000)))
	h := dialH2(t, serveH2(t, srv), uint32(h2frame.InitialWindowSize), h2frame.MaxWindow)
	h.quiet = true
	h.get(1, "/long", "priority: u=0")
	h.until(1, h2frame.DefaultWindow)
	h.get(3, "/short", "priority: u=7")
	h.ping()
	for i := range 10 { // half a minute
		clock.advance(3 * time.Second)
		h.send(h2frame.AppendWindowUpdate(nil, 0, 20_000))
		h.until(1, h2frame.DefaultWindow+20_000*(i+1))
	}
	h.ping()
	if a := h.answers[3]; a.over() { // its head needs no window
		t.Fatalf("the other one is over: %+v", a)
	}
	for range 8 { // and nothing for as long
		clock.advance(3 * time.Second)
	}
	if a := h.answer(3); !a.reset || len(a.body) > 0 {
		t.Errorf("%+v", a)
	}
}

// TestH2Credit: what a client may send again is no more than it has sent, whatever becomes of its
// streams.
func TestH2Credit(t *testing.T) {
	srv := &Server{}
	srv.Handle("POST /", func(req *Request, resp *Response) Status {
		return resp.Fail(req.Sleep(time.Hour))
	})
	h := dialH2(t, serveH2(t, srv))
	h.ping()
	sent, credit := 0, 0
	for id := uint32(1); id < 80; id += 2 {
		h.send(h.headers(id, false, "POST", "/", "content-length: 50000"))
		h.send(h2data(id, true, fill(16_000))) // it is not all of it
		sent += 16_000
		for a := h.answers[id]; a == nil || !a.reset; a = h.answers[id] {
			f, more := h.next()
			if !more {
				t.Fatal("the connection has ended")
			}
			if f.Type == h2frame.WindowUpdate && f.Stream == 0 {
				credit += int(f.Uint32())
			}
		}
	}
	if h.ping(); credit > sent {
		t.Errorf("%d bytes may be sent again, of %d", credit, sent)
	}
}
