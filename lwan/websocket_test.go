//go:build linux

package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestWebSocketEcho is the whole of it: messages both ways, and an end in order.
func TestWebSocketEcho(t *testing.T) {
	echoes(t, func(t *testing.T, echoWith echoing, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("GET /", echoWith(nil), mw...)
		addr := serveTest(t, srv)
		w := openWebSocket(t, addr, "/", "")
		for _, s := range []string{"", "Hello", "κόσμε", strings.Repeat("x", 5000),
			strings.Repeat("y", 300_000)} {
			w.frame(textFrame, s)
			w.want(textFrame, s)
			w.frame(binaryFrame, s+"\xff")
			w.want(binaryFrame, s+"\xff")
		}
		w.frame(pingFrame, "are you there?")
		w.want(pongFrame, "are you there?")
		w.closeNormally()
		// With the head, before anybody has answered.
		early := &wsClient{client: dial(t, addr)}
		early.send(handshakeOf("/", "") + frameOf(textFrame, "early"))
		if resp, err := http.ReadResponse(early.r, nil); err != nil || resp.StatusCode != 101 {
			t.Fatal(resp, err)
		}
		early.want(textFrame, "early")
		early.closeNormally()
	})
}

// TestWebSocketHandshake: what is refused is answered as any request, and the connection goes on.
func TestWebSocketHandshake(t *testing.T) {
	echoes(t, func(t *testing.T, echoWith echoing, mw ...Middleware) {
		srv := &Server{}
		cfg := &WebSocketConfig{
			Subprotocols: []string{"v2", "v1"}, Compress: true,
			Origins: []string{"https://app.example.org", "https://*.example.net"},
		}
		srv.Handle("/", echoWith(cfg), mw...)
		srv.Handle("/wrong", echoWith(&WebSocketConfig{Origins: []string{"example.org"}}), mw...)
		srv.Handle("/any", echoWith(&WebSocketConfig{Origins: []string{"*"}}), mw...)
		addr := serveTest(t, srv)
		ask := handshakeOf("/", "")
		for _, tt := range []struct {
			raw    string
			status int
			field  string
		}{
			{get1("/"), 426, "Upgrade: websocket"},
			{strings.Replace(ask, "GET", "POST", 1), 426, "Upgrade: websocket"},
			{strings.Replace(ask, "Upgrade: websocket", "Upgrade: h2c", 1), 426,
				"Upgrade: websocket"},
			{strings.Replace(ask, "Connection: Upgrade", "X: y", 1), 426, "Upgrade: websocket"},
			{strings.Replace(ask, "Version: 13", "Version: 8", 1), 426,
				"Sec-Websocket-Version: 13"},
			{strings.Replace(ask, "Sec-WebSocket-Version: 13\r\n", "", 1), 426,
				"Sec-Websocket-Version: 13"},
			{strings.Replace(ask, webSocketKey, "c2hvcnQ=", 1), 400, ""},
			{strings.Replace(ask, webSocketKey, "", 1), 400, ""},
			{handshakeOf("/", "Sec-WebSocket-Extensions: a b\r\n"), 400, ""},
			{handshakeOf("/", "Origin: https://evil.example\r\n"), 403, ""},
			{handshakeOf("/", "Origin: https://example.com.evil.example\r\n"), 403, ""},
			{handshakeOf("/", "Origin: http://app.example.org\r\n"), 403, ""},
			{handshakeOf("/", "Origin: https://example.net\r\n"), 403, ""},
			{handshakeOf("/", "Origin: https://badexample.net\r\n"), 403, ""},
			{handshakeOf("/", "Origin: null\r\n"), 403, ""},
			{handshakeOf("/", "Origin: https://example.com:8443\r\n"), 403, ""},
			{handshakeOf("/wrong", ""), 500, ""},
		} {
			a := once(t, addr, "GET", tt.raw)
			name, value, _ := strings.Cut(tt.field, ": ")
			if a.status != tt.status || a.header.Get(name) != value ||
				a.header.Get("Sec-WebSocket-Accept") != "" {
				t.Errorf("%q: %v, want %d %s", tt.raw, a, tt.status, tt.field)
			}
		}
		for fields, want := range map[string]string{
			"":                                                "",
			"Origin: https://app.example.org\r\n":             "",
			"Origin: HTTPS://APP.example.org\r\n":             "",
			"Origin: https://a.b.example.net\r\n":             "",
			"Origin: http://example.com\r\n":                  "",
			"Origin: https://Example.com:443\r\n":             "",
			"Sec-WebSocket-Protocol: v1, v2\r\n":              "v2",
			"Sec-WebSocket-Protocol: v3,v1 \r\n":              "v1",
			"Sec-WebSocket-Protocol: V1\r\n":                  "",
			"Sec-WebSocket-Extensions: x; y=z\r\n":            "",
			offersDeflate:                                     "deflate",
			"Sec-WebSocket-Extensions: x\r\n" + offersDeflate: "deflate",
		} {
			w := openWebSocket(t, addr, "/", fields)
			got := w.answer.Header.Get("Sec-WebSocket-Protocol")
			if w.deflate {
				got = "deflate"
			}
			if got != want {
				t.Errorf("%q: %q, want %q", fields, got, want)
			}
			w.frame(textFrame, "Hello")
			w.want(textFrame, "Hello")
		}
		w := openWebSocket(t, addr, "/any", "Origin: null\r\n"+offersDeflate)
		if w.deflate {
			t.Error("compressed, and the program does not want it")
		}
	})
}

