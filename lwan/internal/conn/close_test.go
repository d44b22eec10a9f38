//go:build linux

package conn

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// A peer that has not finished sending can still read why it was turned away.
func TestLingerLetsThePeerReadTheAnswer(t *testing.T) {
	for range 20 {
		r := run(t, &script{serve: func(c *served) Verdict {
			readLine(c)
			c.Write([]byte("too large\n"))
			return Linger
		}}, Config{})
		p := r.dial()
		p.send("upload\n" + strings.Repeat("x", 300<<10))
		p.send(strings.Repeat("x", 300<<10))
		if got := p.end(); got != "too large\n" {
			t.Fatalf("%q", got)
		}
		p.Conn.Close()
		eventually(t, "the connection is closed", func() bool { return r.eng.conns() == 0 })
	}
}

// The peer may send no end of bytes: after Config.LingerBytes the connection is closed, and not
// before.
func TestLingerIsBoundedInBytes(t *testing.T) {
	const limit = 3 << 20
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		return Linger
	}}, Config{Linger: time.Hour, LingerBytes: limit})
	p := r.dial()
	p.send("go\n")
	if got := p.end(); got != "" { // it lingers
		t.Fatalf("%q", got)
	}
	p.send(strings.Repeat("x", limit-1))
	eventually(t, "all is thrown away", func() (all bool) {
		r.do(func(set *Set) {
			for fd := range set.owned.all() {
				all = set.slots[fd].count >= limit-1
			}
		})
		return all
	})
	if n := r.eng.conns(); n != 1 {
		t.Fatal("closed before the limit")
	}
	p.send("x")
	eventually(t, "the connection is closed", func() bool { return r.eng.conns() == 0 })
}

// A large upload that is refused is read for longer than one pause, so that its client reads why.
func TestLingerForALargeUpload(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		c.Write([]byte("too large\n"))
		return Linger
	}}, Config{})
	p := r.dial()
	p.send("upload\n" + strings.Repeat("x", 20<<20))
	if got := p.end(); got != "too large\n" {
		t.Errorf("%q", got)
	}
}

// One that uploads fast does not keep its loop from the others.
func TestLingerIsFair(t *testing.T) {
	endless := &endlessReads{Kernel: Linux{}}
	r := run(t, &script{serve: lines(func(c *served, line string) Verdict {
		printTo(c, "%s", line)
		if line == "go" {
			endless.on.Store(true)
			return Linger
		}
		return Idle
	})}, Config{LingerBytes: -1, Kernel: endless})
	other := r.dial()
	other.send("hello\n")
	other.want("hello")
	p := r.dial()
	p.send("go\n")
	p.want("go")
	p.send("more")
	for range 3 {
		other.send("hello\n")
		other.want("hello")
	}
	endless.on.Store(false)
}

// endlessReads is a kernel that has always more for a connection that lingers.
type endlessReads struct {
	Kernel
	on atomic.Bool
}

func (k *endlessReads) Read(fd int, p []byte) (int, syscall.Errno) {
	if k.on.Load() && len(p) == 64<<10 { // the scratch of linger
		return len(p), 0
	}
	return k.Kernel.Read(fd, p)
}

// What the time and the bytes of lingering take of the budget ends it in both ways.
func TestLingerBudget(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want lingerBudget
	}{
		{Config{}, lingerBudget{pause: 2, whole: 64 << 20, second: 2 << 20}},
		{Config{Linger: -1}, lingerBudget{whole: 64 << 20, second: 64 << 20}},
		{Config{Linger: 10 * time.Second, LingerBytes: 160},
			lingerBudget{pause: 10, whole: 160, second: 1}},
		{Config{Linger: time.Hour, LingerBytes: 1}, lingerBudget{pause: 3600, whole: 1, second: 1}},
		{Config{LingerBytes: -1},
			lingerBudget{pause: 2, whole: countedBytes, second: countedBytes / 32, free: true}},
		{Config{LingerBytes: 1 << 40},
			lingerBudget{pause: 2, whole: countedBytes, second: countedBytes / 32, free: true}},
	} {
		if got := newLingerBudget(&c.cfg); got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
	}
}

