package lwan

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// silent connects and sends a part of a ClientHello.
func silent(t *testing.T, addr net.Addr, bytes int) net.Conn {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(clientHello(t)[:bytes]); err != nil {
		t.Fatal(err)
	}
	return conn
}

// clientHello is the first record of a client.
func clientHello(t *testing.T) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	go func() { _ = tls.Client(there, clientTLS()).Handshake() }() // it ends with the pipe
	record := make([]byte, 16<<10)
	n, err := here.Read(record)
	if err != nil {
		t.Fatal(err)
	}
	return record[:n]
}

// TestHandshakeTimeout: however far a client has come, and however it drips, its time is up.
func TestHandshakeTimeout(t *testing.T) {
	srv := &Server{HandshakeTimeout: 50 * time.Millisecond}
	clock := stopTime(srv)
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	for i, bytes := range []int{0, 3, 100, len(clientHello(t))} {
		conn := silent(t, addrs[0], bytes)
		settledNow(t, func() bool { return srv.Stats().Accepted == int64(i+1) })
		clock.advance(3 * time.Second)
		if _, err := io.Copy(io.Discard, conn); err != nil { // until the server closes it
			if op, ok := errors.AsType[*net.OpError](err); !ok || op.Timeout() {
				t.Errorf("%d bytes: %v", bytes, err)
			}
		}
		settledNow(t, func() bool { return srv.Stats().Secure.Failed == int64(i+1) })
	}
}

// TestMaxHandshakes: one that is over the limit waits for its turn; those that have sent no whole
// ClientHello are not counted.
func TestMaxHandshakes(t *testing.T) {
	srv := &Server{MaxHandshakes: 1, HandshakeTimeout: 30 * time.Second}
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	for range 3 {
		silent(t, addrs[0], 100)
	}
	settledNow(t, func() bool { return srv.Stats().Secure.Pending == 3 })
	fetch(t, secureClient(t, addrs[0], clientTLS(), HTTP1), "https://site/about")

	first := silent(t, addrs[0], len(clientHello(t)))
	if _, err := first.Read(make([]byte, 1)); err != nil { // its handshake has begun
		t.Fatal(err)
	}
	came := make(chan error, 1)
	go func() {
		c := secureClient(t, addrs[0], clientTLS(), HTTP1)
		resp, err := c.Get("https://site/about")
		if err == nil {
			err = resp.Body.Close()
		}
		came <- err
	}()
	settledNow(t, func() bool { return srv.Stats().Secure.Pending == 5 })
	select {
	case err := <-came:
		t.Fatal("two handshakes at a time: ", err)
	default:
	}
	first.Close()
	if err := <-came; err != nil {
		t.Error(err)
	}
}

// TestUnspokenProtocol: that of ACME's challenge has nothing to say behind its handshake.
func TestUnspokenProtocol(t *testing.T) {
	srv := &Server{}
	addrs := serveSecure(t, srv, Endpoint{
		Certs: certFor(t, "site"), TLS: &tls.Config{NextProtos: []string{"acme-tls/1"}},
	})
	cfg := clientTLS()
	cfg.NextProtos = []string{"acme-tls/1"}
	conn := dialTLS(t, addrs[0], cfg)
	if got := conn.ConnectionState().NegotiatedProtocol; got != "acme-tls/1" {
		t.Errorf("%q", got)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Error("the client reads ", n, err)
	}
	cfg.NextProtos = []string{"smtp"}
	if _, err := tls.Dial("tcp", addrs[0].String(), cfg); err == nil {
		t.Error("mail was spoken")
	}
}

// TestMaxConnsEncrypted: what is refused in the clear means nothing to a client that encrypts.
func TestMaxConnsEncrypted(t *testing.T) {
	srv := &Server{MaxConns: 1}
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	dialTLS(t, addrs[0], clientTLS())
	conn, err := net.Dial("tcp", addrs[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if text, err := io.ReadAll(conn); err != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, err)
	}
	settledNow(t, func() bool { return srv.Stats().Rejected == 1 })
}

