package examples_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// visitor is a client of examples/websocket that sends and reads short text frames.
type visitor struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

// visit opens a WebSocket under a name.
func visit(t *testing.T, s *site, name string) *visitor {
	t.Helper()
	c, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	v := &visitor{t, c, bufio.NewReader(c)}
	v.send("GET /room/" + name + " HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	a, err := http.ReadResponse(v.r, nil)
	if err != nil || a.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatal(a, err)
	}
	return v
}

func (v *visitor) send(s string) {
	v.t.Helper()
	if _, err := io.WriteString(v.c, s); err != nil {
		v.t.Fatal(err)
	}
}

// frame sends a frame, masked with zeros.
func (v *visitor) frame(first byte, payload string) {
	v.t.Helper()
	v.send(string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload)
}

// read reads a frame of less than 126 bytes.
func (v *visitor) read() (first byte, payload string) {
	v.t.Helper()
	var head [2]byte
	if _, err := io.ReadFull(v.r, head[:]); err != nil {
		v.t.Fatal(err)
	}
	b := make([]byte, head[1])
	if _, err := io.ReadFull(v.r, b); err != nil {
		v.t.Fatal(err)
	}
	return head[0], string(b)
}

func (v *visitor) want(first byte, payload string) {
	v.t.Helper()
	if f, got := v.read(); f != first || got != payload {
		v.t.Fatalf("%x %q, want %x %q", f, got, first, payload)
	}
}

// useWebSocket has two in a room, one in a browser, and one still there when the server stops.
func useWebSocket(t *testing.T, s *site) {
	const text, end = 0x81, 0x88
	ann := visit(t, s, "ann")
	ann.want(text, "ann has come")
	bob := visit(t, s, "bob")
	bob.want(text, "bob has come")
	ann.want(text, "bob has come")
	ann.frame(text, "hello")
	ann.want(text, "ann: hello")
	bob.want(text, "ann: hello")
	bob.frame(end, "\x03\xe8")
	bob.want(end, "\x03\xe8")
	ann.want(text, "bob has left")
	if a := ask(t, s.client(t), "GET", "/room/eve", nil); a.status != 426 {
		t.Errorf("without a handshake: %v", a)
	}
	t.Run("page", func(t *testing.T) {
		b := browse(t, "http://"+s.addr+"/?name=page")
		ann.want(text, "page has come")
		b.until(`document.getElementById("state").textContent === "Connected"`)
		ann.frame(text, "<b>bold</b>")
		ann.want(text, "ann: <b>bold</b>")
		b.until(`document.getElementById("log").textContent.endsWith("ann: <b>bold</b>")`)
		b.run(`document.querySelector("[name=text]").value = "κόσμε";
			document.querySelector("button").click()`)
		ann.want(text, "page: κόσμε")
		long := strings.Repeat("long ", 90) // is compressed
		b.run(`document.querySelector("[name=text]").value = "` + long + `";
			document.querySelector("button").click()`)
		b.until(`document.getElementById("log").textContent.endsWith("page: ` + long + `")`)
	})
	carl := visit(t, s, "carl")
	carl.want(text, "carl has come")
	ended := make(chan struct{})
	go func() { s.end(t); close(ended) }()
	if first, payload := carl.read(); first != end || payload != "\x03\xe9" {
		// Others may be seen to leave before.
		for first == text {
			first, payload = carl.read()
		}
		if first != end || payload != "\x03\xe9" {
			t.Errorf("at the stop: %x %q", first, payload)
		}
	}
	carl.frame(end, "\x03\xe9")
	carl.c.Close()
	ann.c.Close()
	<-ended
}
