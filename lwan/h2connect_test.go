//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// TestH2Connect: what a client of HTTP/2 sends behind a CONNECT is the tunnel's, and no content that
// the tunnel waits for: each waited for the other.
func TestH2Connect(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c) // the client's end ends it
				c.Close()
			}()
		}
	}()
	srv := &Server{Limits: Limits{Body: 1000}}
	d := &Dialer{Address: ln.Addr().String()}
	srv.Use(func(next Handler) Handler {
		return func(req *Request, resp *Response) Status {
			if req.Method() != "CONNECT" || req.Target() != "echo:1" {
				return next(req, resp)
			}
			if n := req.ContentLength(); n != 0 {
				t.Errorf("a content of %d", n)
			}
			c, err := d.Open(req)
			if err != nil {
				return resp.Fail(err)
			}
			return resp.Tunnel(200, c, Tunnel{})
		}
	})
	srv.Handle("GET /", text("here"))
	addr := serveH2(t, srv)
	client := h2Client(t)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "CONNECT", "http://"+addr, r)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "echo:1"
	const size = 2 << 20 // more than all windows
	sent, got := sha256.New(), sha256.New()
	go func() {
		for n := 0; n < size; {
			b := bytes.Repeat([]byte{byte(n >> 10), byte(n >> 15)}, 1+n%10_000)
			sent.Write(b)
			if _, err := w.Write(b); err != nil {
				t.Error(err)
				break
			}
			n += len(b)
		}
		w.Close()
	}()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(got, resp.Body); resp.StatusCode != 200 || err != nil {
		t.Errorf("%d, %v", resp.StatusCode, err)
	}
	if !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		t.Error("other bytes came back")
	}

	// one that is refused has no content either, and a length of it is malformed
	h := dialH2(t, addr)
	connect := func(id uint32, fields ...string) []byte {
		return h2bytes(h2frame.Headers, h2frame.EndHeaders, id,
			h.block("", "", append([]string{":method: CONNECT", ":authority: x:1"}, fields...)...))
	}
	h.send(connect(1), h2data(1, false, "hello"))
	if a := h.answer(1); a.status != "501" {
		t.Errorf("%s", a.status)
	}
	h.send(connect(3, "content-length: 5"), h2data(3, true, "hello"))
	if a := h.answer(3); !a.reset || a.code != h2frame.ProtocolError {
		t.Errorf("with a length: %+v", a)
	}
	h.get(5, "/")
	h.want(5, "200", "here")
}
