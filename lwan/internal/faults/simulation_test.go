//go:build linux

package faults_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/faults"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

const patience = 60 * time.Second // for what should come at once

// The simulation: many clients ask for things with pipelined requests in random pieces, of a server
// whose kernel does its work badly. A request is a line "id verb n"; its answer is a line "id n"
// and n bytes that follow from id. So an answer to another request, and each byte that is lost,
// doubled or moved, is noticed.

// simByte is byte i of the answer to id.
func simByte(id uint32, i int) byte { return byte(id>>(i%4*8)) ^ byte(i) ^ byte(i>>8) }

func simBody(id uint32, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = simByte(id, i)
	}
	return b
}

// simulated is the protocol's side.
type simulated struct {
	file *os.File // a body for sendfile: that of id 0
}

func (p *simulated) NewState(*loop.Worker) any { return &simServer{p: p} }
func (p *simulated) Waits(*loop.Worker)        {}
func (p *simulated) Rests(*loop.Worker)        {}
func (p *simulated) Refuse(int)                {}

func (p *simulated) Died(*loop.Worker, conn.Conn, any, any, []byte) conn.Verdict {
	return conn.Close
}

func (p *simulated) Serve(w *loop.Worker, c conn.Conn, why conn.Why) conn.Verdict {
	if why == conn.Expired {
		return conn.Close
	}
	s := w.State.(*simServer)
	s.w, s.c = w, c
	return s.serve()
}

type simServer struct {
	p   *simulated
	w   *loop.Worker
	c   conn.Conn
	buf [3000]byte
	in  []byte
}

func (s *simServer) serve() conn.Verdict {
	kept, _ := s.c.Kept().([]byte)
	s.in = append(s.in[:0], kept...)
	for served := 0; ; {
		if line, rest, ok := bytes.Cut(s.in, []byte("\n")); ok {
			ask := string(line)
			s.in = rest
			if v := s.answer(ask); v != conn.Idle {
				return v
			}
			if served++; served == 3 {
				s.c.Keep(bytes.Clone(s.in))
				return conn.Again
			}
			continue
		}
		n, err := s.c.TryRead(s.buf[:])
		if err == transport.ErrAgain {
			if len(s.in) > 0 {
				s.c.Keep(bytes.Clone(s.in))
			}
			s.c.Expire(120)
			return conn.Idle
		}
		if err != nil || n == 0 {
			return conn.Close
		}
		s.in = append(s.in, s.buf[:n]...)
	}
}

func (s *simServer) write(p []byte) error {
	_, err := s.c.Write(&s.w.Task, p, 0)
	return err
}

// announced reports whether the first request on the second listener is of the connection that its
// header has announced.
func (s *simServer) announced(id uint32) bool {
	if s.c.Lane() == 0 || s.c.Count() > 0 {
		return true
	}
	s.c.SetCount(1)
	return s.c.Peer() == netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(id))
}

func (s *simServer) answer(ask string) conn.Verdict {
	var id uint32
	var verb string
	var n int
	if _, err := fmt.Sscan(ask, &id, &verb, &n); err != nil || !s.announced(id) {
		_ = s.write([]byte("what? " + ask + "\n"))
		return conn.Linger
	}
	head := fmt.Appendf(nil, "%d %d\n", id, n)
	body := simBody(id, n)
	var err error
	switch verb {
	case "write":
		err = s.write(append(head, body...))
	case "writev":
		_, err = s.c.Writev(&s.w.Task, head, body, 0)
	case "sendfile":
		if _, err = s.c.WriteMore(&s.w.Task, head, 0); err == nil {
			_, err = s.c.Sendfile(&s.w.Task, s.p.file, 0, int64(n), 0)
		}
	case "upload":
		err = s.upload(id, n, head)
	case "die":
		panic("as asked")
	case "goexit":
		defer s.w.Pause()
		runtime.Goexit()
	case "linger":
		_ = s.write(append(head, body...))
		return conn.Linger
	case "session":
		s.c.Attach(&simSession{unsent: append(head, body...)})
		return conn.Hand
	default:
		// one that half-closes reads on
		if err = s.wait(verb); err == nil || err == transport.ErrGone {
			err = s.write(append(head, body...))
		}
	}
	if err != nil {
		return conn.Close
	}
	return conn.Idle
}

// simSession writes what it was given as there is room, also to a peer that has half-closed.
type simSession struct {
	unsent []byte
	fin    bool
}

func (s *simSession) Ready(p transport.Pipe) {
	for len(s.unsent) > 0 {
		n, err := p.TryWrite(s.unsent)
		if err == transport.ErrAgain {
			break
		}
		if err != nil {
			p.End(transport.Close)
			return
		}
		s.unsent = s.unsent[n:]
	}
	for !s.fin {
		n, err := p.TryRead(p.Loop().Scratch())
		if err == transport.ErrAgain {
			break
		}
		s.fin = n == 0 || err != nil
	}
	if s.fin && len(s.unsent) == 0 {
		p.End(transport.Close)
	}
}

