package lwan

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// joinTo joins every connection to a backend.
func joinTo(d *Dialer, t Tunnel) func(*Conn) {
	return func(c *Conn) {
		up, err := d.Open(c)
		if err != nil {
			return
		}
		Join(c, up, t)
	}
}

// TestConnJoin: bytes go both ways, also those that were read before, and ends are passed on.
func TestConnJoin(t *testing.T) {
	const size = 4 << 20
	backend := listenOn(t, func(conn *net.TCPConn) {
		fmt.Fprintln(conn, "welcome")
		n, err := io.Copy(conn, io.LimitReader(conn, size))
		if _, end := conn.Read(make([]byte, 1)); end != io.EOF || err != nil {
			return
		}
		fmt.Fprintln(conn, "seen", n)
	})
	type ended struct {
		in, out int64
		cause   error
	}
	done := make(chan ended, 1)
	addrs := serveConns(t, &Server{}, joinTo(&Dialer{Address: backend.String()}, Tunnel{
		Done: func(in, out int64, cause error) { done <- ended{in, out, cause} },
	}))
	c := talkTo(t, addrs[0])
	c.want("welcome")
	sent := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	go func() {
		_, _ = c.Write(sent) // what comes back tells
		c.halfClose()
	}()
	got := make([]byte, size)
	if _, err := io.ReadFull(c.r, got); err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%v, or other bytes than were sent", err)
	}
	c.want(fmt.Sprint("seen ", size))
	c.wantEnd()
	want := ended{in: size, out: size + int64(len("welcome\nseen 4194304\n"))}
	if e := <-done; e != want {
		t.Errorf("%v, want %v", e, want)
	}
}

// TestConnJoinReset: what one side loses is a reset for the other.
func TestConnJoinReset(t *testing.T) {
	backend := listenOn(t, func(conn *net.TCPConn) {
		fmt.Fprintln(conn, "welcome")
		_, _ = conn.Read(make([]byte, 1)) // the client is there
		_ = conn.SetLinger(0)             // the client sees whether it has worked
	})
	done := make(chan error, 1)
	addrs := serveConns(t, &Server{}, joinTo(&Dialer{Address: backend.String()}, Tunnel{
		Done: func(_, _ int64, cause error) { done <- cause },
	}))
	c := talkTo(t, addrs[0])
	c.want("welcome")
	c.say("x")
	if _, err := io.ReadAll(c.r); err == nil {
		t.Error("an end and no reset")
	}
	if err := <-done; err == nil {
		t.Error("Done was told of a proper end")
	}
}

// TestConnJoinDrains: a tunnel goes on for its Grace when the server ends, and is closed then.
func TestConnJoinDrains(t *testing.T) {
	backend := listenOn(t, func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) })
	done := make(chan error, 1)
	srv := &Server{}
	addrs := serveConns(t, srv, joinTo(&Dialer{Address: backend.String()}, Tunnel{
		Grace: time.Second, Done: func(_, _ int64, cause error) { done <- cause },
	}))
	c := talkTo(t, addrs[0])
	c.say("a\n")
	c.want("a")
	ended := make(chan error, 1)
	go func() { ended <- srv.Shutdown(context.Background()) }()
	for refused := false; !refused; { // draining has begun
		conn, err := net.Dial("tcp", addrs[1].String())
		if refused = err != nil; !refused {
			conn.Close()
		}
	}
	c.say("b\n")
	c.want("b")
	_, _ = io.ReadAll(c.r) // until it is closed
	if err := <-done; err != ErrStopping {
		t.Errorf("the tunnel has ended with %v", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestConnJoinWrongly: Done is told what is wrong, once, and both connections are closed.
func TestConnJoinWrongly(t *testing.T) {
	backend := listenOn(t, func(conn *net.TCPConn) { _, _ = io.Copy(io.Discard, conn) })
	d := &Dialer{Address: backend.String()}
	done := make(chan error, 8)
	tell := Tunnel{Done: func(_, _ int64, cause error) { done <- cause }}
	addrs := serveConns(t, &Server{}, func(c *Conn) {
		up, err := d.Open(c)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(c, "hello")
		b := make([]byte, 1)
		_, _ = io.ReadFull(c, b) // else the default case
		switch b[0] {
		case 'c':
			_ = up.Close()
			Join(c, up, tell)
		case 'o':
			Join(up, c, tell)
		case 's':
			Join(c, c, tell)
		case 'p':
			Join(c, up, tell)
			panic("behind it")
		case 'l':
			Join(c, up, tell)
			_ = c.Close() // in place of the last call
		}
	})
	for how, want := range map[string]error{
		"c": net.ErrClosed, "o": errNotJoined, "s": errNotJoined, "p": ErrGone, "l": net.ErrClosed,
	} {
		if !hasLoops && (how == "p" || how == "l") {
			continue // Join returns at the end of the tunnel
		}
		c := talkTo(t, addrs[0])
		c.want("hello")
		c.say(how)
		if err := <-done; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", how, err, want)
		}
		_, _ = io.ReadAll(c.r) // an end, or a reset
	}
	if len(done) > 0 {
		t.Errorf("told twice: %v", <-done)
	}
}

// TestConnJoinTLSPassthrough: a TLS session goes through a tunnel that knows nothing of it.
func TestConnJoinTLSPassthrough(t *testing.T) {
	end := Endpoint{Certs: certFor(t, "site"), Conn: greetAndEcho}
	inner := serveConns(t, &Server{}, greetAndEcho, end)
	addrs := serveConns(t, &Server{}, joinTo(&Dialer{Address: inner[2].String()}, Tunnel{}))
	cfg := clientTLS()
	cfg.ServerName = "site"
	conn, err := tls.Dial("tcp", addrs[0].String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := newTalker(t, conn)
	c.want("hello")
	c.say("a\n")
	c.want("you said a")
	c.halfClose()
	c.want("bye 0")
	c.wantEnd()
}

// TestConnJoinRedis: redis-cli talks to a redis server through a tunnel.
func TestConnJoinRedis(t *testing.T) {
	server, err := exec.LookPath("redis-server")
	cli, err2 := exec.LookPath("redis-cli")
	if err != nil || err2 != nil {
		t.Skip("redis-server and redis-cli are not installed")
	}
	path := t.TempDir() + "/redis.sock"
	cmd := exec.Command(server, "--port", "0", "--unixsocket", path, "--save", "", "--dir",
		t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended: Wait tells
		_ = cmd.Wait()         // it says that it was killed
	})
	settledNow(t, func() bool {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	addrs := serveConns(t, &Server{}, joinTo(&Dialer{Address: path}, Tunnel{}))
	_, port, _ := net.SplitHostPort(addrs[0].String()) // it is host:port
	out, err := exec.Command(cli, "-p", port, "-r", "3", "INCR", "n").Output()
	if err != nil || strings.TrimSpace(string(out)) != "1\n2\n3" {
		t.Errorf("%q, %v", out, err)
	}
}
