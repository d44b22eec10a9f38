//go:build linux

package lwan

import (
	"context"
	"errors"
	"testing"
	"time"
)

// drained opens a WebSocket at /, waits until its handler has said so, stops the server, and
// returns the code of the close frame that the client gets behind whole messages; 0: none.
func drained(t *testing.T, srv *Server, ready <-chan struct{}) (code int) {
	t.Helper()
	w := openWebSocket(t, serveTest(t, srv), "/", "")
	defer w.c.Close()
	received(t, ready)
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		stopped <- srv.Shutdown(ctx)
	}()
	for {
		first, payload, err := w.read()
		if err != nil {
			t.Logf("the client's end: %v", err)
			break
		}
		if first == closeFrame {
			code = int(payload[0])<<8 | int(payload[1])
			break
		}
	}
	w.c.Close()
	if err := received(t, stopped); err != nil {
		t.Error(err)
	}
	return code
}

// TestWebSocketDrainingWhileSending: the client is told 1001 although a goroutine sends without a
// pause, in the middle of whatever it sends.
func TestWebSocketDrainingWhileSending(t *testing.T) {
	for name, size := range map[string]int{"small": 4, "large": 300_000} {
		t.Run(name, func(t *testing.T) {
			missed := 0
			for range 20 {
				srv := &Server{}
				ready := make(chan struct{}, 1)
				srv.Handle("GET /", func(req *Request, resp *Response) Status {
					ws, err := resp.WebSocket(nil)
					if err != nil {
						return resp.Fail(err)
					}
					go func() {
						msg := make([]byte, size)
						for err := error(nil); err == nil; err = ws.Send(BinaryMessage, msg) {
							select {
							case ready <- struct{}{}: // of a large message nothing is read before
							default:
							}
						}
					}()
					_, _, err = ws.Receive()
					return resp.Fail(err)
				}, Blocking)
				if drained(t, srv, ready) != 1001 {
					missed++
				}
			}
			if missed > 0 {
				t.Errorf("%d of 20 clients were not told", missed)
			}
		})
	}
}

// TestWebSocketCloseWhileDraining: the code of a handler that closes because the server stops
// arrives.
func TestWebSocketCloseWhileDraining(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ready := make(chan struct{}, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ws, err := resp.WebSocket(nil)
			if err != nil {
				return resp.Fail(err)
			}
			ready <- struct{}{}
			if err := req.Sleep(time.Hour); err != ErrStopping {
				t.Errorf("Sleep: %v", err)
			}
			_ = ws.Close(1012, "restarting") // the client is told, which is all that is asked here
			return 200
		}, mw...)
		if code := drained(t, srv, ready); code != 1012 {
			t.Errorf("the client is told %d", code)
		}
	})
}

// TestWebSocketHardEnd: a server that is closed does not wait for clients that stay.
func TestWebSocketHardEnd(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /ws", func(req *Request, resp *Response) Status {
			ws, err := resp.WebSocket(&WebSocketConfig{CloseTimeout: time.Hour})
			if err != nil {
				return resp.Fail(err)
			}
			_, _, err = ws.Receive()
			return resp.Fail(err)
		}, mw...)
		addr, ended := serving(t, srv)
		openWebSocket(t, addr, "/ws", "")
		if err := errors.Join(srv.Close(), received(t, ended)); err != nil {
			t.Error(err)
		}
	})
}
