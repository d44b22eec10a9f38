//go:build linux

package lwan

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// serveTest starts srv on a free port, and at the end of the test shuts it down and fails for what
// is left behind.
func serveTest(t testing.TB, srv *Server) string {
	t.Helper()
	if srv.Log == nil {
		srv.Log = slog.New(slog.DiscardHandler)
	}
	encryptTest(srv)
	streamTest(srv)
	if len(srv.Endpoints) == 0 {
		srv.Addr = "127.0.0.1:0"
	}
	if srv.Loops == 0 {
		srv.Loops = 2
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	select {
	case <-srv.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("ListenAndServe: %v", err)
		}
		s := srv.Stats()
		if s.Conns.Idle != 0 || s.Conns.Active != 0 || s.Conns.Parked != 0 || s.Workers != 0 {
			t.Errorf("left behind: %+v", s)
		}
		var answers int64
		for _, n := range s.Status {
			answers += n
		}
		if answers != s.Requests {
			t.Errorf("%d requests, %d answers by class", s.Requests, answers)
		}
	})
	encryptedTest(t, srv)
	streamedTest(t, srv)
	return srv.Addrs()[0].String()
}

// settled waits until value gives want, since servers take a moment to end things, and fails the
// test if it never does.
func settled(t testing.TB, what string, want int64, value func() int64) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for round := 0; value() != want; round++ {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d, want %d", what, value(), want)
		}
		if round < 100 {
			runtime.Gosched()
			continue
		}
		time.Sleep(time.Millisecond) // leaves the CPU to the tests beside this one
	}
}

func descriptors(t testing.TB) int64 {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(list))
}

// fewerGoroutines waits until there are at most that many: some may be on their way out.
func fewerGoroutines(t testing.TB, most int) {
	t.Helper()
	settled(t, fmt.Sprintf("goroutines over %d", most), 0, func() int64 {
		return int64(max(runtime.NumGoroutine()-most, 0))
	})
}

// noMore waits until there are no more descriptors than before: some of those may have been on their
// way out, of another test.
func noMore(t *testing.T, before int64) {
	t.Helper()
	settled(t, "descriptors beyond those of before", 0, func() int64 {
		return max(descriptors(t)-before, 0)
	})
}

// misbehaving are handlers that end in every way.
func misbehaving(srv *Server) {
	srv.Handle("GET /ok", func(req *Request, resp *Response) Status { return resp.Text(200, "ok") })
	srv.Handle("GET /panic", func(req *Request, resp *Response) Status { panic("on purpose") })
	srv.Handle("GET /goexit", func(req *Request, resp *Response) Status {
		runtime.Goexit()
		return 200
	})
	srv.Handle("GET /parked-panic", func(req *Request, resp *Response) Status {
		_ = req.Sleep(time.Millisecond)
		panic("after a wait")
	})
	srv.Handle("GET /parked-goexit", func(req *Request, resp *Response) Status {
		_ = req.Sleep(time.Millisecond)
		runtime.Goexit()
		return 200
	})
	srv.Handle("POST /echo", func(req *Request, resp *Response) Status {
		b, err := req.BodyBytes()
		if err != nil {
			return resp.Fail(err)
		}
		return resp.Data(200, "text/plain", b)
	})
	srv.Handle("GET /sleep", func(req *Request, resp *Response) Status {
		if err := req.Sleep(5 * time.Millisecond); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "slept")
	})
	srv.Handle("GET /forever", func(req *Request, resp *Response) Status {
		for {
			_ = req.Sleep(time.Hour) // ignores the error: it is unwound
		}
	})
	srv.Handle("GET /await", func(req *Request, resp *Response) Status {
		if err := req.Await(func(context.Context) error { return nil }); err != nil {
			return resp.Fail(err)
		}
		return resp.Text(200, "awaited")
	})
	srv.Handle("GET /blocking",
		func(req *Request, resp *Response) Status { return resp.Text(200, "blocked") }, Blocking)
	srv.Handle("GET /blocking-panic",
		func(req *Request, resp *Response) Status { panic("on a goroutine") }, Blocking)
	srv.Handle("GET /large", func(req *Request, resp *Response) Status {
		resp.SetBody(strings.Repeat("x", 300_000))
		return 200
	})
	srv.Handle("GET /stream", func(req *Request, resp *Response) Status {
		for range 20 {
			resp.WriteString(strings.Repeat("y", 5000))
			if err := resp.Flush(); err != nil {
				return resp.Fail(err)
			}
		}
		return 200
	})
}

// request sends one and reads the answer's status, or 0 if the connection ended.
func request(c net.Conn, r *bufio.Reader, path string) (status int, body string) {
	c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return 0, ""
	}
	return answer(r)
}

