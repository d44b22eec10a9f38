//go:build linux

package conn

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// backend is a listener that a served line connects to.
func backend(t *testing.T) (ln net.Listener, to Target) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln, Target{Addr: ln.Addr().(*net.TCPAddr).AddrPort()}
}

func acceptFrom(t *testing.T, ln net.Listener) *peer {
	t.Helper()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, c)
}

// readHeld reads from a held connection as a handler does.
func readHeld(c *served, up Conn, p []byte, limit time.Duration) (int, error) {
	for {
		n, err := up.TryRead(p)
		if err != transport.ErrAgain {
			return n, err
		}
		if err := up.AwaitInput(&c.w.Task, limit); err != nil {
			return 0, err
		}
	}
}

func TestDialEchoesThroughABackend(t *testing.T) {
	ln, to := backend(t)
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		up, err := Dial(&c.w.Task, &to, patience)
		if err != nil {
			printTo(c, "dial: %v", err)
			return Idle
		}
		defer up.Close()
		if got := up.Peer(); got != to.Addr {
			printTo(c, "peer %v", got)
			return Idle
		}
		if _, err := up.TryWrite([]byte(line + "\n")); err != nil {
			printTo(c, "write: %v", err)
			return Idle
		}
		var buf [64]byte
		n, err := readHeld(c, up, buf[:], 0)
		printTo(c, "%s %v", buf[:n], err)
		return Idle
	})}, Config{})
	p := r.dial()
	for range 3 {
		p.send("hello\n")
		b := acceptFrom(t, ln)
		b.want("hello")
		b.send("world")
		p.want("world <nil>")
		b.end()
	}
}

// restingSession is a pool of one.
type restingSession struct{ ready, draining, ended atomic.Int64 }

func (s *restingSession) Ready(p transport.Pipe) {
	if p.(*pipe).Stray() {
		s.ready.Add(1)
		p.End(transport.Close)
	}
}

func (s *restingSession) Expired(p transport.Pipe) {
	s.ended.Add(1)
	p.End(transport.Close)
}

func (s *restingSession) Draining(p transport.Pipe) {
	s.draining.Add(1)
	p.End(transport.Close)
}

func (s *restingSession) AtRest(transport.Pipe) bool      { return true }
func (s *restingSession) Ended(_ transport.Pipe, _ error) { s.ended.Add(1) }

// pooled serves lines over one connection that rests between them.
func pooled(to *Target, ses *restingSession, seconds uint32) func(c *served, line string) Verdict {
	var up Conn
	var pipe transport.Pipe
	return func(c *served, line string) Verdict {
		if !up.Hold() {
			var err error
			if up, err = Dial(&c.w.Task, to, patience); err != nil {
				printTo(c, "dial: %v", err)
				return Idle
			}
			pipe = up.Pipe()
		}
		up.TryWrite([]byte(line + "\n"))
		buf := make([]byte, 4)
		n, err := readHeld(c, up, buf, patience)
		kept := up.Rest(pipe, ses, seconds)
		if !kept {
			up.Close()
		}
		printTo(c, "%s %v %v", buf[:n], err, kept)
		return Idle
	}
}

func TestRestingConnection(t *testing.T) {
	ln, to := backend(t)
	var ses restingSession
	r := run(t, &script{serve: lines(pooled(&to, &ses, 0))}, Config{})
	p := r.dial()
	p.send("a\n")
	b := acceptFrom(t, ln)
	b.want("a")
	b.send("full") // fills the buffer: the kernel is asked
	p.want("full <nil> true")
	p.send("b\n")
	b.want("b")
	b.send("more than that")
	p.want("more <nil> false")
	b.gone()

	p.send("c\n")
	b = acceptFrom(t, ln)
	b.want("c")
	b.send("x")
	p.want("x <nil> true")
	b.Close() // it is closed at once, and the next one is another
	eventually(t, "the end is seen", func() bool { return ses.ready.Load() == 1 })
	p.send("d\n")
	b = acceptFrom(t, ln)
	b.want("d")
	b.send("y")
	p.want("y <nil> true")
	b.send("stray")
	eventually(t, "stray bytes are seen", func() bool { return ses.ready.Load() == 2 })
	b.gone()
}

func TestRestingConnectionExpires(t *testing.T) {
	ln, to := backend(t)
	var ses restingSession
	r := runFake(t, &script{serve: lines(pooled(&to, &ses, 5))}, Config{})
	p := r.dial()
	p.send("a\n")
	b := acceptFrom(t, ln)
	b.want("a")
	b.send("x")
	p.want("x <nil> true")
	r.advance(7 * time.Second)
	b.end()
	if ses.ended.Load() != 1 {
		t.Errorf("told %d times of the end", ses.ended.Load())
	}
}

func TestDialFails(t *testing.T) {
	ln, to := backend(t)
	ln.Close()
	full := Target{Addr: netip.MustParseAddrPort("127.0.0.1:1")}
	var kernel stuckConnect
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		where, limit := &to, patience
		if kernel.stuck = line == "stuck"; kernel.stuck {
			where, limit = &full, time.Millisecond
		}
		_, err := Dial(&c.w.Task, where, limit)
		printTo(c, "%v %v", errors.Is(err, syscall.ECONNREFUSED), err == transport.ErrTimeout)
		return Idle
	})}, Config{Kernel: &kernel})
	p := r.dial()
	p.send("refused\n")
	p.want("true false")
	p.send("stuck\n")
	p.want("false true")
}

// stuckConnect has connections that stay in progress for ever.
type stuckConnect struct {
	Linux
	stuck bool
}

