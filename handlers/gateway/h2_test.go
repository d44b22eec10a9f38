//go:build linux && !golwan_nethttp

package gateway

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/golwan/golwan/lwan"
)

// inTheClear lets a server speak HTTP/2 by prior knowledge.
func inTheClear(srv *lwan.Server) {
	srv.Endpoints = []lwan.Endpoint{{Addr: "127.0.0.1:0", Protocols: lwan.HTTP1 | lwan.HTTP2}}
}

// TestHTTP2ToHTTP1: what a backend gets of a request of HTTP/2 is a request of HTTP/1.1.
func TestHTTP2ToHTTP1(t *testing.T) {
	b, got := recording(t)
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}}, inTheClear)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	s.Client.Transport = tr
	for _, c := range []struct {
		content io.Reader
		framing string // of the backend's request
	}{
		{nil, ""},
		{strings.NewReader("known"), "Content-Length: 5"},
		{struct{ io.Reader }{strings.NewReader("unknown")}, "Transfer-Encoding: chunked"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/a?b=c", c.content)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "one=1; two=2; three=3") // goes out in three fields
		resp, err := s.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.ProtoMajor != 2 || resp.StatusCode != 200 {
			t.Fatalf("%s %s", resp.Proto, resp.Status)
		}
		asked := <-got
		h := fieldsOf(asked.head)
		if !strings.HasPrefix(asked.head, "POST /a?b=c HTTP/1.1\r\n") ||
			len(h["Cookie"]) != 1 || h.Get("Cookie") != "one=1; two=2; three=3" ||
			len(h["Host"]) != 1 || !strings.Contains(asked.head, c.framing) {
			t.Errorf("%q", asked.head)
		}
	}
}

// TestWebSocketOverHTTP2: the backend is asked by Upgrade, with a key, and one that shows that it
// has understood is joined to the stream; others are not.
func TestWebSocketOverHTTP2(t *testing.T) {
	for name, accept := range map[string]func(key string) string{
		"200": func(key string) string {
			sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			return base64.StdEncoding.EncodeToString(sum[:])
		},
		"502": func(string) string { return "x" },
	} {
		b := newBackend(t, func(c net.Conn, r *bufio.Reader) {
			req, err := http.ReadRequest(r)
			if err != nil || req.Header.Get("Upgrade") != "websocket" || req.Method != "GET" {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"+
				"Upgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\nfirst ",
				accept(req.Header.Get("Sec-WebSocket-Key")))
			if _, err := io.Copy(c, r); err == nil { // the client has ended its side
				_, _ = io.WriteString(c, " last")
			}
		})
		s := serveProxy(t, ProxyConfig{
			Common: Common{To: groupOf(b)}, Upgrade: []string{"websocket"},
		}, inTheClear)
		h := dialStream(t, s)
		h.send(1, 0x4, 1, h.connect()) // HEADERS
		if status := h.status(); status != name {
			t.Fatalf("%s, want %s", status, name)
		}
		if name != "200" {
			continue
		}
		text := strings.Repeat("0123456789", 1000)
		for range 5 {
			h.send(0, 0, 1, []byte(text))
		}
		h.send(0, 1, 1, nil) // the end
		if got, want := h.rest(), "first "+strings.Repeat(text, 5)+" last"; got != want {
			t.Errorf("%d bytes, want %d: %.40q", len(got), len(want), got)
		}
	}
}

// streamClient has one connection of HTTP/2, and looks at one stream of it.
type streamClient struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dialStream(t testing.TB, s *site) *streamClient {
	c := s.dial(t)
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	h := &streamClient{c, t, bufio.NewReader(c)}
	_, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	h.send(4, 0, 0, nil)                   // SETTINGS
	h.send(8, 0, 0, []byte{0, 0x10, 0, 0}) // WINDOW_UPDATE
	return h
}

// connect is the field block that asks for a WebSocket (RFC 8441).
func (h *streamClient) connect() []byte {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	for _, f := range [][2]string{
		{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"}, {":path", "/ws"},
		{":authority", "a"}, {"sec-websocket-version", "13"},
	} {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			h.t.Fatal(err)
		}
	}
	return b.Bytes()
}

func (h *streamClient) send(kind, flags byte, id uint32, payload []byte) {
	h.t.Helper()
	n := len(payload)
	b := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	b = binary.BigEndian.AppendUint32(b, id)
	if _, err := h.Write(append(b, payload...)); err != nil {
		h.t.Fatal(err)
	}
}

// next reads a frame of the stream.
func (h *streamClient) next() (kind, flags byte, payload []byte) {
	h.t.Helper()
	for {
		var head [9]byte
		if _, err := io.ReadFull(h.r, head[:]); err != nil {
			h.t.Fatal(err)
		}
		p := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(h.r, p); err != nil {
			h.t.Fatal(err)
		}
		if binary.BigEndian.Uint32(head[5:]) != 0 {
			return head[3], head[4], p
		}
	}
}

// status reads the head of the answer.
func (h *streamClient) status() string {
	h.t.Helper()
	kind, _, p := h.next()
	fields, err := hpack.NewDecoder(4096, nil).DecodeFull(p)
	if kind != 1 || err != nil || len(fields) == 0 {
		h.t.Fatalf("frame %d, %v", kind, err)
	}
	for _, f := range fields[1:] {
		switch f.Name {
		case "sec-websocket-accept", "upgrade", "connection":
			h.t.Errorf("%s in the answer", f.Name)
		}
	}
	return fields[0].Value
}

// rest reads the content up to its proper end.
func (h *streamClient) rest() string {
	h.t.Helper()
	var all []byte
	for {
		kind, flags, p := h.next()
		switch kind {
		case 0:
			all = append(all, p...)
			if flags&1 != 0 {
				return string(all)
			}
		case 3:
			h.t.Fatalf("reset: %x, after %d bytes", p, len(all))
		}
	}
}
