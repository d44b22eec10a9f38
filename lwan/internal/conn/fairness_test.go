//go:build linux

package conn

import (
	"io"
	"sync/atomic"
	"testing"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Others are served while one connection moves 100 MB, however fast it is: the loop is never that
// connection's alone.
func TestOneGreedyConnection(t *testing.T) {
	const size = 100 << 20
	f := patternFile(t, 1<<20)
	body := make([]byte, 1<<20)
	greedy := map[string]func(c *served) bool{
		"Write": func(c *served) bool { _, err := c.Write(body); return err == nil },
		"Sendfile": func(c *served) bool {
			_, err := c.Sendfile(f, 0, 1<<20)
			return err == nil
		},
		"Read": func(c *served) bool {
			for left := 1 << 20; left > 0; {
				n, err := c.Read(body[:min(left, 64<<10)])
				if n == 0 || err != nil {
					return false
				}
				left -= n
			}
			return true
		},
	}
	for name, move := range greedy {
		t.Run(name, func(t *testing.T) {
			var moved atomic.Int64
			var enough atomic.Bool
			r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
				if line == "hello" {
					c.Write([]byte("hello\n"))
					return Idle
				}
				for !enough.Load() && move(c) {
					moved.Add(1 << 20)
				}
				return Close
			})}, Config{})
			p, other := r.dial(), r.dial()
			p.send("greedy\n")
			if name == "Read" {
				go func() {
					for err := error(nil); err == nil; {
						_, err = p.Conn.Write(body)
					}
				}()
			} else {
				go io.Copy(io.Discard, p.Conn)
			}
			eventually(t, "the transfer is under way", func() bool { return moved.Load() > 1<<20 })
			answers := 0
			// an answer that does not come fails the test
			for ; answers < 50 || moved.Load() < size; answers++ {
				other.send("hello\n")
				other.want("hello")
			}
			enough.Store(true)
			p.Conn.Close()
			t.Logf("%d answers while %d MB were moved", answers, moved.Load()>>20)
		})
	}
}

// A session's peer that never stops sending does not keep the loop either.
func TestOneGreedySession(t *testing.T) {
	var sessions atomic.Int64
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		if line == "session" {
			c.Attach(&countingSession{ready: &sessions})
			return Hand
		}
		c.Write([]byte("hello\n"))
		return Idle
	})}, Config{})
	p, other := r.dial(), r.dial()
	p.send("session\n")
	go func() {
		chunk := make([]byte, 1<<20)
		for err := error(nil); err == nil; {
			_, err = p.Conn.Write(chunk)
		}
	}()
	eventually(t, "the session is flooded", func() bool { return sessions.Load() > 10 })
	for range 200 {
		other.send("hello\n")
		other.want("hello")
	}
	p.Conn.Close()
}

// countingSession throws away what comes.
type countingSession struct{ ready, closed, drained *atomic.Int64 }

func (g *countingSession) Ready(p transport.Pipe) {
	g.ready.Add(1)
	if !p.(*pipe).Discard() {
		p.End(transport.Close)
	}
}

func (g *countingSession) Ended(p transport.Pipe, _ error) {
	if g.closed != nil {
		g.closed.Add(1)
		p.End(transport.Close) // once more does no harm
	}
}

func (g *countingSession) Expired(transport.Pipe)     {}
func (g *countingSession) AtRest(transport.Pipe) bool { return false }

func (g *countingSession) Draining(p transport.Pipe) {
	if g.drained != nil {
		g.drained.Add(1)
		p.End(transport.Close)
	}
}