func answer(r *bufio.Reader) (status int, body string) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, ""
	}
	fmt.Sscanf(line, "HTTP/1.1 %d", &status)
	length := 0
	for {
		line, err = r.ReadString('\n')
		if err != nil {
			return 0, ""
		}
		if line == "\r\n" {
			break
		}
		fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, ""
	}
	return status, string(b)
}

// TestDeathsLeaveNothing: panics and Goexits in handlers, inline and parked, under load from other
// connections.
func TestDeathsLeaveNothing(t *testing.T) {
	t.Parallel()
	each := 10_000
	if testing.Short() {
		each = 2000
	}
	srv := &Server{}
	misbehaving(srv)
	addr := serveTest(t, srv)
	var wg sync.WaitGroup
	for _, path := range []string{"/panic", "/goexit"} {
		for range 4 {
			wg.Go(func() { die(t, addr, path, each/4) })
		}
	}
	wg.Wait()
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active
	})
	if n := srv.Stats().Workers; n > 100 {
		t.Errorf("%d workers", n)
	}
}

func die(t *testing.T, addr, path string, n int) {
	var c net.Conn
	var r *bufio.Reader
	for i := 0; i < n; i++ {
		if c == nil {
			var err error
			if c, err = dialServer("tcp", addr); err != nil {
				t.Error(err)
				return
			}
			r = bufio.NewReader(c)
		}
		if status, _ := request(c, r, path); status != 500 {
			t.Errorf("%s: %d", path, status)
			return
		}
		if path == "/goexit" { // its connection is closed
			c.Close()
			c = nil
			continue
		}
		if i%100 == 0 {
			if status, body := request(c, r, "/ok"); status != 200 || body != "ok" {
				t.Errorf("after a panic: %d %q", status, body)
			}
		}
	}
	if c != nil {
		c.Close()
	}
}

// TestMixedConnectionsLeaveNothing opens connections that end in every way.
func TestMixedConnectionsLeaveNothing(t *testing.T) {
	t.Parallel()
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	srv := &Server{}
	misbehaving(srv)
	addr := serveTest(t, srv)
	seed := rand.Uint64()
	t.Logf("seed %d, %d connections", seed, n)
	var wg sync.WaitGroup
	for k := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(k)))
			for range n / 16 {
				misbehave(t, addr, rnd)
			}
		})
	}
	wg.Wait()
	settled(t, "connections", 0, func() int64 {
		s := srv.Stats()
		return s.Conns.Idle + s.Conns.Active
	})
	settled(t, "parked", 0, func() int64 { return srv.Stats().Conns.Parked })
	settled(t, "requests without an answer counted", 0, func() int64 {
		s := srv.Stats()
		return s.Requests - s.Status[0] - s.Status[1] - s.Status[2] - s.Status[3] - s.Status[4] -
			s.Status[5]
	})
}

var paths = []string{"/ok", "/panic", "/goexit", "/parked-panic", "/parked-goexit", "/sleep",
	"/forever", "/await", "/blocking", "/blocking-panic", "/large", "/stream", "/none"}

// misbehave is one connection of a client that is up to no good.
func misbehave(t *testing.T, addr string, rnd *rand.Rand) {
	c, err := dialServer("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	tcp := c.(tcpConn)
	path := paths[rnd.IntN(len(paths))]
	head := "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"
	switch rnd.IntN(9) {
	case 0: // closed in the middle of the head
		io.WriteString(c, head[:rnd.IntN(len(head))])
	case 1: // in the middle of the body
		io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this")
	case 2: // reset
		io.WriteString(c, head)
		tcp.SetLinger(0)
	case 3: // half-closed; the answer is read
		io.WriteString(c, head)
		tcp.CloseWrite()
		io.Copy(io.Discard, c)
	case 4: // byte by byte
		for i := range head {
			io.WriteString(c, head[i:i+1])
		}
		tcp.CloseWrite()
		io.Copy(io.Discard, c)
	case 5: // pipelined, then gone
		io.WriteString(c, strings.Repeat(head, 1+rnd.IntN(20)))
	case 6: // garbage
		io.WriteString(c, "\x16\x03\x01\x02\x00 nothing that is HTTP\r\n\r\n")
		io.Copy(io.Discard, c)
	case 7: // chunked body, broken
		io.WriteString(c, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"5\r\nhello\r\nZZ\r\n")
		io.Copy(io.Discard, c)
	case 8: // as it should be
		if path != "/forever" {
			request(c, bufio.NewReader(c), path)
		}
	}
}