// A peer that goes on sending gets more time, second by second, until the budget is used up; not
// one that trickles, not while draining, and not where its place is wanted.
func TestLingerGivesMoreTime(t *testing.T) {
	const never = 40 // seconds, that nobody lingers
	for name, c := range map[string]struct {
		cfg   Config
		state slotState
		phase phase
		sends int // each second
		over  int // second, after which the budget is used up
		moved bool
	}{
		"an upload":  {Config{}, slotLinger, phaseServe, lingerStep, 32, true},
		"a fast one": {Config{}, slotLinger, phaseServe, 6 << 20, 8, true},
		"one without a bound": {Config{LingerBytes: -1}, slotLinger,
			phaseServe, 6 << 20, 32, true},
		"one that trickles": {Config{}, slotLinger, phaseServe, 100, never, false},
		"the same, unbounded": {Config{LingerBytes: -1}, slotLinger,
			phaseServe, 100, never, false},
		"while draining":       {Config{}, slotLinger, phaseDrain, lingerStep, never, false},
		"where it was refused": {Config{}, slotRefused, phaseServe, lingerStep, never, false},
		"a pause of ten seconds": {Config{Linger: 10 * time.Second}, slotLinger, phaseServe,
			lingerStep, never, true},
	} {
		r := runFake(t, &script{}, c.cfg)
		var s *slot
		var first uint32
		on := func(fn func(set *Set, fd int32)) { // of the wheel only while it runs
			r.do(func(set *Set) {
				fd := int32(len(set.slots) - 1)
				s = &set.slots[fd]
				fn(set, fd)
				set.wheel.disarm(fd)
			})
		}
		on(func(set *Set, fd int32) {
			set.phase, s.state, s.bucket = c.phase, c.state, noBucket
			set.wheel.arm(fd, set.secondAfter(set.eng.linger.pause))
			first = s.die
		})
		seconds := 1
		for more := true; seconds < never; seconds++ {
			r.advance(time.Second)
			if on(func(set *Set, fd int32) { more = set.lingerOn(fd, s, c.sends) }); !more {
				break
			}
		}
		if seconds != c.over || (s.die != first) != c.moved {
			t.Errorf("%s: over after %d seconds, want %d; more time: %v",
				name, seconds, c.over, s.die != first)
		}
		on(func(set *Set, fd int32) { set.phase, *s = phaseServe, slot{bucket: noBucket} })
		*s = slot{}
	}
}

// crumbs is a kernel that has one byte at a time for a connection that lingers.
type crumbs struct {
	Kernel
	thrown atomic.Int64
}

func (k *crumbs) Read(fd int, p []byte) (int, syscall.Errno) {
	if len(p) < 64<<10 { // not the scratch of linger
		return k.Kernel.Read(fd, p)
	}
	n, e := k.Kernel.Read(fd, p[:1])
	if e == 0 {
		k.thrown.Add(int64(n))
	}
	return n, e
}

// The bound counts bytes: a peer that sends them one by one, as the rest of a request, is not reset
// after a thousand.
func TestLingerCountsBytesNotReads(t *testing.T) {
	const rest = 5_000
	k := &crumbs{Kernel: Linux{}}
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		return Linger
	}}, Config{Loops: 1, Kernel: k})
	p := r.dial()
	p.send("go\n")
	if got := p.end(); got != "" { // it lingers
		t.Fatalf("%q", got)
	}
	p.send(strings.Repeat("x", rest))
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the connection is closed", func() bool { return r.eng.conns() == 0 })
	if n := k.thrown.Load(); n != rest {
		t.Errorf("closed after %d of %d bytes", n, rest)
	}
}

// The peer may keep still: after the time the connection is closed, and not before it.
func TestLingerIsBoundedInTime(t *testing.T) {
	r := runFake(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		return Linger
	}}, Config{Linger: time.Second})
	p := r.dial()
	p.send("go\n")
	if got := p.end(); got != "" { // the FIN comes at once
		t.Errorf("%q", got)
	}
	r.advance(2*time.Second - 1) // a second, and what is left of the one that it began in
	if r.eng.conns() != 1 {
		t.Error("closed before its time")
	}
	r.advance(1)
	if r.eng.conns() != 0 {
		t.Error("it lingers on")
	}
}

