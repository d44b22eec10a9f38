package lwan

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// serveConns serves fn on a connection of its own, beside HTTP, and returns the addresses of both.
func serveConns(t testing.TB, srv *Server, fn func(*Conn), more ...Endpoint) []net.Addr {
	t.Helper()
	ends := append([]Endpoint{{Conn: fn}, {}}, more...)
	return serveSecure(t, srv, ends...)
}

// talker is a client of a served connection.
type talker struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func talkTo(t testing.TB, addr net.Addr) *talker {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return newTalker(t, conn)
}

func newTalker(t testing.TB, conn net.Conn) *talker {
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &talker{t, conn, bufio.NewReader(conn)}
}

func (c *talker) say(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

func (c *talker) want(line string) {
	c.t.Helper()
	if got, err := c.r.ReadString('\n'); err != nil || got != line+"\n" {
		c.t.Fatalf("%q, %v; want %q", got, err, line)
	}
}

func (c *talker) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("%q, %v; want the end", rest, err)
	}
}

// halfClose ends the client's side.
func (c *talker) halfClose() {
	c.t.Helper()
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.t.Fatal(err)
	}
}

// greetAndEcho speaks first, and answers lines until the end, which it answers, too.
func greetAndEcho(c *Conn) {
	fmt.Fprintln(c, "hello")
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		switch {
		case err == io.EOF:
			fmt.Fprintln(c, "bye", len(line))
			return
		case err != nil:
			fmt.Fprintln(c, "error", err)
			return
		}
		fmt.Fprint(c, "you said ", line)
	}
}

// TestEndpointConn: the server speaks first; a client that has ended its side is answered; the
// counts of requests know nothing of it, and HTTP goes on beside it.
func TestEndpointConn(t *testing.T) {
	srv := &Server{Loops: 2}
	srv.Handle("GET /", func(_ *Request, resp *Response) Status { return resp.Text(200, "http") })
	addrs := serveConns(t, srv, greetAndEcho)
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			c := talkTo(t, addrs[0])
			for i := range 20 {
				if i == 0 {
					c.want("hello")
				}
				c.say(fmt.Sprintln("line", i))
				c.want(fmt.Sprint("you said line ", i))
			}
			c.say("rest")
			c.halfClose()
			c.want("bye 4")
			c.wantEnd()
		})
	}
	all.Wait()
	h := talkTo(t, addrs[1])
	h.say("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if b, err := io.ReadAll(h); err != nil || !strings.HasSuffix(string(b), "http") {
		t.Fatalf("%q, %v", b, err)
	}
	if n := srv.Stats(); n.Requests > 1 {
		t.Errorf("%d requests", n.Requests)
	}
}

