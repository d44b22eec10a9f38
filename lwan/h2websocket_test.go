//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// openH2WebSocket opens a WebSocket over HTTP/2 (RFC 8441).
func openH2WebSocket(t testing.TB, addr, path, fields string) *wsClient {
	t.Helper()
	h := dialH2(t, addr)
	a := h.connect(1, path, fields)
	if a.status != "200" || a.over() || a.fields["sec-websocket-accept"] != "" {
		t.Fatalf("%+v", a)
	}
	return &wsClient{
		client:  newClient(t, &h2socket{h2conn: h, id: 1}),
		deflate: a.fields["sec-websocket-extensions"] != "",
	}
}

// connect asks for a WebSocket, and reads the head of the answer. fields are lines as HTTP/1 has
// them.
func (h *h2conn) connect(id uint32, path, fields string) *h2answer {
	h.t.Helper()
	all := []string{
		":method: CONNECT", ":protocol: websocket", ":scheme: http", ":path: " + path,
		":authority: example.com", "sec-websocket-version: 13",
	}
	for line := range strings.SplitSeq(strings.TrimSpace(fields), "\r\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			all = append(all, strings.ToLower(name)+": "+value)
		}
	}
	h.send(h2bytes(h2frame.Headers, h2frame.EndHeaders, id, h.block("", "", all...)))
	for h.answers[id] == nil || h.answers[id].status == "" {
		if _, more := h.next(); !more {
			h.t.Fatal("the connection has ended")
		}
	}
	return h.answers[id]
}

// h2socket is a stream as a connection, for one goroutine.
type h2socket struct {
	*h2conn
	id  uint32
	pos int // in what has come
}

// Read implements net.Conn.
func (s *h2socket) Read(p []byte) (int, error) {
	for a := s.answers[s.id]; ; {
		switch {
		case s.pos < len(a.body):
			n := copy(p, a.body[s.pos:])
			s.pos += n
			return n, nil
		case a.ended:
			return 0, io.EOF
		case a.reset:
			return 0, fmt.Errorf("reset: %v", a.code)
		}
		if _, more := s.next(); !more {
			return 0, io.ErrUnexpectedEOF
		}
	}
}

// Write implements net.Conn: as the server's windows allow.
func (s *h2socket) Write(p []byte) (done int, err error) {
	for done < len(p) {
		room := min(len(p)-done, h2frame.MaxFrame, s.room(0), s.room(s.id))
		switch a := s.answers[s.id]; {
		case a.over():
			return done, io.ErrClosedPipe
		case room > 0:
			s.send(h2data(s.id, false, string(p[done:done+room])))
			s.used[0] += room
			s.used[s.id] += room
			done += room
		default:
			if _, more := s.next(); !more {
				return done, io.ErrUnexpectedEOF
			}
		}
	}
	return done, nil
}

// TestH2WebSocketCases: what is said in frames is the same on a stream.
func TestH2WebSocketCases(t *testing.T) {
	t.Parallel()
	cases := allCases()
	if testing.Short() {
		cases = append(framingCases(), closeCases()...)
	}
	runCasesOver(t, serveH2, openH2WebSocket, nil, "", cases)
	runCasesOver(t, serveH2, openH2WebSocket, &WebSocketConfig{Compress: true}, offersDeflate,
		framingCases())
}

