//go:build linux

package lwan

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// alongside runs an attack, and an honest client beside it, which must be answered all the while.
func alongside(t *testing.T, addr string, attack func()) {
	t.Helper()
	ended := make(chan struct{})
	var over atomic.Bool
	honest := openWebSocket(t, addr, "/", "")
	go func() {
		defer close(ended)
		for !over.Load() {
			honest.frame(textFrame, "Hello")
			honest.want(textFrame, "Hello")
			time.Sleep(time.Millisecond) // leaves the CPU to the attack
		}
		honest.closeNormally()
	}()
	attack()
	over.Store(true)
	<-ended
}

// heap is what lives on the heap after a collection.
func heapAlive() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestWebSocketFloods: clients that send what costs them little, and do not read.
func TestWebSocketFloods(t *testing.T) {
	echoes(t, func(t *testing.T, echoWith echoing, mw ...Middleware) {
		srv := &Server{LingerTimeout: 50 * time.Millisecond}
		srv.Handle("GET /", echoWith(&WebSocketConfig{Compress: true}), mw...)
		ended := make(chan error, 1)
		short := WithLimits(Limits{Write: 200 * time.Millisecond})
		srv.Handle("GET /attack", func(req *Request, resp *Response) Status {
			ws, err := resp.WebSocket(&WebSocketConfig{
				Compress: true, MaxMessage: 64 << 10, CloseTimeout: 50 * time.Millisecond,
			})
			if err != nil {
				return resp.Fail(err)
			}
			for err == nil {
				_, _, err = ws.Receive()
			}
			ended <- err
			return resp.Fail(err)
		}, append(mw, short)...)
		addr := serveTest(t, srv)
		before := heapAlive()
		for name, tt := range map[string]struct {
			bytes string // again and again
			rest  string // and then this
			want  func(err error) bool
		}{
			"pings": {frameOf(pingFrame, fill(125)), "",
				func(err error) bool { return err == ErrTimeout }},
			"nothing": {frameOf(0x00, ""), frameOf(0x80, "") + frameOf(closeFrame, ""),
				isClose(1005)},
			"small fragments": {
				frameOf(0x00, "0123456789"), "", isClose(1009),
			},
			"pongs": {frameOf(pongFrame, ""), frameOf(0x80, "") + frameOf(closeFrame, ""),
				isClose(1005)},
		} {
			alongside(t, addr, func() {
				w := openWebSocket(t, addr, "/attack", "")
				w.c.Write([]byte(frameOf(1, "")))
				many := []byte(strings.Repeat(tt.bytes, 1000))
				for range 100 {
					w.c.SetWriteDeadline(time.Now().Add(patience))
					if _, err := w.c.Write(many); err != nil {
						break
					}
				}
				w.c.Write([]byte(tt.rest))
				if err := received(t, ended); !tt.want(err) {
					t.Errorf("%s: %v", name, err)
				}
				w.c.Close()
			})
		}
		if grown := heapAlive() - before; grown > 8<<20 {
			t.Errorf("%d bytes are left", grown)
		}
	})
}

func isClose(code int) func(err error) bool {
	return func(err error) bool {
		end, ok := errors.AsType[*CloseError](err)
		return ok && end.Code == code
	}
}

// TestWebSocketLies: frames that say they are long, and messages that grow.
func TestWebSocketLies(t *testing.T) {
	echoes(t, func(t *testing.T, echoWith echoing, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", echoWith(&WebSocketConfig{Compress: true}), mw...)
		srv.Handle("GET /any", echoWith(&WebSocketConfig{MaxMessage: -1}), mw...)
		addr := serveTest(t, srv)
		w := openWebSocket(t, addr, "/", "")
		w.send("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00")
		w.wantAnswer(1009)
		w = openWebSocket(t, addr, "/", "")
		w.send("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00")
		w.wantAnswer(1002)
		before := heapAlive()
		for range 100 { // no limit, and nothing is held for what has not come
			w := openWebSocket(t, addr, "/any", "")
			w.send("\x82\xff\x0f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00only this")
			w.send("\x89\x80\x00\x00\x00\x00") // which is its payload
		}
		if grown := heapAlive() - before; grown > 10<<20 {
			t.Errorf("%d bytes for 100 lies", grown)
		}
		bomb := string(wsframe.AppendDeflated(nil, make([]byte, 32<<20), 32<<10))
		alongside(t, addr, func() {
			for range 5 {
				w := openWebSocket(t, addr, "/", offersDeflate)
				before := heapAlive()
				w.frame(0xc2, bomb)
				w.wantAnswer(1009)
				if grown := heapAlive() - before; grown > 16<<20 {
					t.Errorf("%d bytes for a bomb", grown)
				}
			}
		})
	})
}