func (s *simSession) Expired(transport.Pipe)      {}
func (s *simSession) Draining(transport.Pipe)     {}
func (s *simSession) AtRest(transport.Pipe) bool  { return false }
func (s *simSession) Ended(transport.Pipe, error) {}

func (s *simServer) wait(how string) error {
	w := s.w
	switch how {
	case "sleep":
		return w.Sleep(100 * time.Microsecond)
	case "wait":
		return w.Wait(func(wake func()) { go wake() }, 0, transport.Cancelled)
	case "pause":
		w.Pause()
		return nil
	case "offload":
		return w.Offload(func(run func()) bool { go run(); return true }, runtime.Gosched)
	}
	return errors.New("no such verb")
}

// upload reads n bytes that follow the request, in a second worker if id is odd, and answers with
// the same.
func (s *simServer) upload(id uint32, n int, head []byte) (err error) {
	var got []byte
	work := func(w *loop.Worker) {
		got = append(got, s.in[:min(n, len(s.in))]...)
		s.in = s.in[len(got):]
		for err == nil && len(got) < n {
			var m int
			m, err = s.c.Read(&w.Task, s.buf[:min(len(s.buf), n-len(got))], 0)
			if err == nil && m == 0 {
				err = io.ErrUnexpectedEOF
			}
			got = append(got, s.buf[:m]...)
		}
	}
	if id%2 == 0 {
		work(s.w)
	} else {
		s.beside(work)
	}
	if err == nil {
		_, err = s.c.Writev(&s.w.Task, head, got, 0)
	}
	return err
}

// beside runs fn in a second worker, and rests meanwhile.
func (s *simServer) beside(fn func(w *loop.Worker)) {
	var b loop.Bell
	b.Arm(s.w)
	s.c.Loop().Run(func(w *loop.Worker) {
		defer b.Ring()
		fn(w)
	})
	s.w.Rest()
}

// simRequest is what a client asks.
type simRequest struct {
	id   uint32
	verb string
	n    int
}

// mute reports whether there is no answer.
func (q simRequest) mute() bool { return q.verb == "die" || q.verb == "goexit" }

func (q simRequest) bytes() []byte {
	b := fmt.Appendf(nil, "%d %s %d\n", q.id, q.verb, q.n)
	if q.verb == "upload" {
		b = append(b, simBody(q.id, q.n)...)
	}
	return b
}

func simRequests(r *rand.Rand) (list []simRequest) {
	verbs := []string{"write", "writev", "sendfile", "upload", "sleep", "wait", "pause", "offload"}
	ends := []string{"die", "goexit", "linger", "session"}
	for range 1 + r.IntN(8) {
		most := []int{10, 1000, 1000, 100_000}[r.IntN(4)]
		q := simRequest{id: r.Uint32(), verb: verbs[r.IntN(len(verbs))], n: r.IntN(most)}
		if q.verb == "sendfile" {
			q.id = 0
		}
		list = append(list, q)
	}
	if r.IntN(3) == 0 {
		end := ends[r.IntN(len(ends))]
		list = append(list, simRequest{id: r.Uint32(), verb: end, n: r.IntN(5000)})
	}
	return list
}

// errCut is what ends a connection when connections break: everything up to there was right.
var errCut = errors.New("the connection was cut")

// simClient asks its requests on one connection and checks the answers. The second address wants
// to be told whom the connection is of.
func simClient(addrs []net.Addr, r *rand.Rand) error {
	at := r.IntN(len(addrs))
	addr := addrs[at]
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		return err
	}
	c.SetDeadline(time.Now().Add(2 * patience))
	defer c.Close()
	list := simRequests(r)
	leave := r.IntN(3)
	pieces := rand.New(rand.NewPCG(r.Uint64(), 1))
	var wg sync.WaitGroup
	defer wg.Wait()
	var head []byte
	if at == 1 {
		head = fmt.Appendf(nil, "PROXY TCP4 192.0.2.1 192.0.2.2 %d 80\r\n", uint16(list[0].id))
	}
	wg.Go(func() { sendInPieces(c, head, list, pieces, leave == 1) })
	in := bufio.NewReader(c)
	for i, q := range list {
		if q.mute() {
			break
		}
		if err := checkAnswer(in, q); err != nil {
			c.Close()
			return fmt.Errorf("request %d of %d, %v: %w", i, len(list), q, err)
		}
	}
	switch {
	case leave == 1 || list[len(list)-1].mute():
		if b, err := io.ReadAll(in); len(b) > 0 {
			return fmt.Errorf("%d bytes that nobody asked for, %v", len(b), err)
		}
	case leave == 2:
		c.(*net.TCPConn).SetLinger(0)
	}
	return nil
}

func sendInPieces(c net.Conn, all []byte, list []simRequest, r *rand.Rand, half bool) {
	for _, q := range list {
		all = append(all, q.bytes()...)
	}
	for len(all) > 0 {
		n := min(len(all), 1+r.IntN([]int{5, 500, 200_000}[r.IntN(3)]))
		if _, err := c.Write(all[:n]); err != nil {
			return
		}
		all = all[n:]
		runtime.Gosched()
	}
	if half {
		c.(*net.TCPConn).CloseWrite()
	}
}

