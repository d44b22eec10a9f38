//go:build linux

package conn

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

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// saidLines answers lines: what a line says is what the handler does before it echoes the line.
func saidLines() *script {
	return &script{
		serve:  serveSaid,
		expire: func(c *served) { c.TryWrite([]byte("expired\n")) },
		died:   func(c *served, v any) { c.TryWrite(fmt.Appendf(nil, "died %v\n", v)) },
	}
}

func serveSaid(c *served) Verdict {
	buf, _ := c.Kept().([]byte)
	var room [4096]byte
	for {
		n, err := c.TryRead(room[:])
		if err == transport.ErrAgain {
			if len(buf) > 0 {
				c.Keep(buf)
			}
			c.Expire(30)
			return Idle
		}
		if err != nil || n == 0 {
			return Close
		}
		buf = append(buf, room[:n]...)
		for {
			i := bytes.IndexByte(buf, '\n')
			if i < 0 {
				break
			}
			if v := doSaid(c, string(buf[:i])); v != Idle {
				return v
			}
			buf = append([]byte(nil), buf[i+1:]...)
		}
	}
}

func doSaid(c *served, line string) Verdict {
	verb, arg, _ := strings.Cut(line, " ")
	switch verb {
	case "sleep":
		d, _ := time.ParseDuration(arg)
		if err := c.w.Sleep(d); err != nil {
			return Close
		}
	case "panic":
		panic(arg)
	case "goexit":
		runtime.Goexit()
	case "offload":
		said := ""
		c.w.Offload(func(run func()) bool { go run(); return true }, func() {
			said = "from the goroutine\n"
		})
		io.WriteString(writer{c}, said)
	case "pause":
		c.w.Pause()
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

type writer struct{ c *served }

func (w writer) Write(p []byte) (int, error) { return w.c.Write(p) }

func startLines(t testing.TB, cfg Config) (*Engine, net.Addr) {
	t.Helper()
	cfg.Protocol = saidLines()
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
		s := e.Stats()
		if s.Conns != 0 || s.Loops.Parked != 0 || s.Loops.Workers != 0 || s.Accepted != s.Closed {
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
	for _, mode := range []loop.Threads{loop.Pinned, loop.PinnedCPU, loop.Free} {
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