// TestWebSocketSlowReader: Send waits for a client that does not read, and gives it up.
func TestWebSocketSlowReader(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{LingerTimeout: 50 * time.Millisecond}
		ended := make(chan error, 1)
		short := WithLimits(Limits{Write: 200 * time.Millisecond})
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ws, err := resp.WebSocket(nil)
			if err != nil {
				return resp.Fail(err)
			}
			defer func() { ended <- err }()
			for err == nil {
				err = ws.Send(BinaryMessage, make([]byte, 1<<20))
			}
			return resp.Fail(err)
		}, append(mw, short)...)
		addr := serveTest(t, srv)
		w := openWebSocket(t, addr, "/", "")
		if err := received(t, ended); err != ErrTimeout {
			t.Errorf("%v", err)
		}
		// What it has got is whole frames and the beginning of one: no close frame in the middle.
		for {
			first, payload, err := w.read()
			if err != nil {
				break
			}
			if first != binaryFrame || payload != zerosOf(1<<20) {
				t.Fatalf("%x %d bytes", first, len(payload))
			}
		}
	})
}

// TestWebSocketForeign: on a loop a WebSocket is its handler's, and nobody's after that.
func TestWebSocketForeign(t *testing.T) {
	if !onLoops {
		t.Skip("skipped: there are no loops")
	}
	srv := &Server{}
	strays := make(chan *WebSocket, 1)
	calls := func(ws *WebSocket) (errs [4]error) {
		_, _, errs[0] = ws.Receive()
		errs[1] = ws.SendText("stray")
		errs[2] = ws.Send(BinaryMessage, nil)
		errs[3] = ws.Close(1000, "")
		return errs
	}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(nil)
		if err != nil {
			return resp.Fail(err)
		}
		err = req.Await(func(context.Context) error {
			for i, err := range calls(ws) {
				if err != ErrForeign {
					t.Errorf("call %d: %v", i, err)
				}
			}
			return nil
		})
		if err != nil {
			return resp.Fail(err)
		}
		strays <- ws
		return 200
	})
	addr := serveTest(t, srv)
	w := openWebSocket(t, addr, "/", "")
	w.wantClose(1000)
	for i, err := range calls(received(t, strays)) {
		if err != ErrForeign {
			t.Errorf("after the end, call %d: %v", i, err)
		}
	}
}

// TestWebSocketStrays: goroutines that a Blocking handler leaves in Receive and in Send end with
// it.
func TestWebSocketStrays(t *testing.T) {
	srv := &Server{LingerTimeout: 50 * time.Millisecond}
	begun := make(chan *sync.WaitGroup)
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(&WebSocketConfig{CloseTimeout: 50 * time.Millisecond})
		if err != nil {
			return resp.Fail(err)
		}
		strays := new(sync.WaitGroup)
		strays.Go(func() {
			for err := error(nil); err == nil; {
				_, _, err = ws.Receive()
			}
			if _, _, err := ws.Receive(); err != ErrOver && !isClose(1000)(err) {
				t.Errorf("Receive: %v", err)
			}
		})
		for range 2 {
			strays.Go(func() {
				for err := error(nil); err == nil; {
					err = ws.Send(BinaryMessage, make([]byte, 100_000))
				}
				if err := ws.SendText("x"); err == nil {
					t.Error("a stray has sent something")
				}
			})
		}
		begun <- strays
		if err := req.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return 200
	}, Blocking, WithLimits(Limits{Write: 200 * time.Millisecond}))
	addr := serveTest(t, srv)
	goroutines := int64(runtime.NumGoroutine())
	for i := range 6 {
		w := openWebSocket(t, addr, "/", "")
		if i%2 == 0 {
			go io.Copy(io.Discard, w.c)
			w.frame(textFrame, "Hello")
		}
		received(t, begun).Wait()
		w.c.Close()
	}
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active + s.Conns.Parked
	})
	settled(t, "goroutines above before", 0, func() int64 {
		return max(int64(runtime.NumGoroutine())-goroutines-20, 0)
	})
}

