//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// serveH2 starts srv with one endpoint that speaks HTTP/1 and HTTP/2 in the clear.
func serveH2(t testing.TB, srv *Server) string {
	t.Helper()
	srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0", Protocols: HTTP1 | HTTP2}}
	return serveTest(t, srv)
}

// serveH2S is serveH2 over TLS.
func serveH2S(t testing.TB, srv *Server) string {
	t.Helper()
	return serveSecure(t, srv, Endpoint{Certs: certFor(t, "site"), Protocols: HTTP1 | HTTP2})[0].String()
}

// h2Config is that of a client that chooses HTTP/2.
func h2Config() *tls.Config {
	cfg := clientTLS()
	cfg.NextProtos = []string{"h2"}
	return cfg
}

// dialH2S is dialH2 over TLS.
func dialH2S(t testing.TB, addr string, settings ...uint32) *h2conn {
	t.Helper()
	c, err := tls.Dial("tcp", addr, h2Config())
	if err != nil {
		t.Fatal(err)
	}
	return prefaceH2(t, c, settings...)
}

// h2SClient is net/http's client over TLS.
func h2SClient(t testing.TB) *http.Client {
	tr := &http.Transport{TLSClientConfig: h2Config(), ForceAttemptHTTP2: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// h2Client is net/http's client with prior knowledge.
func h2Client(t testing.TB) *http.Client {
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// h2conn is a client that sends what it is told to, frame by frame.
type h2conn struct {
	net.Conn
	t   testing.TB
	in  []byte
	buf []byte
	enc *hpack.Encoder
	fb  bytes.Buffer
	dec *hpack.Decoder

	fields  []hpack.HeaderField // of the last HEADERS
	answers map[uint32]*h2answer
	leaves  bool // the server has sent GOAWAY
	quiet   bool // windows are not opened by what it reads
	initial int  // the server's window of a stream
	opened  map[uint32]int
	used    map[uint32]int // of the server's windows
}

// h2answer is what has come of one stream.
type h2answer struct {
	status  string
	interim []string
	fields  map[string]string
	trailer map[string]string
	body    []byte
	ended   bool
	reset   bool
	code    h2frame.Code
}

// over reports whether nothing more comes.
func (a *h2answer) over() bool { return a != nil && (a.ended || a.reset) }

// dialH2 connects, and sends the preface and settings: pairs of a setting and its value.
func dialH2(t testing.TB, addr string, settings ...uint32) *h2conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return prefaceH2(t, c, settings...)
}

// prefaceH2 sends the preface and settings on a connection.
func prefaceH2(t testing.TB, c net.Conn, settings ...uint32) *h2conn {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	h := newH2conn(t, c)
	h.send(append([]byte(h2frame.Preface), h2frame.AppendSettings(nil, settings...)...))
	return h
}

// newH2conn is a client on a connection, which has said nothing yet.
func newH2conn(t testing.TB, c net.Conn) *h2conn {
	h := &h2conn{Conn: c, t: t, buf: make([]byte, 64<<10), answers: map[uint32]*h2answer{},
		initial: h2frame.DefaultWindow, opened: map[uint32]int{}, used: map[uint32]int{}}
	h.enc = hpack.NewEncoder(&h.fb)
	h.dec = hpack.NewDecoder(4096, func(f hpack.HeaderField) { h.fields = append(h.fields, f) })
	return h
}

func (h *h2conn) send(b ...[]byte) {
	h.t.Helper()
	_ = h.SetWriteDeadline(time.Now().Add(60 * time.Second))
	if _, err := h.Write(bytes.Join(b, nil)); err != nil {
		h.t.Fatal(err)
	}
}

// block encodes fields "name: value"; the pseudo-fields of a GET of path come first, if there is
// one.
func (h *h2conn) block(method, path string, fields ...string) []byte {
	h.fb.Reset()
	if path != "" {
		fields = append([]string{
			":method: " + method, ":scheme: http", ":authority: x", ":path: " + path,
		}, fields...)
	}
	for _, f := range fields {
		at := strings.Index(f[1:], ": ") + 1
		if err := h.enc.WriteField(hpack.HeaderField{Name: f[:at], Value: f[at+2:]}); err != nil {
			h.t.Fatal(err)
		}
	}
	return bytes.Clone(h.fb.Bytes())
}

// headers is a HEADERS frame with all of a request's head.
func (h *h2conn) headers(id uint32, end bool, method, path string, fields ...string) []byte {
	flags := uint8(h2frame.EndHeaders)
	if end {
		flags |= h2frame.EndStream
	}
	return h2bytes(h2frame.Headers, flags, id, h.block(method, path, fields...))
}

// h2bytes is a frame.
func h2bytes(t h2frame.Type, flags uint8, id uint32, payload []byte) []byte {
	return append(h2frame.AppendHeader(nil, t, flags, id, len(payload)), payload...)
}

// data is a DATA frame.
func h2data(id uint32, end bool, payload string) []byte {
	flags := uint8(0)
	if end {
		flags = h2frame.EndStream
	}
	return h2bytes(h2frame.Data, flags, id, []byte(payload))
}

// get asks for path.
func (h *h2conn) get(id uint32, path string, fields ...string) {
	h.t.Helper()
	h.send(h.headers(id, true, "GET", path, fields...))
}

// next reads a frame; false: the connection has ended.
func (h *h2conn) next() (h2frame.Frame, bool) {
	h.t.Helper()
	for {
		f, n, bad := h2frame.Parse(h.in)
		if bad.Bad() {
			h.t.Fatal(bad)
		}
		if n > 0 {
			f.Payload = bytes.Clone(f.Payload)
			h.in = h.in[n:]
			h.take(&f)
			return f, true
		}
		_ = h.SetReadDeadline(time.Now().Add(60 * time.Second))
		m, err := h.Read(h.buf)
		h.in = append(h.in, h.buf[:m]...)
		if err, ok := err.(net.Error); ok && err.Timeout() {
			h.t.Fatal("nothing comes")
		}
		if err != nil && m == 0 {
			return h2frame.Frame{}, false
		}
	}
}

// take notes what a frame says.
func (h *h2conn) take(f *h2frame.Frame) {
	a := h.answers[f.Stream]
	if a == nil {
		a = &h2answer{fields: map[string]string{}, trailer: map[string]string{}}
		h.answers[f.Stream] = a
	}
	switch f.Type {
	case h2frame.Headers:
		h.fields = h.fields[:0]
		if _, err := h.dec.Write(f.Payload); err != nil {
			h.t.Fatal(err)
		}
		if f.Is(h2frame.EndHeaders) {
			_ = h.dec.Close()
			a.add(h.fields)
		}
		a.ended = f.Is(h2frame.EndStream)
	case h2frame.Continuation:
		if _, err := h.dec.Write(f.Payload); err != nil {
			h.t.Fatal(err)
		}
		if f.Is(h2frame.EndHeaders) {
			_ = h.dec.Close()
			a.add(h.fields)
		}
	case h2frame.Data:
		a.body = append(a.body, f.Payload...)
		if a.ended = f.Is(h2frame.EndStream); f.Length > 0 && !h.quiet {
			h.send(h2frame.AppendWindowUpdate(nil, 0, uint32(f.Length)))
			if !a.ended {
				h.send(h2frame.AppendWindowUpdate(nil, f.Stream, uint32(f.Length)))
			}
		}
	case h2frame.RstStream:
		a.reset, a.code = true, f.Code()
	case h2frame.SettingsType:
		if !f.Is(h2frame.Ack) {
			said := h2frame.DefaultSettings()
			said.Take(f.Payload)
			h.initial = int(said.Window)
			h.send(h2frame.AppendSettingsAck(nil))
		}
	case h2frame.GoAway:
		h.leaves = true
	case h2frame.WindowUpdate:
		h.opened[f.Stream] += int(f.Uint32())
	}
}

// room is how much may be sent on a stream; 0: on the connection.
func (h *h2conn) room(id uint32) int {
	initial := h2frame.DefaultWindow
	if id != 0 {
		initial = h.initial
	}
	return initial + h.opened[id] - h.used[id]
}

func (a *h2answer) add(fields []hpack.HeaderField) {
	into := a.fields
	if a.status != "" {
		into = a.trailer
	}
	for _, f := range fields {
		switch {
		case f.Name == ":status" && f.Value[0] == '1':
			a.interim = append(a.interim, f.Value)
		case f.Name == ":status":
			a.status = f.Value
		default:
			into[f.Name] = f.Value
		}
	}
}

// answer reads until the stream is over.
func (h *h2conn) answer(id uint32) *h2answer {
	h.t.Helper()
	for {
		if a := h.answers[id]; a.over() {
			return a
		}
		if f, more := h.next(); !more {
			h.t.Fatalf("the connection ends before stream %d", id)
		} else if f.Type == h2frame.GoAway && h2code(f) != h2frame.NoError {
			h.t.Fatalf("%v: %q", h2code(f), f.Payload[8:])
		}
	}
}

// want reads an answer, and fails the test if it is another one.
func (h *h2conn) want(id uint32, status, body string) *h2answer {
	h.t.Helper()
	a := h.answer(id)
	if a.status != status || string(a.body) != body {
		h.t.Fatalf("stream %d: %s, %.80q, reset %v %v; want %s, %.80q", id, a.status, a.body,
			a.reset, a.code, status, body)
	}
	return a
}

func h2code(f h2frame.Frame) h2frame.Code {
	return h2frame.Code(binary.BigEndian.Uint32(f.Payload[4:]))
}

// end reads until the connection ends, and returns what the last GOAWAY has said; "": there was
// none.
func (h *h2conn) end() (why string) {
	h.t.Helper()
	for {
		f, more := h.next()
		if !more {
			return why
		}
		if f.Type == h2frame.GoAway {
			why = fmt.Sprintf("%v: %s", h2code(f), f.Payload[8:])
		}
	}
}

// ping waits until the server has seen everything that was sent before.
func (h *h2conn) ping() {
	h.t.Helper()
	h.send(h2frame.AppendPing(nil, 0, []byte("12345678")))
	for {
		f, more := h.next()
		if !more {
			h.t.Fatal("the connection has ended")
		}
		if f.Type == h2frame.Ping && f.Is(h2frame.Ack) {
			return
		}
	}
}

// dialH2Raw connects, and sends nothing.
func dialH2Raw(t testing.TB, addr string) *h2conn {
	t.Helper()
	h := dialH2(t, addr)
	_ = h.Close() // that one was for its tables
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	h.Conn = c
	return h
}