func TestIdleConnectionsExpire(t *testing.T) {
	expired := 0 // the loop's
	r := runFake(t, &script{
		expire: func(c *served) {
			expired++
			c.TryWrite([]byte("bye\n"))
		},
		serve: lines(func(c *served, line string) Verdict {
			printTo(c, "%s", line)
			switch line {
			case "never":
				c.Expire(0)
			case "half":
				c.Keep("the beginning of a request")
				fallthrough
			case "soon":
				c.Expire(1)
			}
			return Idle
		}),
	}, Config{FirstByte: time.Second})
	silent, soon, half, never := r.dial(), r.dial(), r.dial(), r.dial()
	for p, line := range map[*peer]string{soon: "soon", half: "half", never: "never"} {
		p.send(line + "\n")
		p.want(line)
	}
	r.accepted(4)
	r.advance(2*time.Second - 1) // a second, and what is left of the one that it began in
	r.do(func(set *Set) {
		if set.counts.Expired != 0 {
			t.Errorf("%d expired before their time", set.counts.Expired)
		}
	})
	r.advance(1)
	half.want("bye") // it is owed an answer; the others are closed without a word
	for _, p := range []*peer{silent, soon, half} {
		p.gone()
	}
	r.advance(time.Hour)
	never.send("still here\n")
	never.want("still here")
	r.do(func(set *Set) {
		if set.counts.Expired != 3 || expired != 1 {
			t.Errorf("%d expired, %d of them in a turn", set.counts.Expired, expired)
		}
	})
}

// halves are connections of a runFake, of which half a request is there and whose time has come.
func halves(r *rig, n int) (peers []*peer) {
	for range n {
		p := r.dial()
		p.send("half\n")
		p.want("half")
		peers = append(peers, p)
	}
	r.advance(2 * time.Second)
	return peers
}

func keepHalf(c *served, line string) Verdict {
	printTo(c, "%s", line)
	c.Keep("the beginning of a request")
	c.Expire(1)
	return Idle
}

// An Expire that panics closes its connection and costs nothing else.
func TestExpireThatPanics(t *testing.T) {
	var died atomic.Int64
	r := runFake(t, &script{
		serve:  lines(keepHalf),
		expire: func(*served) { panic("ouch") },
		died:   func(*served, any) { died.Add(1) },
	}, Config{})
	for _, p := range halves(r, 10) {
		p.gone()
	}
	if died.Load() != 10 {
		t.Errorf("%d died", died.Load())
	}
}

// Invariant 8: expiry is a turn. While the answer to half a request waits, more of it may come, and
// the rest of a batch of connections may expire: one worker serves each connection, and no more
// answers wait at a time than are allowed.
func TestInvariant8ExpiryIsATurn(t *testing.T) {
	t.Parallel()
	const n = 2 * maxExpiring
	var begun, ended atomic.Int64
	var serving atomic.Int64
	release := make(chan struct{})
	r := runFake(t, &script{
		serve: lines(func(c *served, line string) Verdict {
			if line != "half" {
				serving.Add(1)
			}
			return keepHalf(c, line)
		}),
		expire: func(c *served) {
			begun.Add(1)
			offloaded(c, func() { <-release })
			c.Write([]byte("bye\n"))
			ended.Add(1)
		},
		ends: Linger,
	}, Config{})
	peers := halves(r, n)
	eventually(t, "all have expired", func() bool {
		count := int64(0)
		r.do(func(set *Set) { count = set.counts.Expired })
		return count == n
	})
	eventually(t, "answers wait", func() bool { return begun.Load() == maxExpiring })
	for _, p := range peers {
		p.Conn.Write([]byte("more\n")) // half of them are closed
	}
	r.do(func(set *Set) {
		if set.expiring != maxExpiring {
			t.Errorf("%d answers wait", set.expiring)
		}
	})
	close(release)
	eventually(t, "the answers are made", func() bool { return ended.Load() == maxExpiring })
	answered := 0
	for _, p := range peers {
		if got, _ := io.ReadAll(p.Conn); string(got) == "bye\n" {
			answered++
		}
	}
	if answered != maxExpiring || serving.Load() != 0 {
		t.Errorf("%d answered; %d were served by another worker meanwhile",
			answered, serving.Load())
	}
	eventually(t, "nothing is left", func() bool {
		left := 1
		r.do(func(set *Set) { left = set.expiring + set.busy })
		return left == 0
	})
}