// TestWebSocketConcurrent: a reader, senders and closers end at the same time as the client does,
// in every order.
func TestWebSocketConcurrent(t *testing.T) {
	srv := &Server{LingerTimeout: 50 * time.Millisecond}
	var sent atomic.Int64
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(&WebSocketConfig{Compress: true,
			CloseTimeout: 200 * time.Millisecond})
		if err != nil {
			return resp.Fail(err)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for ws.SendText(strings.Repeat("Hello ", 1+rand.IntN(200))) == nil {
					sent.Add(1)
				}
			})
		}
		for range rand.IntN(3) {
			all.Go(func() {
				time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // any moment
				_ = ws.Close(1000+rand.IntN(4), "enough")
			})
		}
		for err == nil {
			_, _, err = ws.Receive()
		}
		if rand.IntN(2) == 0 {
			all.Wait()
		}
		return resp.Fail(err)
	}, Blocking)
	addr := serveTest(t, srv)
	before := descriptors(t)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 5 {
				concurrentClient(t, addr)
			}
		})
	}
	clients.Wait()
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active + s.Conns.Parked
	})
	noMore(t, before)
	if sent.Load() == 0 {
		t.Error("nothing was sent")
	}
}

// concurrentClient reads frames that must be whole, pings, and ends in some way.
func concurrentClient(t *testing.T, addr string) {
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	w := &wsClient{client: newClient(t, c), deflate: true}
	io.WriteString(c, handshakeOf("/", offersDeflate))
	if resp, err := http.ReadResponse(w.r, nil); err != nil || resp.StatusCode != 101 {
		t.Errorf("%v %v", resp, err)
		return
	}
	n, how := rand.IntN(40), rand.IntN(3)
	for i := 0; ; i++ {
		first, payload, err := w.read()
		switch {
		case err != nil && i > n: // its end may be a reset
			return
		case err != nil:
			if how != 0 && !lostReset(err) {
				t.Error(err)
			}
			return
		case first == closeFrame:
			io.WriteString(c, frameOf(closeFrame, payload))
			return
		case first == textFrame && strings.ReplaceAll(payload, "Hello ", "") != "":
			t.Errorf("%.100q", payload)
		}
		io.WriteString(c, frameOf(pingFrame, "x"))
		if i != n {
			continue
		}
		switch how {
		case 0:
			return
		case 1:
			io.WriteString(c, frameOf(closeFrame, codeOf(1000)))
		case 2:
			io.WriteString(c, "\x81\x00")
		}
	}
}

// TestWebSocketLeavesNothing: connections that end in every way, with handlers of all kinds.
func TestWebSocketLeavesNothing(t *testing.T) {
	n := 3000
	if testing.Short() || raceDetector {
		n = 500
	}
	srv := &Server{LingerTimeout: 50 * time.Millisecond}
	cfg := &WebSocketConfig{CloseTimeout: 50 * time.Millisecond, MaxMessage: 1000}
	srv.Handle("GET /echo", echoWith(cfg))
	srv.Handle("GET /blocking", echoWith(cfg), Blocking)
	srv.Handle("GET /converse", converseWith(cfg))
	srv.Handle("GET /conversing", converseWith(cfg), Blocking)
	srv.Handle("GET /panic", func(req *Request, resp *Response) Status {
		if _, err := resp.WebSocket(cfg); err != nil {
			return resp.Fail(err)
		}
		panic("on purpose")
	})
	srv.Handle("GET /goexit", func(req *Request, resp *Response) Status {
		if _, err := resp.WebSocket(cfg); err == nil && onLoops {
			runtime.Goexit()
		}
		return 404
	})
	addr := serveTest(t, srv)
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range n / 8 {
				rudeClient(t, addr)
			}
		})
	}
	all.Wait()
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle +
			s.Conns.Active
	})
	settled(t, "parked", 0, func() int64 { return srv.Stats().Conns.Parked })
	noMore(t, before)
	fewerGoroutines(t, goroutines+50)
}

// rudeClient is one connection that ends in some way.
func rudeClient(t *testing.T, addr string) {
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	paths := []string{"/echo", "/blocking", "/converse", "/conversing", "/panic", "/goexit"}
	path := paths[rand.IntN(len(paths))]
	stream := handshakeOf(path, "") + frameOf(textFrame, "Hello") + frameOf(1, "a") +
		frameOf(pingFrame, "b") + frameOf(0x80, "c") + frameOf(binaryFrame, fill(900))
	switch rand.IntN(5) {
	case 0: // in the middle of something
		io.WriteString(c, stream[:rand.IntN(len(stream))])
	case 1: // a reset
		io.WriteString(c, stream)
		c.(tcpConn).SetLinger(0)
	case 2: // half-closed
		io.WriteString(c, stream)
		c.(tcpConn).CloseWrite()
		io.Copy(io.Discard, c)
	case 3: // a rule is broken
		io.WriteString(c, stream+"\x83\x80abcd")
		io.Copy(io.Discard, c)
	case 4: // as it should be
		io.WriteString(c, stream+frameOf(closeFrame, codeOf(1000)))
		io.Copy(io.Discard, c)
	}
}