// TestWebSocketSubprotocol is known to the handler.
func TestWebSocketSubprotocol(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(&WebSocketConfig{Subprotocols: []string{"chat"}})
		if err != nil {
			return resp.Fail(err)
		}
		if err := ws.SendText(ws.Subprotocol()); err != nil {
			return resp.Fail(err)
		}
		return 200
	})
	w := openWebSocket(t, serveTest(t, srv), "/", "Sec-WebSocket-Protocol: chat\r\n")
	w.want(textFrame, "chat")
	w.wantClose(1000)
}

// TestWebSocketEnds: whatever becomes of the handler, the client is told with a code.
func TestWebSocketEnds(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		for path, end := range map[string]func(ws *WebSocket, resp *Response) Status{
			"/returns": func(ws *WebSocket, resp *Response) Status { return 200 },
			"/fails": func(ws *WebSocket,
				resp *Response) Status {
				return resp.Fail(errors.New("x"))
			},
			"/refuses": func(ws *WebSocket, resp *Response) Status { return 404 },
			"/panics":  func(ws *WebSocket, resp *Response) Status { panic("on purpose") },
			"/goexit":  func(ws *WebSocket, resp *Response) Status { runtime.Goexit(); return 200 },
			"/closes": func(ws *WebSocket, resp *Response) Status {
				if err := ws.Close(4321, "enough"); err != nil {
					return resp.Fail(err)
				}
				return 500 // changes nothing
			},
		} {
			srv.Handle("GET "+path, func(req *Request, resp *Response) Status {
				ws, err := resp.WebSocket(nil)
				if err != nil {
					return resp.Fail(err)
				}
				if _, _, err := ws.Receive(); err != nil {
					return resp.Fail(err)
				}
				return end(ws, resp)
			}, mw...)
		}
		addr := serveTest(t, srv)
		for path, code := range map[string]int{
			"/returns": 1000, "/fails": 1011, "/refuses": 1000, "/panics": 1011, "/goexit": 1011,
			"/closes": 4321,
		} {
			w := openWebSocket(t, addr, path, "")
			w.frame(textFrame, "go")
			w.wantClose(code)
			w.c.Close()
		}
		settled(t, "connections", 0, func() int64 {
			s := srv.Stats()
			return s.Conns.Idle +
				s.Conns.Active
		})
	})
}

// TestWebSocketEndIsTold: what Receive says of each end, and Send and Close afterwards.
func TestWebSocketEndIsTold(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		told := make(chan string, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			ws, err := resp.WebSocket(&WebSocketConfig{MaxMessage: 10})
			if err != nil {
				return resp.Fail(err)
			}
			var got error
			for got == nil {
				_, _, got = ws.Receive()
			}
			after := ws.SendText("x")
			closing := ws.Close(1000, "")
			told <- fmt.Sprint(got, "|", after == got, "|", closing == got, "|", resp.Fail(got))
			return 200
		}, mw...)
		addr := serveTest(t, srv)
		for _, tt := range []struct {
			name string
			do   func(w *wsClient)
			want string
		}{
			{"closed", func(w *wsClient) { w.frame(closeFrame, codeOf(4000)+"why") },
				"lwan: the WebSocket was closed with 4000: why|true|true|499"},
			{"without a code", func(w *wsClient) { w.frame(closeFrame, "") },
				"lwan: the WebSocket was closed with 1005|true|true|499"},
			{"rule broken", func(w *wsClient) { w.send("\x81\x00") },
				"lwan: the WebSocket was closed with 1002: frame without a mask|true|true|400"},
			{"too big", func(w *wsClient) { w.frame(binaryFrame, fill(11)) },
				"lwan: the WebSocket was closed with 1009: message is too big|true|true|413"},
			{"no text", func(w *wsClient) { w.frame(textFrame, "\xff") },
				"lwan: the WebSocket was closed with 1007: text is not UTF-8|true|true|400"},
			{"left", func(w *wsClient) { w.c.Close() }, "lwan: the client has left|true|true|499"},
		} {
			w := openWebSocket(t, addr, "/", "")
			w.frame(textFrame, "first")
			tt.do(w)
			// Who has left is one that may not be waited for: the handler is unwound in Send.
			if got := received(t, told); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

// TestWebSocketUnwound: a handler that does not listen to the end does not go on for ever.
func TestWebSocketUnwound(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{}
		ended := make(chan struct{}, 1)
		srv.Handle("GET /", func(req *Request, resp *Response) Status {
			defer func() { ended <- struct{}{} }()
			ws, err := resp.WebSocket(nil)
			if err != nil {
				return resp.Fail(err)
			}
			for {
				_, _, _ = ws.Receive()
			}
		}, mw...)
		addr := serveTest(t, srv)
		openWebSocket(t, addr, "/", "").closeNormally()
		received(t, ended)
		openWebSocket(t, addr, "/", "").c.Close()
		received(t, ended)
	})
}

