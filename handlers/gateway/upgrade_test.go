package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan"
)

// echoing switches to the protocol that it is asked for, or to another one, and sends back what
// comes. Its first bytes come with the head.
func echoing(t testing.TB, to string) *backend {
	return newBackend(t, func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if req.Header.Get("Upgrade") == "" {
			io.WriteString(c, plain("no upgrade, "+req.Header.Get("Connection")))
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %s\r\n"+
			"X-From: backend\r\n\r\nfirst ", to)
		io.Copy(c, r)
	})
}

const upgradeRequest = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n" +
	"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"

func TestUpgrade(t *testing.T) {
	b := echoing(t, "websocket")
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Upgrade: []string{"websocket"}})
	c := s.dial(t)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, upgradeRequest+"second ") // before the 101
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" ||
		!strings.EqualFold(resp.Header.Get("Connection"), "upgrade") ||
		resp.Header.Get("X-From") != "backend" || len(resp.Header["Upgrade"]) != 1 {
		t.Errorf("%s %q", resp.Status, resp.Header)
	}
	want := "first second "
	if st := s.group.Stats()[0]; st.Active != 1 {
		t.Errorf("%+v", st)
	}
	for i := range 100 {
		piece := strings.Repeat(itoa(i), 1000)
		io.WriteString(c, piece)
		want += piece
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Fatalf("%d: %.50q %v", i, got, err)
		}
		want = ""
	}
	c.(*net.TCPConn).CloseWrite() // the end is passed on, and comes back
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("%q %v", rest, err)
	}
	until(t, "the place is free", func() bool { return s.group.Stats()[0].Active == 0 })
	if st := s.group.Stats()[0]; st.BytesIn < 100_000 || st.BytesOut < 100_000 || st.Failed != 0 {
		t.Errorf("%+v", st)
	}
}

// TestUpgradeEnds: whoever ends, both ends are closed and the place is free.
func TestUpgradeEnds(t *testing.T) {
	b := echoing(t, "websocket")
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Upgrade: []string{"*"}})
	for _, who := range []string{"client", "backend", "client early"} {
		c := s.dial(t)
		c.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(c, upgradeRequest)
		if who != "client early" {
			if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
				t.Fatal(err)
			}
		}
		if who == "backend" {
			b.mu.Lock()
			for c := range b.open {
				c.Close()
			}
			b.mu.Unlock()
			readAll(c)
		}
		c.Close()
		until(t, who+": the place is free", func() bool { return s.group.Stats()[0].Active == 0 })
		until(t, who+": the backend's end", func() bool { return b.connections() == 0 })
	}
}

// TestUpgradeRefused: what is not allowed is not asked for, and what was not asked for is 502.
func TestUpgradeRefused(t *testing.T) {
	b := echoing(t, "other")
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}})
	closing := strings.Replace(upgradeRequest, "keep-alive", "close", 1)
	if got := s.raw(t, closing); !strings.HasSuffix(got, "no upgrade, ") {
		t.Errorf("none is allowed: %q", got)
	}
	s = serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Upgrade: []string{"h2c"}})
	if got := s.raw(t, closing); !strings.HasSuffix(got, "no upgrade, ") {
		t.Errorf("another one is allowed: %q", got)
	}
	s = serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Upgrade: []string{"*"}})
	for _, other := range []string{"h2c", "H2C", "HTTP/2.0", "TLS/1.0", "h2c, websocket"} {
		hidden := strings.Replace(closing, "websocket", other, 1)
		if got := s.raw(t, hidden); !strings.HasSuffix(got, "no upgrade, ") {
			t.Errorf("%s is among all: %q", other, got)
		}
	}
	s = serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Upgrade: []string{"websocket"}})
	if got := s.raw(t, closing); !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("another one is switched to: %q", got)
	}
	until(t, "the place is free", func() bool { return s.group.Stats()[0].Active == 0 })
}

// TestUpgradeLost: a tunnel that never begins gives its place back: middleware fails behind it.
func TestUpgradeLost(t *testing.T) {
	b := echoing(t, "websocket")
	s := serveProxy(t, ProxyConfig{Common: Common{To: groupOf(b)}, Upgrade: []string{"websocket"}},
		func(srv *lwan.Server) {
			srv.Use(func(next lwan.Handler) lwan.Handler {
				return func(req *lwan.Request, resp *lwan.Response) lwan.Status {
					next(req, resp)
					return 500
				}
			})
		})
	c := s.dial(t)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, upgradeRequest)
	if !onLoops {
		c.(*net.TCPConn).CloseWrite() // there it is over before middleware goes on
	}
	readAll(c)
	until(t, "the place is free", func() bool { return s.group.Stats()[0].Active == 0 })
	until(t, "the backend's end", func() bool { return b.connections() == 0 })
}
