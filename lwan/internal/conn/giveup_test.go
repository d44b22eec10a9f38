//go:build linux

package conn

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The process runs out of descriptors in another one: a limit of this one would hit the tests too.
func init() { children["without descriptors"] = serveWithoutDescriptors }

// fewDescriptors is how many connections the child has room for, more or less.
const fewDescriptors = 8

// serveWithoutDescriptors serves with a limit so low that accepting soon fails. It prints its
// address. It answers "cpu" with the CPU time that the process has used, and "given up" with the
// number of connections that were.
func serveWithoutDescriptors() {
	lane, err := Listen("127.0.0.1:0", ListenConfig{})
	if err != nil {
		panic(err)
	}
	var e *Engine
	e, err = New(Config{Loops: 2, Poller: testPoller, Linger: time.Hour,
		Log: slog.New(slog.DiscardHandler),
		Protocol: &script{serve: lines(func(c *served, line string) Verdict {
			switch line {
			case "cpu":
				var use unix.Rusage
				unix.Getrusage(unix.RUSAGE_SELF, &use)
				line = fmt.Sprint((use.Utime.Nano() + use.Stime.Nano()) / 1e6)
			case "given up":
				line = fmt.Sprint(e.Stats().GivenUp)
			}
			printTo(c, "%s", line)
			if line == "linger" {
				return Linger
			}
			c.Expire(600)
			return Idle
		})}})
	if err != nil {
		panic(err)
	}
	if err := e.Start([]*Lane{lane}); err != nil {
		panic(err)
	}
	limit := unix.Rlimit{
		Cur: uint64(openDescriptors() + fewDescriptors),
		Max: uint64(openDescriptors() + fewDescriptors),
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	fmt.Println(lane.Addr())
	var b [1]byte
	os.Stdin.Read(b[:]) // until the parent closes it
}

// Clients that come while all descriptors are taken by idle connections are served: the idle ones
// are given up.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	addr, end := spawnServer(t, "without descriptors")
	defer end()
	const many = 10 * fewDescriptors
	var idle []*peer
	for range many {
		p := dialTo(t, addr)
		p.send("hello\n")
		p.want("hello")
		idle = append(idle, p)
	}
	// Which ones depends on which loop accepts: a loop gives up its own before it asks the others.
	gone := make(chan bool, many)
	for _, p := range idle {
		go func() {
			_, err := p.r.ReadByte()
			gone <- !errors.Is(err, os.ErrDeadlineExceeded)
		}()
	}
	for n := range many - 2*fewDescriptors {
		if !<-gone {
			t.Fatalf("%d of %d are closed, with %d descriptors", n, many, fewDescriptors)
		}
	}
	eventually(t, "the connections that were given up are counted", func() bool {
		var n int
		p := dialTo(t, addr)
		p.send("given up\n")
		fmt.Sscan(p.line(), &n)
		return n >= many-2*fewDescriptors
	})
}

// Clients that have their last answer and do not close keep nobody out.
func TestLingeringConnectionsMakeRoom(t *testing.T) {
	addr, end := spawnServer(t, "without descriptors")
	defer end()
	for range 5 * fewDescriptors {
		p := dialTo(t, addr)
		p.send("linger\n")
		p.want("linger")
	}
}

// Where every connection is at work, new ones wait, without CPU time being spent on them; a
// descriptor that is freed is used again.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	addr, end := spawnServer(t, "without descriptors")
	defer end()
	var served, waiting []*peer
	for range 30 {
		p := dialTo(t, addr)
		p.send("hello\nhal") // and half a line, which it is busy with
		p.Conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		if _, err := p.r.ReadString('\n'); err == nil {
			served = append(served, p)
		} else if waiting = append(waiting, p); len(waiting) == 3 {
			break
		}
		p.Conn.SetReadDeadline(time.Now().Add(patience))
	}
	if len(served) < 2 || len(waiting) < 3 {
		t.Fatalf("%d served, %d waiting: the limit was not met", len(served), len(waiting))
	}
	cpu := func() (ms int) {
		served[0].send("f\ncpu\nhal")
		served[0].want("half")
		fmt.Sscan(served[0].line(), &ms)
		return ms
	}
	before, begin := cpu(), time.Now()
	for range 300 { // connections that are open are served meanwhile
		served[1].send("f\nhal")
		served[1].want("half")
	}
	for time.Since(begin) < time.Second {
		served[1].send("f\nhal")
		served[1].want("half")
		<-time.After(50 * time.Millisecond)
	}
	if used := cpu() - before; used > 500 {
		t.Errorf("%d ms of CPU in %v: the loops spin", used, time.Since(begin))
	}
	for i, p := range waiting {
		served[2+i].Close()
		p.Conn.SetReadDeadline(time.Now().Add(patience))
		p.want("hello")
	}
}

// fullTable is a kernel whose process has no descriptor left while more than so many connections
// are open.
type fullTable struct {
	Linux
	open, most atomic.Int64
}

func (k *fullTable) Accept(fd int, from *Sockaddr) (int, syscall.Errno) {
	if k.open.Load() >= k.most.Load() {
		return -1, syscall.EMFILE
	}
	n, e := k.Linux.Accept(fd, from)
	if e == 0 {
		k.open.Add(1)
	}
	return n, e
}

