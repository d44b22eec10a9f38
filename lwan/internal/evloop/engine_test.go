//go:build linux

package evloop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// lineProtocol answers lines: what a line says is what the handler does before it echoes the line.
type lineProtocol struct {
	t testing.TB
}

type lineServer struct {
	w   *Worker
	buf []byte
	p   *lineProtocol
}

func (p *lineProtocol) NewServer(w *Worker) Server {
	return &lineServer{w: w, buf: make([]byte, 4096), p: p}
}
func (p *lineProtocol) Refuse(int) {}

func (s *lineServer) Hangup(c *Conn)   { c.Cancel(ErrGone) }
func (s *lineServer) Draining(c *Conn) {}

func (s *lineServer) Killed(c *Conn, cause error) {}
func (s *lineServer) Waits(c *Conn)               {}
func (s *lineServer) Rests()                      {}
func (s *lineServer) Expire(c *Conn) Verdict {
	c.TryWrite([]byte("expired\n"))
	return Close
}
func (s *lineServer) Died(c *Conn, v any, stack []byte) Verdict {
	c.TryWrite(fmt.Appendf(nil, "died %v\n", v))
	return Close
}

func (s *lineServer) Serve(c *Conn) Verdict {
	buf, _ := c.Kept().([]byte)
	for {
		n, err := c.TryRead(s.buf)
		if err == ErrAgain {
			if len(buf) > 0 {
				c.Keep(buf)
			}
			c.ExpireAfter(30)
			return Idle
		}
		if err != nil || n == 0 {
			return Close
		}
		buf = append(buf, s.buf[:n]...)
		for {
			i := bytes.IndexByte(buf, '\n')
			if i < 0 {
				break
			}
			if v := s.line(c, string(buf[:i])); v != Idle {
				return v
			}
			buf = append([]byte(nil), buf[i+1:]...)
		}
	}
}

func (s *lineServer) line(c *Conn, line string) Verdict {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb {
	case "sleep":
		d, _ := time.ParseDuration(arg)
		if err := s.w.Sleep(d); err != nil {
			return Close
		}
	case "panic":
		panic(arg)
	case "goexit":
		runtime.Goexit()
	case "offload":
		said := ""
		s.w.Offload(func(run func()) bool { go run(); return true }, func() { said = "from the goroutine\n" })
		io.WriteString(writer{c}, said)
	case "pause":
		s.w.Pause()
	case "big":
		c.Write(bytes.Repeat([]byte("x"), 8<<20))
	case "linger":
		c.Write([]byte("bye\n"))
		return Linger
	}
	if _, err := c.Write([]byte(line + "\n")); err != nil {
		return Close
	}
	return Idle
}

type writer struct{ c *Conn }

func (w writer) Write(p []byte) (int, error) { return w.c.Write(p) }

func startLines(t testing.TB, cfg Config) (*Engine, net.Addr) {
	t.Helper()
	cfg.Protocol = &lineProtocol{t: t}
	cfg.Log = slog.New(slog.NewTextHandler(testLog{t}, nil))
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	lane, err := Listen("127.0.0.1:0", ListenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start([]*Lane{lane}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
		lane.Close()
		if s := e.Stats(); s.Conns != 0 || s.Parked != 0 || s.Workers != 0 || s.Accepted != s.Closed {
			t.Errorf("left behind: %+v", s)
		}
	})
	return e, lane.Addr()
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

func ask(t testing.TB, c net.Conn, r *bufio.Reader, line string) string {
	t.Helper()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		t.Fatal(err)
	}
	got, err := r.ReadString('\n')
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return strings.TrimSuffix(got, "\n")
}

func TestLines(t *testing.T) {
	for _, mode := range []Threads{Pinned, PinnedCPU, Free} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			_, addr := startLines(t, Config{Loops: 2, Threads: mode})
			c, err := net.Dial("tcp", addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for _, line := range []string{"hello", "sleep 10ms", "pause", "hello"} {
				if got := ask(t, c, r, line); got != line {
					t.Errorf("%q: %q", line, got)
				}
			}
			if got := ask(t, c, r, "offload"); got != "from the goroutine" {
				t.Errorf("offload: %q", got)
			}
			r.ReadString('\n')
			if got := ask(t, c, r, "big"); len(got) != 8<<20+3 {
				t.Errorf("big: %d bytes", len(got))
			}
			if got := ask(t, c, r, "panic ouch"); got != "died ouch" {
				t.Errorf("panic: %q", got)
			}
			if _, err := r.ReadByte(); err != io.EOF {
				t.Errorf("after a panic: %v", err)
			}
		})
	}
}