func (k *stuckConnect) Connect(fd int, to unix.Sockaddr) syscall.Errno {
	if k.stuck {
		return syscall.EINPROGRESS
	}
	return k.Linux.Connect(fd, to)
}

// TestClientLeavesHandlerThatWaitsForBackend: in each phase the wait ends, and the backend sees the
// end of the connection.
func TestClientLeavesHandlerThatWaitsForBackend(t *testing.T) {
	ln, to := backend(t)
	var kernel stuckConnect
	causes := make(chan error, 1)
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		kernel.stuck = line == "connect"
		up, err := Dial(&c.w.Task, &to, 0)
		if err == nil {
			defer up.Close()
		}
		switch {
		case line == "read" && err == nil:
			_, err = readHeld(c, up, make([]byte, 1), 0)
		case line == "write" && err == nil:
			for err == nil {
				if _, err = up.TryWrite(make([]byte, 1<<20)); err == transport.ErrAgain {
					err = up.AwaitRoom(&c.w.Task, 0)
				}
			}
		}
		causes <- err
		return Close
	})}, Config{Kernel: &kernel})
	for _, line := range []string{"connect", "read", "write"} {
		p := r.dial()
		p.send(line + "\n")
		var b *peer
		if line != "connect" {
			b = acceptFrom(t, ln)
		}
		eventually(t, line+": it waits", func() (ok bool) {
			r.do(func(set *Set) { ok = parked(set) == 1 })
			return ok
		})
		p.Close()
		if err := <-causes; err != transport.ErrGone {
			t.Errorf("%s: %v", line, err)
		}
		if b != nil {
			b.gone()
		}
	}
}

// TestDialledHoldsUpALoop: a loop is over only when nothing is left that was opened from it.
func TestDialledHoldsUpALoop(t *testing.T) {
	ln, to := backend(t)
	var up Conn
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		var err error
		if up, err = Dial(&c.w.Task, &to, patience); err == nil {
			p := up.Pipe()
			p.Attach(&keeping{})
		}
		printTo(c, "%v", err)
		return Close
	})}, Config{})
	p := r.dial()
	p.send("a\n")
	p.want("<nil>")
	p.end()
	b := acceptFrom(t, ln)
	r.eng.Drain(0)
	r.do(func(set *Set) {
		if set.Over() || set.dialled != 1 {
			t.Errorf("over: %v, dialled: %d", set.Over(), set.dialled)
		}
	})
	r.eng.sets[0].loop.Post(func() { up.Pipe().End(transport.Close) })
	b.end()
}

// keeping is a session that does nothing.
type keeping struct{}

func (keeping) Ready(transport.Pipe)        {}
func (keeping) Expired(transport.Pipe)      {}
func (keeping) AtRest(transport.Pipe) bool  { return false }
func (keeping) Draining(transport.Pipe)     {}
func (keeping) Ended(transport.Pipe, error) {}

func TestHeldConnectionIsClosedHard(t *testing.T) {
	ln, to := backend(t)
	ended := make(chan error, 1)
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		up, err := Dial(&c.w.Task, &to, patience)
		if err == nil {
			_, err = readHeld(c, up, make([]byte, 1), 0)
		}
		ended <- err
		return Close
	})}, Config{})
	p := r.dial()
	p.send("a\n")
	b := acceptFrom(t, ln)
	r.eng.Cancel(transport.ErrStopping)
	b.gone()
	if err := <-ended; err != transport.ErrOver && err != transport.ErrStopping {
		t.Error(err)
	}
}

// TestDialWithoutDescriptors: what rests is given up for a new connection.
func TestDialWithoutDescriptors(t *testing.T) {
	ln, to := backend(t)
	var ses restingSession
	var kernel fewSockets
	rest := pooled(&to, &ses, 0)
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		if line != "more" {
			return rest(c, line)
		}
		kernel.none = true
		up, err := Dial(&c.w.Task, &to, patience)
		up.Close()
		printTo(c, "%v", err)
		return Idle
	})}, Config{Kernel: &kernel})
	p := r.dial()
	p.send("a\n")
	b := acceptFrom(t, ln)
	b.want("a")
	b.send("x")
	p.want("x <nil> true")
	p.send("more\n")
	p.want("<nil>")
	b.end()
	if ses.ended.Load() != 1 {
		t.Errorf("told %d times of the end", ses.ended.Load())
	}
}

// fewSockets has none until one is closed.
type fewSockets struct {
	Linux
	none bool
}

func (k *fewSockets) Socket(domain int) (int, syscall.Errno) {
	if k.none {
		return -1, syscall.EMFILE
	}
	return k.Linux.Socket(domain)
}

func (k *fewSockets) Close(fd int) syscall.Errno {
	k.none = false
	return k.Linux.Close(fd)
}

// selfish lets a socket have the port that it is to connect to, as the system may choose it.
type selfish struct{ Linux }

func (k *selfish) Connect(fd int, to unix.Sockaddr) syscall.Errno {
	if err := unix.Bind(fd, to); err != nil {
		return errnoOf(err)
	}
	return k.Linux.Connect(fd, to)
}

// TestDialFindsNotItself: a connection whose both ends are one socket is none.
func TestDialFindsNotItself(t *testing.T) {
	ln, to := backend(t)
	ln.Close()
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		up, err := Dial(&c.w.Task, &to, patience)
		up.Close()
		printTo(c, "%v", err)
		return Idle
	})}, Config{Kernel: new(selfish)})
	p := r.dial()
	p.send("dial\n")
	p.want("connection refused")
	again, err := net.Listen("tcp", to.Addr.String()) // who is to listen there can
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