func checkAnswer(in *bufio.Reader, q simRequest) error {
	head, err := in.ReadString('\n')
	want := fmt.Sprintf("%d %d\n", q.id, q.n)
	if err != nil {
		if want[:min(len(head), len(want))] != head {
			return fmt.Errorf("head %q, then %v", head, err)
		}
		return fmt.Errorf("%w in the head: %w", errCut, err)
	}
	if head != want {
		return fmt.Errorf("head %q", head)
	}
	body := make([]byte, q.n)
	n, err := io.ReadFull(in, body)
	for i, b := range body[:n] {
		if b != simByte(q.id, i) {
			return fmt.Errorf("byte %d of %d is wrong", i, q.n)
		}
	}
	if err != nil {
		return fmt.Errorf("%w after %d bytes: %w", errCut, n, err)
	}
	return nil
}

// simSeed is random, or that of the environment, to have a run again.
func simSeed(t *testing.T) uint64 {
	if s := os.Getenv("FAULTS_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return seed
	}
	return rand.Uint64()
}

// TestInvariant2: whatever the kernel does, and however often a descriptor is used again within one
// batch of events, each byte belongs to its connection and none is missing.
func TestInvariant2(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, simBody(0, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, mode := range map[string]loop.Threads{"pinned": loop.Pinned, "free": loop.Free} {
		for _, broken := range []bool{false, true} {
			poller := loop.NewPoller(loop.NewEpoll)
			if broken && mode == loop.Free { // poll(2) has the same contract
				poller = loop.NewPollSet
			}
			t.Run(name+map[bool]string{true: ", connections break"}[broken], func(t *testing.T) {
				seed := simSeed(t)
				t.Logf("FAULTS_SEED=%d", seed)
				k := faults.New(seed, simRates(broken))
				lane, err := conn.Listen("127.0.0.1:0", conn.ListenConfig{})
				if err != nil {
					t.Fatal(err)
				}
				defer lane.Close()
				told, err := conn.Listen("127.0.0.1:0", conn.ListenConfig{})
				if err != nil {
					t.Fatal(err)
				}
				defer told.Close()
				told.Announced(func(netip.Addr) bool { return true }, 0)
				eng, err := conn.New(conn.Config{
					Protocol: &simulated{file: f}, Loops: 2, Threads: mode, PerAddr: 1 << 20,
					Kernel: k, Poller: k.Poller(poller), Log: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := eng.Start([]*conn.Lane{lane, told}); err != nil {
					t.Fatal(err)
				}
				simulate(t, []net.Addr{lane.Addr(), told.Addr()}, seed, broken)
				ended(t, eng)
				if n := k.Open(); n != 0 {
					t.Errorf("%d connections were never closed", n)
				}
				t.Logf("faults: %v", k.Counts())
			})
		}
	}
}

// ended waits until every connection is closed, and ends the engine, of which nothing may be left.
func ended(t *testing.T, eng *conn.Engine) {
	deadline := time.Now().Add(patience)
	for eng.Stats().Conns > 0 {
		if time.Now().After(deadline) {
			t.Fatal("not all connections are closed")
		}
		runtime.Gosched()
	}
	if err := eng.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := eng.Stats()
	if s.Loops.Parked+s.Loops.Workers+s.Busy != 0 || s.Accepted != s.Closed {
		t.Errorf("left behind: %+v", s)
	}
}

// simRates are high: hardly a connection is spared.
func simRates(broken bool) faults.Rates {
	r := faults.Rates{
		Interrupt: 11, Again: 9, Short: 3, Abort: 20, Exhaust: 300, Poll: 10, Close: 10,
	}
	if broken {
		r.Break, r.Register, r.Shutdown, r.Full = 150, 100, 10, 300
	}
	return r
}

func simulate(t *testing.T, addrs []net.Addr, seed uint64, broken bool) {
	const clients, each = 32, 60 // 1,920 connections
	var wg sync.WaitGroup
	var mu sync.Mutex
	whole, cut := 0, 0
	for i := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i+1)))
			for j := range each {
				err := simClient(addrs, random)
				var timeout net.Error
				mu.Lock()
				switch {
				case errors.As(err, &timeout) && timeout.Timeout():
					t.Errorf("seed %d, client %d, connection %d: stalled: %v", seed, i, j, err)
				case err == nil:
					whole++
				case broken && (errors.Is(err, errCut) || errors.As(err, &timeout)):
					cut++
				default:
					t.Errorf("seed %d, client %d, connection %d: %v", seed, i, j, err)
				}
				mu.Unlock()
				if t.Failed() {
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d connections to the end, %d cut", whole, cut)
	if whole < clients*each/20 || broken && cut == 0 {
		t.Error("that is no simulation of what was meant")
	}
}
