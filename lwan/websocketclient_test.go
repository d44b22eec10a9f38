//go:build linux

package lwan

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/golwan/golwan/lwan/internal/wsframe"
)

const webSocketKey = "dGhlIHNhbXBsZSBub25jZQ=="

// handshakeOf asks for a WebSocket at path.
func handshakeOf(path, fields string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + webSocketKey +
		"\r\n" + fields + "\r\n"
}

const offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n"

// wsClient is a client that sends what frames it is told, right or wrong, and reads with code of
// its own.
type wsClient struct {
	*client
	answer  *http.Response
	deflate bool // it was agreed on
}

// openWebSocket opens one at path.
func openWebSocket(t testing.TB, addr, path, fields string) *wsClient {
	t.Helper()
	w := &wsClient{client: dial(t, addr)}
	w.send(handshakeOf(path, fields))
	var err error
	w.answer, err = http.ReadResponse(w.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if h := w.answer.Header; w.answer.StatusCode != 101 ||
		h.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%d %v", w.answer.StatusCode, h)
	}
	w.deflate = w.answer.Header.Get("Sec-WebSocket-Extensions") != ""
	return w
}

// frameOf is a masked frame with whatever first byte.
func frameOf(first byte, payload string) string {
	h := wsframe.Head{
		Fin: first&0x80 != 0, Reserved: first & 0x70, Op: wsframe.Opcode(first & 15),
		Length: int64(len(payload)), Masked: true,
	}
	binary.NativeEndian.PutUint32(h.Key[:], rand.Uint32())
	b := append(wsframe.AppendHead(nil, h), payload...)
	wsframe.Mask(b[len(b)-len(payload):], h.Key, 0)
	return string(b)
}

// first bytes of whole frames
const (
	textFrame, binaryFrame           = 0x81, 0x82
	closeFrame, pingFrame, pongFrame = 0x88, 0x89, 0x8a
)

func (w *wsClient) frame(first byte, payload string) {
	w.t.Helper()
	w.send(frameOf(first, payload))
}

// chopped sends s in pieces of n bytes.
func (w *wsClient) chopped(s string, n int) {
	w.t.Helper()
	for len(s) > 0 {
		k := min(n, len(s))
		w.send(s[:k])
		s = s[k:]
	}
}

// read reads a frame. A compressed one is decompressed, and its first byte is as if it was not.
func (w *wsClient) read() (first byte, payload string, err error) {
	var head [2]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return 0, "", err
	}
	if head[1]&0x80 != 0 {
		return 0, "", fmt.Errorf("a server's frame is masked")
	}
	length := uint64(head[1])
	if length >= 126 {
		var long [8]byte
		n := map[uint64]int{126: 2, 127: 8}[length]
		if _, err := io.ReadFull(w.r, long[8-n:]); err != nil {
			return 0, "", err
		}
		length = binary.BigEndian.Uint64(long[:])
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(w.r, b); err != nil {
		return 0, "", err
	}
	first = head[0]
	if first&0x40 != 0 {
		if !w.deflate {
			return 0, "", fmt.Errorf("compressed, and nobody has asked for it")
		}
		tail := strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")
		b, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(b), tail)))
		first &^= 0x40
	}
	return first, string(b), err
}

// want reads a frame and compares it.
func (w *wsClient) want(first byte, payload string) {
	w.t.Helper()
	gotFirst, got, err := w.read()
	if err != nil || gotFirst != first || got != payload {
		w.t.Fatalf("got %x %.60q of %d bytes, %v; want %x %.60q of %d bytes",
			gotFirst, got, len(got), err, first, payload, len(payload))
	}
}

// wantClose reads a close frame of code, 1005 without, answers it, and reads the end of the
// connection.
func (w *wsClient) wantClose(code int) {
	w.t.Helper()
	payload := w.readClose(code)
	w.c.Write([]byte(frameOf(closeFrame, payload))) // which may be too late
	w.wantEnd()
}

// wantAnswer reads the close frame that answers ours, and the end of the connection.
func (w *wsClient) wantAnswer(code int) {
	w.t.Helper()
	w.readClose(code)
	w.wantEnd()
}

// readClose reads a close frame of code, 1005 without.
func (w *wsClient) readClose(code int) (payload string) {
	w.t.Helper()
	first, payload, err := w.read()
	got := 1005
	if len(payload) >= 2 {
		got = int(binary.BigEndian.Uint16([]byte(payload)))
	}
	if err != nil || first != closeFrame || got != code {
		w.t.Fatalf("%x %q %v, want a close frame of %d", first, payload, err, code)
	}
	return payload
}

// wantEnd reads the end of the connection.
func (w *wsClient) wantEnd() {
	w.t.Helper()
	if rest, err := io.ReadAll(w.r); len(rest) > 0 || err != nil {
		w.t.Fatalf("at the end: %q %v", rest, err)
	}
}

// closeNormally closes, and waits for the answer.
func (w *wsClient) closeNormally() {
	w.t.Helper()
	w.frame(closeFrame, "\x03\xe8bye")
	w.want(closeFrame, "\x03\xe8")
	w.wantEnd()
}

// code is the payload of a close frame.
func codeOf(code int) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code)))
}

// echoWith is a handler that sends each message back.
func echoWith(cfg *WebSocketConfig) Handler {
	return func(req *Request, resp *Response) Status {
		ws, err := resp.WebSocket(cfg)
		if err != nil {
			return resp.Fail(err)
		}
		for {
			kind, msg, err := ws.Receive()
			if err != nil {
				return resp.Fail(err)
			}
			if err := ws.Send(kind, msg); err != nil {
				return resp.Fail(err)
			}
		}
	}
}

// converseWith is echoWith by a Conversation.
func converseWith(cfg *WebSocketConfig) Handler {
	talk := &Conversation{
		Message: func(m *Message) error { return m.Reply(m.Kind(), m.Bytes()) },
	}
	return func(req *Request, resp *Response) Status { return resp.Converse(cfg, talk) }
}

type echoing func(cfg *WebSocketConfig) Handler

// echoes runs a test with each kind of handler that sends messages back.
func echoes(t *testing.T, test func(t *testing.T, echoWith echoing, mw ...Middleware)) {
	for name, echo := range map[string]echoing{"receive": echoWith, "converse": converseWith} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, mw ...Middleware) { test(t, echo, mw...) })
		})
	}
}