// TestWebSocketDraining: a stop ends the waits, and the client is told 1001.
func TestWebSocketDraining(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		for _, wait := range []string{"Receive", "Sleep"} {
			srv := &Server{}
			waiting, ended := make(chan struct{}, 1), make(chan error, 1)
			srv.Handle("GET /", func(req *Request, resp *Response) Status {
				ws, err := resp.WebSocket(nil)
				if err != nil {
					return resp.Fail(err)
				}
				if err := ws.SendText("Hello"); err != nil {
					return resp.Fail(err)
				}
				waiting <- struct{}{}
				if wait == "Sleep" {
					err = req.Sleep(time.Hour)
				} else {
					_, _, err = ws.Receive()
				}
				ended <- err
				return resp.Fail(err)
			}, mw...)
			addr := serveTest(t, srv)
			w := openWebSocket(t, addr, "/", "")
			w.want(textFrame, "Hello")
			received(t, waiting)
			stopped := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				stopped <- srv.Shutdown(ctx)
			}()
			if err := received(t, ended); err != ErrStopping {
				t.Errorf("%s: %v", wait, err)
			}
			w.wantClose(1001)
			w.c.Close()
			if err := received(t, stopped); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestWebSocketPing: a silent client is asked, and given up if it does not answer.
func TestWebSocketPing(t *testing.T) {
	srv := &Server{}
	ended := make(chan error, 2)
	silent := func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(&WebSocketConfig{Ping: time.Millisecond}) // is a second
		if err != nil {
			return resp.Fail(err)
		}
		_, _, err = ws.Receive()
		ended <- err
		return resp.Fail(err)
	}
	srv.Handle("GET /inline", silent)
	srv.Handle("GET /blocking", silent, Blocking)
	addr := serveTest(t, srv)
	clients := []*wsClient{
		openWebSocket(t, addr, "/inline", ""), openWebSocket(t, addr, "/blocking", ""),
	}
	for _, w := range clients {
		w.want(pingFrame, "")
		w.frame(pongFrame, "")
	}
	for _, w := range clients {
		w.want(pingFrame, "")
		if err := received(t, ended); err != ErrTimeout {
			t.Errorf("%v", err)
		}
		w.wantEnd()
		w.c.Close()
	}
}

// TestWebSocketCloseTimeout: a client that does not answer holds nobody up.
func TestWebSocketCloseTimeout(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		srv := &Server{LingerTimeout: 10 * time.Millisecond}
		ended := make(chan error, 1)
		for path, closes := range map[string]bool{"/close": true, "/return": false} {
			srv.Handle("GET "+path, func(req *Request, resp *Response) Status {
				cfg := &WebSocketConfig{CloseTimeout: 50 * time.Millisecond}
				ws, err := resp.WebSocket(cfg)
				if err != nil {
					return resp.Fail(err)
				}
				if closes {
					ended <- ws.Close(1000, "")
				}
				return 200
			}, mw...)
		}
		addr := serveTest(t, srv)
		for _, path := range []string{"/close", "/return"} {
			w := openWebSocket(t, addr, path, "")
			w.frame(textFrame, "more") // which is no answer
			w.want(closeFrame, codeOf(1000))
			if path == "/close" {
				if err := received(t, ended); err != ErrTimeout {
					t.Errorf("%v", err)
				}
			}
			if _, err := io.Copy(io.Discard, w.r); err != nil && !lostReset(err) {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

// lostReset reports whether the connection was reset, as one with unread bytes is at its end.
func lostReset(err error) bool { return strings.Contains(err.Error(), "reset by peer") }

// TestWebSocketArguments: what cannot be sent is an error, and nothing has left.
func TestWebSocketArguments(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /", func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(nil)
		if err != nil {
			return resp.Fail(err)
		}
		for what, err := range map[string]error{
			"kind":   ws.Send(3, nil),
			"text":   ws.Send(TextMessage, []byte("\xff")),
			"string": ws.SendText("\xff"),
			"1005":   ws.Close(1005, ""),
			"0":      ws.Close(0, ""),
			"5000":   ws.Close(5000, ""),
			"reason": ws.Close(1000, fill(124)),
			"UTF-8":  ws.Close(1000, "\xff"),
		} {
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		if _, err := resp.WebSocket(nil); err != ErrHeadSent {
			t.Errorf("a second one: %v", err)
		}
		if err := ws.SendText("first"); err != nil {
			t.Error(err)
		}
		return 200
	})
	w := openWebSocket(t, serveTest(t, srv), "/", "")
	w.want(textFrame, "first")
	w.wantClose(1000)
}
