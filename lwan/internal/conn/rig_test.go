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
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// served is a connection with the worker that serves it: its calls wait there.
type served struct {
	Conn
	w                         *loop.Worker
	p                         *script
	ReadTimeout, WriteTimeout time.Duration
}

func (c *served) Worker() *loop.Worker { return c.w }

func (c *served) Read(p []byte) (int, error) { return c.Conn.Read(&c.w.Task, p, c.ReadTimeout) }

func (c *served) Write(p []byte) (int, error) { return c.Conn.Write(&c.w.Task, p, c.WriteTimeout) }

func (c *served) WriteMore(p []byte) (int, error) {
	return c.Conn.WriteMore(&c.w.Task, p, c.WriteTimeout)
}

func (c *served) Writev(a, b []byte) (int, error) {
	return c.Conn.Writev(&c.w.Task, a, b, c.WriteTimeout)
}

func (c *served) Sendfile(f *os.File, off, n int64) (int64, error) {
	return c.Conn.Sendfile(&c.w.Task, f, off, n, c.WriteTimeout)
}

// Cancel implements loop.Owner.
func (c *served) Cancel(cause error) {
	if c.p.cancelled != nil {
		c.p.cancelled(c, cause)
	}
}

// Drain implements loop.Owner.
func (c *served) Drain() bool {
	call(c.p.draining, c)
	return false
}

// script is a protocol made of the test's functions. Those that are nil do what is natural.
type script struct {
	serve           func(c *served) Verdict // nil: echo
	expire          func(c *served)
	ends            Verdict // of expire and died
	cancelled       func(c *served, cause error)
	draining, waits func(c *served)
	rests           func()
	died            func(c *served, value any)
	refuse          func(fd int)
}

func (p *script) NewState(w *loop.Worker) any { return &served{w: w, p: p} }

func (p *script) Refuse(fd int) {
	if p.refuse != nil {
		p.refuse(fd)
	}
}

// begin makes the worker's served that of c.
func (p *script) begin(w *loop.Worker, c Conn) *served {
	s := w.State.(*served)
	s.Conn, s.ReadTimeout, s.WriteTimeout = c, 0, 0
	w.Begin(s)
	return s
}

func (p *script) Serve(w *loop.Worker, c Conn, why Why) Verdict {
	s := p.begin(w, c)
	switch {
	case why == Expired:
		call(p.expire, s)
		return p.ends
	case p.serve == nil:
		return echo(s)
	}
	return p.serve(s)
}

func call(f func(*served), c *served) {
	if f != nil {
		f(c)
	}
}

func (p *script) Died(w *loop.Worker, c Conn, _, value any, _ []byte) Verdict {
	s := p.begin(w, c)
	if p.died != nil {
		p.died(s, value)
	}
	return p.ends
}

func (p *script) Waits(w *loop.Worker) { call(p.waits, w.State.(*served)) }

func (p *script) Rests(*loop.Worker) {
	if p.rests != nil {
		p.rests()
	}
}

// echo sends back what is there.
func echo(c *served) Verdict {
	var buf [4096]byte
	for {
		n, err := c.TryRead(buf[:])
		if err == transport.ErrAgain {
			return Idle
		}
		if err != nil || n == 0 {
			return Close
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return Close
		}
	}
}

// rig is an engine under test with one listener on a free port of the loopback address.
type rig struct {
	t    testing.TB
	eng  *Engine
	lane *Lane
	log  *safeBuffer

	clock *fakeClock // of runFake
}

// run starts an engine. At the end of the test it is closed, and nothing may be left of it.
func run(t testing.TB, p Protocol, cfg Config) *rig {
	t.Helper()
	lane, err := Listen("127.0.0.1:0", ListenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return runOn(t, p, cfg, lane)
}

func runOn(t testing.TB, p Protocol, cfg Config, lane *Lane) *rig {
	t.Helper()
	r := &rig{t: t, lane: lane, log: &safeBuffer{}}
	cfg.Protocol = p
	cfg.Log = slog.New(slog.NewTextHandler(r.log, nil))
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	if cfg.Poller == nil {
		cfg.Poller = testPoller
	}
	var err error
	if r.eng, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := r.eng.Start([]*Lane{lane}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

func (r *rig) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := r.eng.Close(ctx); err != nil {
		r.t.Errorf("Close: %v", err)
		return
	}
	r.lane.Close()
	s := r.eng.Stats()
	if s.Conns != 0 || s.Loops.Parked != 0 || s.Busy != 0 || s.Loops.Workers != 0 ||
		s.Accepted != s.Closed {
		r.t.Errorf("left behind: %+v", s)
	}
	for _, set := range r.eng.sets {
		if set.records.used != 0 || set.wheel.count != 0 {
			r.t.Errorf("loop %d: %d records and %d entries of the wheel left",
				set.id, set.records.used, set.wheel.count)
		}
	}
	if n := r.eng.refused.Load(); n != 0 {
		r.t.Errorf("%d refused connections left", n)
	}
	if a := r.eng.addrs; a != nil && (len(a.byAddr) != 0 || len(a.free) != len(a.entries)) {
		r.t.Errorf("counted addresses left: %v", a.byAddr)
	}
	if r.t.Failed() {
		r.t.Logf("log:\n%s", r.log)
	}
}

func (r *rig) dial() *peer {
	r.t.Helper()
	return dialTo(r.t, r.lane.Addr())
}

// do runs fn on the first loop and waits for it.
func (r *rig) do(fn func(set *Set)) {
	set := r.eng.sets[0]
	done := make(chan struct{})
	set.loop.Post(func() { defer close(done); fn(set) })
	<-done
}

// peer is the client's end of a connection.
type peer struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

const patience = 60 * time.Second // for what should come at once

func dialTo(t testing.TB, addr net.Addr) *peer {
	t.Helper()
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, c)
}

func newPeer(t testing.TB, c net.Conn) *peer {
	p := &peer{Conn: c, t: t, r: bufio.NewReader(c)}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(2 * patience))
	return p
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		p.t.Fatal(err)
	}
}