// TestEndpointConnTLS: behind a handshake, with the protocol of TLS.NextProtos.
func TestEndpointConnTLS(t *testing.T) {
	secure := Endpoint{
		Certs: certFor(t, "site"), TLS: &tls.Config{NextProtos: []string{"lines"}},
		Conn: func(c *Conn) {
			fmt.Fprintln(c, c.ConnectionState().NegotiatedProtocol)
			greetAndEcho(c)
		},
	}
	addrs := serveConns(t, &Server{}, greetAndEcho, secure)
	cfg := clientTLS()
	cfg.ServerName, cfg.NextProtos = "site", []string{"lines"}
	conn, err := tls.Dial("tcp", addrs[2].String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := newTalker(t, conn)
	c.want("lines")
	c.want("hello")
	c.say("a\n")
	c.want("you said a")
	big := strings.Repeat("x", 1<<20)
	go func() { _, _ = io.WriteString(c, big+"\n") }() // reading tells
	c.want("you said " + big)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.want("bye 0")
	c.wantEnd()
}

// TestEndpointConnAnnounced: behind a header of the PROXY protocol the client is whom it announces.
func TestEndpointConnAnnounced(t *testing.T) {
	end := Endpoint{Proxy: loopback, Conn: func(c *Conn) { fmt.Fprintln(c, c.RemoteAddr()) }}
	addrs := serveConns(t, &Server{}, greetAndEcho, end)
	for head, want := range proxyHeads {
		c := talkTo(t, addrs[2])
		c.say(head)
		if want == "" {
			want = c.LocalAddr().String()
		}
		c.want(want)
		c.wantEnd()
	}
}

// TestEndpointConnLimits: who is one too many is closed without a byte.
func TestEndpointConnLimits(t *testing.T) {
	addrs := serveConns(t, &Server{MaxConns: 1}, greetAndEcho)
	c := talkTo(t, addrs[0])
	c.want("hello")
	talkTo(t, addrs[0]).wantEnd()
	c.halfClose()
	c.want("bye 0")
}

// TestEndpointConnDeadlines: those of net.Conn hold, also when another goroutine sets them, and
// what is behind them can go on.
func TestEndpointConnDeadlines(t *testing.T) {
	addrs := serveConns(t, &Server{}, func(c *Conn) {
		p := make([]byte, 16)
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := c.Read(p)
		fmt.Fprintln(c, errors.Is(err, os.ErrDeadlineExceeded))
		_ = c.SetReadDeadline(time.Time{})
		go func() { _ = c.SetDeadline(time.Unix(1, 0)) }() // the read tells
		_, err = c.Read(p)
		_ = c.SetDeadline(time.Time{})
		fmt.Fprintln(c, errors.Is(err, os.ErrDeadlineExceeded))
		fmt.Fprintln(c, c.Wait(time.Millisecond) != nil)
		n, err := c.Read(p)
		fmt.Fprintln(c, string(p[:n]), err)
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		_, err = c.Read(p)
		if !errors.Is(err, net.ErrClosed) {
			panic(err)
		}
	})
	c := talkTo(t, addrs[0])
	for range 3 {
		c.want("true")
	}
	c.say("more")
	c.want("more <nil>")
	c.wantEnd()
}

// listenOn is a backend that serves its connections one after the other.
func listenOn(t testing.TB, serve func(conn *net.TCPConn)) net.Addr {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var under sync.WaitGroup
	under.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			under.Go(func() {
				defer conn.Close()
				serve(conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		under.Wait()
	})
	return ln.Addr()
}

// TestEndpointConnDrains: a function that reads learns of the end of the server, and can say
// goodbye; one that waits for a backend goes on.
func TestEndpointConnDrains(t *testing.T) {
	answer := make(chan struct{})
	d := &Dialer{Address: listenOn(t, func(conn *net.TCPConn) {
		<-answer
		fmt.Fprintln(conn, "late answer")
	}).String()}
	busy := make(chan struct{})
	srv := &Server{}
	addrs := serveConns(t, srv, func(c *Conn) {
		fmt.Fprintln(c, "hello")
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil {
			told := context.Cause(c.Context())
			fmt.Fprintln(c, "goodbye", err == ErrStopping, told == ErrStopping)
			return
		}
		up, err := d.Get(c)
		if err != nil {
			panic(err)
		}
		close(busy)
		line, err := bufio.NewReader(up).ReadString('\n')
		if err != nil {
			panic(err)
		}
		fmt.Fprint(c, line)
	})
	reads, waits := talkTo(t, addrs[0]), talkTo(t, addrs[0])
	reads.want("hello")
	waits.want("hello")
	waits.say("x")
	<-busy
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	reads.want("goodbye true true")
	reads.wantEnd()
	reads.Close()
	close(answer)
	waits.want("late answer")
	waits.wantEnd()
	waits.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestEndpointConnReadsOn: who reads on when draining has begun is unwound, and holds nobody up.
func TestEndpointConnReadsOn(t *testing.T) {
	srv := &Server{}
	unwound := make(chan struct{})
	addrs := serveConns(t, srv, func(c *Conn) {
		defer close(unwound)
		fmt.Fprintln(c, "hello")
		for b := make([]byte, 1); ; {
			_, _ = c.Read(b) // and does not listen
		}
	})
	c := talkTo(t, addrs[0])
	c.want("hello")
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	<-unwound
	c.wantEnd()
	c.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestEndpointConnStops: the end of patience ends what waits for a backend, too.
func TestEndpointConnStops(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	d := &Dialer{Address: listenOn(t, func(*net.TCPConn) { <-hold }).String()}
	got := make(chan error, 1)
	srv := &Server{Log: slog.New(slog.DiscardHandler)}
	srv.Endpoints = []Endpoint{{Addr: "127.0.0.1:0", Conn: func(c *Conn) {
		up, err := d.Get(c)
		if err == nil {
			fmt.Fprintln(c, "hello")
			_, err = up.Read(make([]byte, 1))
		}
		got <- err
	}}}
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServe() }()
	<-srv.Ready()
	talkTo(t, srv.Addrs()[0]).want("hello")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = srv.Shutdown(ctx) // it says that nobody has waited
	if err := <-got; !errors.Is(err, ErrStopping) {
		t.Errorf("the wait has ended with %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the server has ended with %v", err)
	}
}

// TestEndpointConnPanics: it is logged, the peer sees a reset, and the server goes on.
func TestEndpointConnPanics(t *testing.T) {
	var log syncBuffer
	srv := &Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
	addrs := serveConns(t, srv, func(c *Conn) {
		fmt.Fprintln(c, "hello")
		b := make([]byte, 1)
		_, _ = c.Read(b) // whatever comes
		panic("in the middle")
	})
	for range 3 {
		c := talkTo(t, addrs[0])
		c.want("hello")
		c.say("x")
		if _, err := io.ReadAll(c.r); err == nil {
			t.Error("an end and no reset")
		}
	}
	settledNow(t, func() bool { return strings.Count(log.String(), "in the middle") == 3 })
}

// TestEndpointConnChecks: what makes no sense beside it is refused at the start.
func TestEndpointConnChecks(t *testing.T) {
	for _, end := range []Endpoint{
		{Protocols: HTTP1}, {Routes: new(Routes)}, {TrustPeers: true},
	} {
		if end.Conn = greetAndEcho; end.Check() == nil {
			t.Errorf("%+v is taken", end)
		}
	}
}

// TestEndpointConnClientLeaves: a client that has ended its side is served on; one that is lost
// ends what its function waits for elsewhere, and the backend sees that.
func TestEndpointConnClientLeaves(t *testing.T) {
	answer, left := make(chan struct{}), make(chan error, 2)
	d := &Dialer{Address: listenOn(t, func(conn *net.TCPConn) {
		select {
		case <-answer:
			fmt.Fprintln(conn, "answer")
		default:
			_, err := conn.Read(make([]byte, 1))
			left <- err
		}
	}).String()}
	got := make(chan error, 1)
	addrs := serveConns(t, &Server{Loops: 1}, func(c *Conn) {
		b := make([]byte, 1)
		if _, err := c.Read(b); err != nil {
			panic(err)
		}
		if b[0] == 'e' {
			if _, err := c.Read(b); err != io.EOF {
				panic(err)
			}
		}
		up, err := d.Open(c)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(c, "asks")
		line, err := bufio.NewReader(up).ReadString('\n')
		if b[0] == 'e' {
			fmt.Fprint(c, line)
			return
		}
		got <- err
	})
	if hasLoops { // on net/http it is told when it reads or writes
		c := talkTo(t, addrs[0])
		c.say("r")
		c.want("asks")
		if err := c.Conn.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := <-got; err != ErrGone {
			t.Errorf("the wait has ended with %v", err)
		}
		if err := <-left; err == nil {
			t.Error("the backend was not left")
		}
	}
	close(answer)
	c := talkTo(t, addrs[0])
	c.say("e")
	c.halfClose()
	c.want("asks")
	c.want("answer")
	c.wantEnd()
}

// TestEndpointConnReplaced: another configuration ends reading when its Grace is over, and
// newcomers are served.
func TestEndpointConnReplaced(t *testing.T) {
	srv := &Server{}
	addrs := serveConns(t, srv, greetAndEcho)
	replace := func() {
		next := &Tables{Grace: time.Millisecond}
		if err := srv.Replace(context.Background(), next); err != nil {
			t.Fatal(err)
		}
	}
	replace() // the first ones have DrainTimeout
	c := talkTo(t, addrs[0])
	c.want("hello")
	replace()
	d := talkTo(t, addrs[0])
	d.want("hello")
	c.want("error " + ErrStopping.Error())
	c.wantEnd()
	d.say("a\n")
	d.want("you said a")
}