func TestKeptBytesComeBack(t *testing.T) {
	r := run(t, &script{serve: func(c *served) Verdict {
		kept, _ := c.Kept().([]byte)
		var buf [100]byte
		n, err := c.TryRead(buf[:])
		if n == 0 && err != transport.ErrAgain {
			return Close
		}
		kept = append(kept, buf[:n]...)
		if !strings.HasSuffix(string(kept), "\n") {
			c.Keep(kept)
			return Idle
		}
		c.Write(kept)
		c.Keep(nil)
		return Idle
	}}, Config{})
	p := r.dial()
	p.send("a")
	for _, part := range []string{"b", "c", "d\n"} {
		n := int64(0)
		eventually(t, "the part is read", func() bool {
			r.do(func(set *Set) { n = set.counts.BytesIn })
			return n >= int64(part[0]-'a')
		})
		r.do(func(set *Set) {
			if set.records.used != 1 || parked(set) != 0 {
				t.Errorf("%d records, %d workers parked", set.records.used, parked(set))
			}
		})
		p.send(part)
	}
	p.want("abcd")
	p.send("x\n")
	p.want("x")
	r.do(func(set *Set) {
		if set.records.used != 0 {
			t.Errorf("an idle connection has a record")
		}
	})
}

// Bytes of the next request that are there already must be served though no edge tells of them.
func TestAgainAndRestWithMoreToRead(t *testing.T) {
	for name, v := range map[string]Verdict{"again": Again, "idle": Idle} {
		t.Run(name, func(t *testing.T) {
			r := run(t, &script{serve: func(c *served) Verdict {
				var b [1]byte
				n, err := c.TryRead(b[:])
				if err == transport.ErrAgain {
					return Idle
				}
				if n == 0 {
					return Close
				}
				c.Write(b[:])
				return v
			}}, Config{})
			p := r.dial()
			p.send("one two three\n")
			p.want("one two three")
			p.send("four")
			p.closeWrite()
			if got := p.end(); got != "four" {
				t.Errorf("%q", got)
			}
		})
	}
}

// A connection stands in the ready queue once, however many edges come while it waits for its turn.
func TestEdgesGiveNoMoreTurns(t *testing.T) {
	var most atomic.Int64
	r := run(t, &script{serve: func(c *served) Verdict {
		most.Store(max(most.Load(), int64(c.Loop().Queued())))
		var b [16]byte
		n, err := c.TryRead(b[:])
		switch {
		case err == transport.ErrAgain:
			return Idle
		case n == 0:
			return Close
		}
		return Again
	}}, Config{})
	p := r.dial()
	for range 2000 {
		p.send("0123456789abcdef0123456789abcdef")
	}
	p.closeWrite()
	p.gone()
	if most.Load() > 0 {
		t.Errorf("%d places in the queue beside its own turn", most.Load())
	}
}

func TestDetach(t *testing.T) {
	taken := make(chan *detached, 1)
	r := run(t, &script{serve: func(c *served) Verdict {
		readLine(c)
		d, err := detach(c)
		if err != nil {
			t.Error(err)
		}
		taken <- d
		return Close
	}}, Config{})
	p := r.dial()
	p.send("go\n")
	d := <-taken
	eventually(t, "the engine forgets it", func() bool { return r.eng.conns() == 0 })
	defer d.Close()
	p.send("hello\n")
	if got, err := io.ReadAll(io.LimitReader(d, 6)); string(got) != "hello\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	io.WriteString(d, "bye\n")
	p.want("bye")
}