func (k *fullTable) Close(fd int) syscall.Errno {
	k.open.Add(-1)
	return k.Linux.Close(fd)
}

// Which connections are given up: the idle ones, longest idle first; not those that are busy, have
// sent half a request, or were opened just now.
func TestWhoIsGivenUp(t *testing.T) {
	k := &fullTable{}
	k.most.Store(1000)
	r := run(t, &script{serve: func(c *served) Verdict {
		var buf [64]byte
		n, err := c.TryRead(buf[:])
		if err != nil || n == 0 {
			return Close
		}
		switch string(buf[:n]) {
		case "half":
			c.Keep("half")
			c.Expire(1)
		case "busy":
			if c.Worker().Sleep(time.Hour) != nil {
				return Close
			}
		case "early", "late":
			c.Write(buf[:n])
			c.Expire(map[string]uint32{"early": 100, "late": 200}[string(buf[:n])])
		}
		return Idle
	}}, Config{Kernel: k, FirstByte: 300 * time.Second})
	const each = giveUpBatch
	kinds := map[string][]*peer{}
	for _, kind := range []string{"late", "half", "busy", "early"} {
		for range each {
			p := r.dial()
			p.send(kind)
			kinds[kind] = append(kinds[kind], p)
		}
	}
	eventually(t, "all are served", func() bool {
		idle := 0
		r.do(func(set *Set) {
			set.each("a test", func(_ int32, s *slot) {
				if s.state != slotFresh && !s.readable() {
					idle++
				}
			})
		})
		return idle == 4*each
	})
	k.most.Store(4 * each)
	fresh := r.dial()
	fresh.send("early")
	got := make([]byte, 5)
	if _, err := fresh.r.Read(got); err != nil || string(got) != "early" {
		t.Fatalf("the new one: %q, %v", got, err)
	}
	for _, p := range kinds["early"] {
		if s := p.end(); s != "early" {
			t.Errorf("%q", s)
		}
	}
	r.do(func(set *Set) {
		if set.counts.GivenUp != each || set.conns.Load() != 3*each+1 {
			t.Errorf("%d given up, %d connections left", set.counts.GivenUp, set.conns.Load())
		}
		if n := set.giveUp(set.isSilent); n != 0 {
			t.Errorf("%d that have said something are silent ones", n)
		}
	})
}

// Connections that were opened and have never said anything make room too, once they are a second
// old.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	k := &fullTable{}
	k.most.Store(3)
	r := runFake(t, &script{}, Config{Kernel: k, FirstByte: 300 * time.Second})
	var silent []*peer
	for range 3 {
		silent = append(silent, r.dial())
	}
	r.accepted(3)
	r.advance(2 * time.Second)
	late := r.dial()
	late.send("hello\n")
	late.want("hello")
	for _, p := range silent {
		p.gone()
	}
}

// A loop without idle connections asks the others.
func TestOtherLoopsMakeRoom(t *testing.T) {
	k := &fullTable{}
	k.most.Store(1000)
	r := run(t, &script{serve: func(c *served) Verdict {
		v := echo(c)
		c.Expire(60)
		return v
	}}, Config{Loops: 2, Kernel: k})
	for range 40 {
		p := r.dial()
		p.send("hello\n")
		p.want("hello")
	}
	k.most.Store(40)
	for _, set := range r.eng.sets { // whoever of the two accepts, one has nothing to give up
		if set.conns.Load() == 0 {
			t.Fatal("all connections are on one loop")
		}
	}
	done := make(chan struct{})
	set := r.eng.sets[0]
	set.loop.Post(func() {
		for set.giveUp(set.isBetweenRequests) > 0 {
		}
		k.most.Store(k.open.Load())
		close(done)
	})
	<-done
	for range 30 {
		p := r.dial()
		p.send("hello\n")
		p.want("hello")
		p.Conn.SetDeadline(noDeadline)
	}
	// A loop publishes before it goes to sleep, which may be after its answer has come.
	eventually(t, "all are counted", func() bool { return r.eng.Stats().Accepted == 70 })
}

// TestWheelInOrder compares the order of the wheel with that of the deadlines.
func TestWheelInOrder(t *testing.T) {
	slots := make([]slot, 500)
	var q wheel
	q.init(slots)
	q.swept = 1<<32 - 20 // the clock wraps on the way
	for fd := range slots {
		slots[fd].bucket = noBucket
	}
	for fd := range int32(len(slots)) {
		q.arm(fd, q.swept+1+uint32(fd*37)%200)
		if fd%3 == 0 { // used since: a later time, in its old bucket
			q.arm(fd, slots[fd].die+uint32(fd)%50)
		}
	}
	var order []uint32
	begin := q.swept
	q.inOrder(func(fd int32) bool {
		order = append(order, slots[fd].die-begin)
		return true
	})
	if len(order) != len(slots) || !slices.IsSorted(order) {
		t.Errorf("%d visited, in the order %v", len(order), order)
	}
	n := 0
	q.inOrder(func(fd int32) bool {
		q.disarm(fd)
		n++
		return n < 10
	})
	if n != 10 || q.count != len(slots)-10 {
		t.Errorf("%d visited, %d left", n, q.count)
	}
}
