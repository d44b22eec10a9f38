//go:build linux

package lwan

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// dialFrom connects from an address of the loopback network.
func dialFrom(t *testing.T, addr, host string) *client {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return newClient(t, c)
}

// refused fails unless the connection is answered with 503 and closed, although it has sent a
// request.
func (w *client) refused() {
	w.t.Helper()
	w.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	a := w.answer("GET")
	if a.status != 503 || !a.close || a.header.Get("Retry-After") != "1" {
		w.t.Errorf("%v", a)
	}
	w.ended()
}

// TestMaxConnsPerAddr: one connection more than an address may have is refused, others are served,
// and there is room again once one is closed.
func TestMaxConnsPerAddr(t *testing.T) {
	inTheClear(t, "a refusal in the clear is none")
	srv := &Server{MaxConnsPerAddr: 3}
	srv.Handle("GET /", text("hello"))
	addr := serveTest(t, srv)
	var open []*client
	for range 3 {
		w := dialFrom(t, addr, "127.0.0.1")
		w.open("/")
		open = append(open, w)
	}
	dialFrom(t, addr, "127.0.0.1").refused()
	other := dialFrom(t, addr, "127.0.0.2")
	other.open("/")
	settled(t, "rejected", 1, func() int64 { return srv.Stats().Rejected })
	for _, w := range open {
		w.open("/")
	}
	open[0].c.Close()
	settled(t, "connections", 3, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active
	})
	dialFrom(t, addr, "127.0.0.1").open("/")
	dialFrom(t, addr, "127.0.0.1").refused()
}

// TestMaxConnsPerAddrOnUnixSockets: they have no address.
func TestMaxConnsPerAddrOnUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &Server{MaxConnsPerAddr: 1, Endpoints: []Endpoint{{Listener: ln}}}
	srv.Handle("GET /", text("hello"))
	serveTest(t, srv)
	for range 4 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		newClient(t, c).open("/")
	}
}

// TestMaxRequests: the last answer of a connection says so, and it is closed; what comes behind it
// is not answered.
func TestMaxRequests(t *testing.T) {
	const most = 5
	srv := &Server{MaxRequests: most}
	srv.Handle("GET /{i}", func(req *Request, resp *Response) Status {
		return resp.Text(200, req.Param("i"))
	})
	srv.Handle("POST /echo", echo)
	addr := serveTest(t, srv)
	request := func(i int) string { return fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i) }
	expect := func(w *client, i int) {
		t.Helper()
		if a := w.want("GET", 200, fmt.Sprint(i)); a.close != (i == most) {
			t.Errorf("answer %d: close %v", i, a.close)
		}
	}
	one, together, slow := dial(t, addr), dial(t, addr), dial(t, addr)
	// one after the other: the count outlives the time in which the connection is idle
	for i := 1; i <= most; i++ {
		one.send(request(i))
		expect(one, i)
	}
	one.ended()
	var all strings.Builder
	for i := 1; i <= most+3; i++ {
		all.WriteString(request(i))
	}
	together.send(all.String())
	for i := 1; i <= most; i++ {
		expect(together, i)
	}
	together.ended()
	for i := 1; i <= most; i++ { // in pieces: half a request is none
		raw := request(i)
		for _, piece := range []string{raw[:3], raw[3:20], raw[20:]} {
			slow.send(piece)
		}
		expect(slow, i)
	}
	slow.ended()
	again := dial(t, addr) // the count is the connection's, not the descriptor's
	for range most - 1 {
		again.open("/1")
	}
	again.send(post("/echo", "the last"))
	if a := again.want("POST", 200, "the last"); !a.close {
		t.Errorf("%v", a)
	}
	again.ended()
}

// TestNegativeIsNone: what is no limit of one request is taken away by a negative value too.
func TestNegativeIsNone(t *testing.T) {
	srv := &Server{
		MaxPipelined: -1, MaxRequests: -1, MaxConns: -1, MaxConnsPerAddr: -1, Goroutines: -1,
		HeaderTimeout: -1, IdleTimeout: -1, LingerTimeout: -1, DrainTimeout: -1, StallAfter: -1,
		TakeOverAfter: -1, Loops: 1,
	}
	srv.Handle("GET /", text("hello"), Blocking)
	addr := serveTest(t, srv)
	w := dial(t, addr)
	const many = 200
	w.send(strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", many))
	for range many {
		w.want("GET", 200, "hello")
	}
	for range 20 {
		dial(t, addr).open("/")
	}
}

// TestMaxConnsPerAddrOfAnEndpoint: its connections are counted by themselves, and its limit is none
// for others.
func TestMaxConnsPerAddrOfAnEndpoint(t *testing.T) {
	inTheClear(t, "a refusal in the clear is none")
	srv := &Server{MaxConnsPerAddr: 2, Endpoints: []Endpoint{
		{Addr: "127.0.0.1:0"}, {Addr: "127.0.0.1:0", MaxConnsPerAddr: 1},
	}}
	srv.Handle("GET /", text("hello"))
	serveTest(t, srv)
	common, own := srv.Addrs()[0].String(), srv.Addrs()[1].String()
	dialFrom(t, own, "127.0.0.1").open("/")
	dialFrom(t, own, "127.0.0.1").refused()
	dialFrom(t, own, "127.0.0.2").open("/")
	for range 2 {
		dialFrom(t, common, "127.0.0.1").open("/")
	}
	dialFrom(t, common, "127.0.0.1").refused()
}
