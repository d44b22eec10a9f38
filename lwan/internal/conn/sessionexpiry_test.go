//go:build linux

package conn

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// timedSession does what its client says: a number is the seconds of Expire, "." reads only.
type timedSession struct {
	mu   sync.Mutex
	log  []string
	rest bool
	ends bool // in Expired
}

func (s *timedSession) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, what)
}

func (s *timedSession) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.log {
		if w == what {
			n++
		}
	}
	return n
}

func (s *timedSession) Ready(p transport.Pipe) {
	buf := p.Loop().Scratch()
	n, err := p.TryRead(buf)
	if err == transport.ErrAgain {
		return
	}
	if err != nil || n == 0 {
		s.note("read all")
		p.End(transport.Close)
		return
	}
	for _, c := range buf[:n] {
		if c >= '0' && c <= '9' {
			p.Expire(uint32(c - '0'))
		}
		s.note(string(c))
	}
}

func (s *timedSession) Expired(p transport.Pipe) {
	if s.note("expired"); s.ends {
		p.End(transport.Close)
	}
}

func (s *timedSession) Draining(transport.Pipe)         {}
func (s *timedSession) AtRest(transport.Pipe) bool      { return s.rest }
func (s *timedSession) Ended(_ transport.Pipe, _ error) { s.note("ended") }

// TestSessionExpires: a session is told once when its time is up, and not if that was set anew or
// taken back; the time of the request that it was before does not count.
func TestSessionExpires(t *testing.T) {
	for _, c := range []struct {
		name, says string
		then       []string
		want       int
	}{
		{"none", ".", nil, 0},
		{"in time", "3", nil, 1},
		{"later", "9", nil, 0},
		{"set anew", "3", []string{"9"}, 0},
		{"sooner", "9", []string{"1"}, 1},
		{"taken back", "3", []string{"0"}, 0},
		{"taken back and set", "3", []string{"0", "2"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			ses := &timedSession{}
			r := runFake(t, &script{serve: lines(func(c *served, line string) Verdict {
				c.Expire(2)
				if line == "request" {
					return Idle
				}
				c.Attach(ses)
				return Hand
			})}, Config{})
			p := r.dial()
			p.send("request\n")
			r.accepted(1)
			r.settle()
			p.send("session\n")
			for _, says := range append([]string{c.says}, c.then...) {
				seen := ses.count(says)
				p.send(says)
				eventually(t, says+" is read", func() bool { return ses.count(says) > seen })
			}
			r.advance(5 * time.Second)
			if n := ses.count("expired"); n != c.want {
				t.Errorf("expired %d times, want %d", n, c.want)
			}
			r.advance(500 * time.Second)
			if n := ses.count("expired"); n > 1 || n < c.want {
				t.Errorf("expired %d times in the end", n)
			}
			if r.eng.conns() != 1 {
				t.Error("the connection was closed")
			}
		})
	}
}

// TestSessionEndsExpired: a session may end when its time is up, and is told nothing after that.
func TestSessionEndsExpired(t *testing.T) {
	ses := &timedSession{ends: true}
	r := runFake(t, &script{serve: lines(func(c *served, _ string) Verdict {
		c.Attach(ses)
		return Hand
	})}, Config{})
	p := r.dial()
	p.send("session\n")
	p.send("1")
	eventually(t, "the time is set", func() bool { return ses.count("1") == 1 })
	r.advance(5 * time.Second)
	p.gone()
	if want := []string{"1", "expired"}; !slices.Equal(ses.log, want) {
		t.Errorf("%q, want %q", ses.log, want)
	}
}

// TestSessionAtRestIsGivenUp: sessions that say that they rest make room as idle connections do,
// and others do not.
func TestSessionAtRestIsGivenUp(t *testing.T) {
	rests, works := &timedSession{rest: true}, &timedSession{}
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		if line == "rests" {
			c.Attach(rests)
		} else {
			c.Attach(works)
		}
		return Hand
	})}, Config{})
	a, b := r.dial(), r.dial()
	a.send("rests\n")
	b.send("works\n")
	a.send(".")
	b.send(".")
	eventually(t, "both are sessions", func() bool {
		return rests.count(".") == 1 && works.count(".") == 1
	})
	r.do(func(set *Set) {
		if n := set.giveUpIdle(); n != 1 {
			t.Errorf("%d given up, want 1", n)
		}
	})
	a.gone()
	if rests.count("ended") != 1 || works.count("ended") != 0 || r.eng.conns() != 1 {
		t.Errorf("%q and %q, %d connections", rests.log, works.log, r.eng.conns())
	}
}