// TestDrainEncrypted: requests under way are answered, and connections that are idle or in the
// middle of a handshake hold nothing up.
func TestDrainEncrypted(t *testing.T) {
	srv := &Server{HandshakeTimeout: time.Hour}
	running, goOn := make(chan struct{}, 2), make(chan struct{})
	srv.Handle("GET /wait", func(req *Request, resp *Response) Status {
		running <- struct{}{}
		<-goOn
		return resp.Text(200, req.Proto())
	}, Blocking)
	srv.Handle("GET /about", aboutHandler)
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")}, Endpoint{})
	silent(t, addrs[0], 100)
	fetch(t, secureClient(t, addrs[0], clientTLS(), HTTP2), "https://site/about")
	answers := make(chan string, 2)
	for _, version := range []Protocols{HTTP1, HTTP2} {
		c := secureClient(t, addrs[0], clientTLS(), version)
		go func() {
			resp, err := c.Get("https://site/wait")
			if err != nil {
				answers <- err.Error()
				return
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			answers <- fmt.Sprint(string(text), " ", err)
		}()
		<-running
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() { ended <- srv.Shutdown(ctx) }()
	settledNow(t, func() bool {
		conn, err := net.Dial("tcp", addrs[0].String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(goOn)
	got := <-answers + ", " + <-answers
	two := spoken("HTTP/2.0") + " <nil>"
	if got != "HTTP/1.1 <nil>, "+two && got != two+", HTTP/1.1 <nil>" {
		t.Error(got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCutEncrypted: an answer that was given up never looks whole, whatever tells its end.
func TestCutEncrypted(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /cut", func(req *Request, resp *Response) Status {
		if _, err := io.WriteString(resp, "half"); err != nil {
			return resp.Fail(err)
		}
		if err := resp.Flush(); err != nil {
			return resp.Fail(err)
		}
		return 500
	})
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	for _, request := range []string{
		"GET /cut HTTP/1.0\r\nHost: site\r\n\r\n", "GET /cut HTTP/1.1\r\nHost: site\r\n\r\n",
	} {
		conn := dialTLS(t, addrs[0], clientTLS())
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); string(text) != "half" || err == nil {
			t.Errorf("%.30q: %q, %v", request, text, err)
		}
	}
	c := secureClient(t, addrs[0], clientTLS(), HTTP2)
	resp, err := c.Get("https://site/cut")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); string(text) != "half" || err == nil {
		t.Errorf("HTTP/2: %q, %v", text, err)
	}
}

// TestUpgradeEncrypted: the handler has the connection, decrypted; and one that was hijacked holds
// up no stop.
func TestUpgradeEncrypted(t *testing.T) {
	srv := &Server{}
	srv.Handle("GET /upgrade", func(req *Request, resp *Response) Status {
		conn, err := resp.Upgrade("echo")
		if err != nil {
			return resp.Fail(err)
		}
		_, _ = io.Copy(conn, conn)
		return 101
	})
	left := make(chan net.Conn, 1)
	hijack := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		left <- conn
	}
	srv.Handle("GET /hijack", FromHTTP(http.HandlerFunc(hijack)))
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	conn := dialTLS(t, addrs[0], clientTLS())
	request := "GET /upgrade HTTP/1.1\r\nHost: site\r\n" +
		"Connection: Upgrade\r\nUpgrade: echo\r\n\r\nhello"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatal(resp, err)
	}
	word := make([]byte, 5)
	if _, err := io.ReadFull(br, word); err != nil || string(word) != "hello" {
		t.Errorf("%q, %v", word, err)
	}
	conn.Close()

	other := dialTLS(t, addrs[0], clientTLS())
	if _, err := io.WriteString(other, "GET /hijack HTTP/1.1\r\nHost: site\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	ours := <-left
	defer ours.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(ours, "still here"); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 10)
	if _, err := io.ReadFull(other, text); err != nil || !bytes.Equal(text, []byte("still here")) {
		t.Errorf("%q, %v", text, err)
	}
}

// TestStreamsEncrypted: events, bodies in pieces and trailers, over both versions.
func TestStreamsEncrypted(t *testing.T) {
	srv := &Server{}
	topic := &Topic{}
	srv.Handle("GET /events", func(req *Request, resp *Response) Status {
		return topic.Subscribe(resp, Subscription{})
	})
	srv.Handle("POST /sum", func(req *Request, resp *Response) Status {
		n, err := io.Copy(io.Discard, req.Body())
		if err != nil {
			return resp.Fail(err)
		}
		resp.SetTrailer("X-Sum", fmt.Sprint(n, req.Trailer("X-End")))
		return resp.Text(200, "sum")
	})
	addrs := serveSecure(t, srv, Endpoint{Certs: certFor(t, "site")})
	for _, version := range []Protocols{HTTP1, HTTP2} {
		c := secureClient(t, addrs[0], clientTLS(), version)
		resp, err := c.Get("https://site/events")
		if err != nil {
			t.Fatal(err)
		}
		topic.Publish(Event{Data: "news"})
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() && lines.Text() != "data: news" {
		}
		if lines.Text() != "data: news" {
			t.Errorf("%q, %v", lines.Text(), lines.Err())
		}
		resp.Body.Close()

		body := struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 100_000))}
		req, err := http.NewRequest("POST", "https://site/sum", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Trailer = http.Header{"X-End": {"!"}}
		if resp, err = c.Do(req); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(text) != "sum" || err != nil || resp.Trailer.Get("X-Sum") != "100000!" {
			t.Errorf("%q %v %v", text, err, resp.Trailer)
		}
	}
}