// TestH2WebSocketHandshake: what is refused is answered, and the connection goes on.
func TestH2WebSocketHandshake(t *testing.T) {
	echoes(t, func(t *testing.T, echoWith echoing, mw ...Middleware) {
		srv := &Server{}
		srv.Handle("/", echoWith(&WebSocketConfig{Subprotocols: []string{"v2"}}), mw...)
		srv.Handle("GET /page", text("no WebSocket"), mw...)
		h := dialH2(t, serveH2(t, srv))
		for i, c := range []struct {
			path, fields string
			status       string
		}{
			{"/page", "", "501"}, {"/", "Origin: https://evil.example\r\n", "403"}, {"/none", "", "200"},
			{"/", "Sec-WebSocket-Extensions: a b\r\n", "400"}, {"/", "", "200"},
			{"/", "Sec-WebSocket-Protocol: v2\r\n", "200"},
		} {
			id := uint32(2*i + 1)
			a := h.connect(id, c.path, c.fields)
			if a.status != c.status {
				t.Errorf("%s %s: %s", c.path, c.fields, a.status)
			}
			if got := a.fields["sec-websocket-protocol"]; (got != "") !=
				strings.Contains(c.fields, "v2") {
				t.Errorf("%s %s: %q", c.path, c.fields, got)
			}
			if !a.over() {
				h.send(h2frame.AppendRstStream(nil, id, h2frame.Cancel))
			}
		}
	})
	srv := &Server{}
	srv.Handle("/", text("here"))
	h := dialH2(t, serveH2(t, srv))
	for i, c := range []struct{ fields, want string }{
		{":method: CONNECT|:protocol: websocket|:scheme: http|:path: /|:authority: x", "501"},
		{":method: CONNECT|:protocol: telnet|:scheme: http|:path: /|:authority: x", "501"},
		{":method: GET|:protocol: websocket|:scheme: http|:path: /|:authority: x", "PROTOCOL_ERROR"},
		{":method: CONNECT|:protocol: websocket|:scheme: http|:path: /", "PROTOCOL_ERROR"},
		{":method: CONNECT|:protocol: websocket|:path: /|:authority: x", "PROTOCOL_ERROR"},
		{":method: CONNECT|:protocol: websocket|:scheme: http|:path: /|:authority: x|" +
			"content-length: 1", "PROTOCOL_ERROR"},
	} {
		id := uint32(2*i + 1)
		h.send(h2bytes(h2frame.Headers, h2frame.EndHeaders, id,
			h.block("", "", strings.Split(c.fields, "|")...)))
		if a := h.answer(id); a.status != c.want && (!a.reset || a.code.String() != c.want) {
			t.Errorf("%s: %s, %v", c.fields, a.status, a.code)
		}
	}
}

// TestH2WebSocketEnds: a reset, the end of the client's side, and a drain end it, and its connection
// goes on.
func TestH2WebSocketEnds(t *testing.T) {
	both(t, func(t *testing.T, mw ...Middleware) {
		for _, how := range []string{"reset", "end", "drain"} {
			srv := &Server{}
			ends := make(chan error, 1)
			srv.Handle("GET /receive", func(req *Request, resp *Response) Status {
				ws, err := resp.WebSocket(nil)
				if err != nil {
					return resp.Fail(err)
				}
				if err = ws.SendText("hello"); err == nil {
					_, _, err = ws.Receive()
				}
				ends <- err
				return resp.Fail(err)
			}, mw...)
			srv.Handle("GET /converse", func(req *Request, resp *Response) Status {
				return resp.Converse(nil, &Conversation{
					Open:    func(s *Socket) { _ = s.Push(TextMessage, []byte("hello")) },
					Message: func(*Message) error { return nil },
					Closed:  func(_ *Socket, cause error) { ends <- cause },
				})
			}, mw...)
			srv.Handle("GET /", text("here"))
			h := dialH2(t, serveH2(t, srv))
			for i, path := range []string{"/receive", "/converse"} {
				id := uint32(4*i + 1)
				h.send(h2bytes(h2frame.Headers, h2frame.EndHeaders, id, h.block("", "",
					":method: CONNECT", ":protocol: websocket", ":scheme: http", ":path: "+path,
					":authority: x", "sec-websocket-version: 13")))
				h.until(id, 7)
				if how == "drain" {
					continue
				}
				if how == "reset" {
					h.send(h2frame.AppendRstStream(nil, id, h2frame.Cancel))
				} else {
					h.send(h2data(id, true, ""))
				}
				if err := received(t, ends); err != ErrGone {
					t.Errorf("%s, %s: %v", path, how, err)
				}
				h.get(id+2, "/")
				h.want(id+2, "200", "here")
			}
			if how == "drain" {
				over := make(chan error, 1)
				go func() { over <- srv.Shutdown(context.Background()) }()
				for _, id := range []uint32{1, 5} {
					for len(h.answers[id].body) < 11 {
						if _, more := h.next(); !more {
							t.Fatal("the connection has ended")
						}
					}
					if got := h.answers[id].body[7:11]; string(got) != "\x88\x02\x03\xe9" { // 1001
						t.Errorf("%q", got)
					}
					h.send(h2data(id, true, frameOf(closeFrame, "\x03\xe9")))
					if err := received(t, ends); err != ErrStopping {
						t.Error(err)
					}
				}
				h.Close()
				if err := received(t, over); err != nil {
					t.Error(err)
				}
			}
			h.Close()
		}
	})
}