// line reads one.
func (p *peer) line() string {
	p.t.Helper()
	s, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%q, then %v", s, err)
	}
	return strings.TrimSuffix(s, "\n")
}

func (p *peer) want(lines ...string) {
	p.t.Helper()
	for _, w := range lines {
		if got := p.line(); got != w {
			p.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// end expects the end of the stream, and returns what came before it.
func (p *peer) end() string {
	p.t.Helper()
	b, err := io.ReadAll(p.r)
	if err != nil {
		p.t.Fatalf("%q, then %v", b, err)
	}
	return string(b)
}

// gone expects that the connection is closed, by FIN or reset.
func (p *peer) gone() {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.r); err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			p.t.Fatal("the connection is still open")
		}
	}
}

func (p *peer) closeWrite() { p.Conn.(*net.TCPConn).CloseWrite() }

// reset closes with an RST.
func (p *peer) reset() {
	p.Conn.(*net.TCPConn).SetLinger(0)
	p.Conn.Close()
}

// narrowBuffer is small, but not so small that TCP waits for delayed acknowledgements.
const narrowBuffer = 64 << 10

// narrow makes the peer's receive buffer small.
func (p *peer) narrow() {
	raw, err := p.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		p.t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, narrowBuffer)
	})
}

// narrowSend makes the send buffer of a served connection small.
func narrowSend(c *served) {
	err := unix.SetsockoptInt(c.Fd(), unix.SOL_SOCKET, unix.SO_SNDBUF, narrowBuffer)
	if err != nil {
		panic(err)
	}
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for round := 0; !cond(); round++ {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		if round < 100 {
			runtime.Gosched()
			continue
		}
		time.Sleep(time.Millisecond) // leaves the CPU to the tests beside this one
	}
}

// safeBuffer is a log that many goroutines write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// readLine reads one line of a served connection, waiting for it; empty when the peer has closed.
func readLine(c *served) string {
	var line []byte
	var b [1]byte
	for {
		n, err := c.Read(b[:])
		if err != nil || n == 0 {
			return ""
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}

// lines makes a server of a function that serves one line. It closes when the peer has.
func lines(serve func(c *served, line string) Verdict) func(c *served) Verdict {
	return func(c *served) Verdict {
		var first [1]byte
		n, err := c.TryRead(first[:])
		if err == transport.ErrAgain {
			return Idle
		}
		if err != nil || n == 0 {
			return Close
		}
		return serve(c, string(first[:])+readLine(c))
	}
}

func printTo(c *served, format string, args ...any) {
	c.Write(fmt.Appendf(nil, format+"\n", args...))
}

// dialRaw connects; the caller closes, and checks.
func dialRaw(addr net.Addr) (net.Conn, error) {
	c, err := net.Dial(addr.Network(), addr.String())
	if err == nil {
		c.SetDeadline(time.Now().Add(2 * patience))
	}
	return c, err
}

// detached is a connection that was taken out of its engine.
type detached struct{ net.Conn }

func detach(c *served) (*detached, error) {
	if err := c.Detach(); err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(uintptr(c.Fd()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "detached")
	defer f.Close()
	conn, err := net.FileConn(f)
	return &detached{conn}, err
}

// noDeadline is for benchmarks, which last as long as they are asked to.
var noDeadline time.Time

// parked is how many workers of the loop wait. It is for code on it.
func parked(set *Set) int64 {
	set.loop.Publish()
	return set.eng.Stats().Loops.Parked
}

// abort frees an engine that was not started.
func (e *Engine) abort() {
	e.group.Close()
	e.free()
}
