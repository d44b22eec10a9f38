//go:build linux

package evloop

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The simulation: many clients ask for things with pipelined requests in random pieces, of a server whose kernel does
// its work badly. A request is a line "id verb n"; its answer is a line "id n" and n bytes that follow from id. So an
// answer to another request, and each byte that is lost, doubled or moved, is noticed.

// simByte is byte i of the answer to id.
func simByte(id uint32, i int) byte { return byte(id>>(i%4*8)) ^ byte(i) ^ byte(i>>8) }

func simBody(id uint32, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = simByte(id, i)
	}
	return b
}

// ignored counts what guests are told; nobody looks at it.
var ignored atomic.Int64

// simulated is the protocol's side.
type simulated struct {
	file *os.File // a body for sendfile: that of id 0
}

func (p *simulated) NewServer(w *Worker) Server { return &simServer{p: p} }
func (p *simulated) Refuse(int)                 {}

type simServer struct {
	p   *simulated
	buf [3000]byte
	in  []byte
}

func (s *simServer) Rests()                          {}
func (s *simServer) Expire(*Conn) Verdict            { return Close }
func (s *simServer) Hangup(*Conn)                    {}
func (s *simServer) Draining(*Conn)                  {}
func (s *simServer) Killed(*Conn, error)             {}
func (s *simServer) Waits(*Conn)                     {}
func (s *simServer) Died(*Conn, any, []byte) Verdict { return Close }

func (s *simServer) Serve(c *Conn) Verdict {
	kept, _ := c.Kept().([]byte)
	s.in = append(s.in[:0], kept...)
	for served := 0; ; {
		if line, rest, ok := bytes.Cut(s.in, []byte("\n")); ok {
			ask := string(line)
			s.in = rest
			if v := s.answer(c, ask); v != Idle {
				return v
			}
			if served++; served == 3 {
				c.Keep(bytes.Clone(s.in))
				return Again
			}
			continue
		}
		n, err := c.TryRead(s.buf[:])
		if err == ErrAgain {
			if len(s.in) > 0 {
				c.Keep(bytes.Clone(s.in))
			}
			c.ExpireAfter(120)
			return Idle
		}
		if err != nil || n == 0 {
			return Close
		}
		s.in = append(s.in, s.buf[:n]...)
	}
}

func (s *simServer) answer(c *Conn, ask string) Verdict {
	var id uint32
	var verb string
	var n int
	if _, err := fmt.Sscan(ask, &id, &verb, &n); err != nil {
		c.Write([]byte("what? " + ask + "\n"))
		return Linger
	}
	head := fmt.Appendf(nil, "%d %d\n", id, n)
	body := simBody(id, n)
	var err error
	switch verb {
	case "write":
		_, err = c.Write(append(head, body...))
	case "writev":
		_, err = c.Writev(head, body)
	case "sendfile":
		if _, err = c.WriteMore(head); err == nil {
			_, err = c.Sendfile(s.p.file, 0, int64(n))
		}
	case "upload":
		err = s.upload(c, id, n, head)
	case "die":
		panic("as asked")
	case "goexit":
		defer c.Worker().Pause()
		runtime.Goexit()
	case "linger":
		c.Write(append(head, body...))
		return Linger
	case "guest":
		c.SetGuest(&writingGuest{countingGuest: countingGuest{ready: &ignored}, left: len(head) + n, sent: append(head, body...)})
		return Hand
	default:
		err = s.wait(c, verb)
		if err == nil {
			_, err = c.Write(append(head, body...))
		}
	}
	if err != nil {
		return Close
	}
	return Idle
}

func (s *simServer) wait(c *Conn, how string) error {
	w := c.Worker()
	switch how {
	case "sleep":
		return w.Sleep(100 * time.Microsecond)
	case "wait":
		return w.Wait(func(wake func()) { go wake() }, 0)
	case "pause":
		w.Pause()
		return nil
	case "offload":
		return w.Offload(func(run func()) bool { go run(); return true }, runtime.Gosched)
	}
	return errors.New("no such verb")
}

// upload reads n bytes that follow the request, in a second worker if id is odd, and answers with the same.
func (s *simServer) upload(c *Conn, id uint32, n int, head []byte) (err error) {
	var got []byte
	work := func(w *Worker) {
		got = append(got, s.in[:min(n, len(s.in))]...)
		s.in = s.in[len(got):]
		for err == nil && len(got) < n {
			var m int
			m, err = readBy(c, w).Read(s.buf[:min(len(s.buf), n-len(got))])
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			got = append(got, s.buf[:m]...)
		}
	}
	if id%2 == 0 {
		work(c.Worker())
	} else {
		beside(c, work)
	}
	if err == nil {
		_, err = c.Writev(head, got)
	}
	return err
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
	ends := []string{"die", "goexit", "linger", "guest"}
	for range 1 + r.IntN(8) {
		q := simRequest{id: r.Uint32(), verb: verbs[r.IntN(len(verbs))], n: r.IntN([]int{10, 1000, 1000, 100_000}[r.IntN(4)])}
		if q.verb == "sendfile" {
			q.id = 0
		}
		list = append(list, q)
	}
	if r.IntN(3) == 0 {
		list = append(list, simRequest{id: r.Uint32(), verb: ends[r.IntN(len(ends))], n: r.IntN(5000)})
	}
	return list
}

// errCut is what ends a connection when connections break: everything up to there was right.
var errCut = errors.New("the connection was cut")

// simClient asks its requests on one connection and checks the answers.
func simClient(addr net.Addr, r *rand.Rand) error {
	c, err := dialRaw(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	list := simRequests(r)
	leave := r.IntN(3)
	pieces := rand.New(rand.NewPCG(r.Uint64(), 1))
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { sendInPieces(c, list, pieces, leave == 1) })
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

func sendInPieces(c net.Conn, list []simRequest, r *rand.Rand, half bool) {
	var all []byte
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
	if s := os.Getenv("EVLOOP_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return seed
	}
	return rand.Uint64()
}

func TestSimulation(t *testing.T) {
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
	for name, mode := range map[string]Threads{"pinned": Pinned, "free": Free} {
		for _, broken := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", connections break"}[broken], func(t *testing.T) {
				seed := simSeed(t)
				t.Logf("EVLOOP_SEED=%d", seed)
				k := NewFaults(seed, simRates(broken))
				r := run(t, &simulated{file: f}, Config{
					Loops: 2, Threads: mode, PerAddr: 1 << 20, Kernel: k, Poller: k.Poller(testPoller),
				})
				simulate(t, r, seed, broken)
				eventually(t, "all connections are closed", func() bool { return r.eng.conns() == 0 })
				r.close()
				if n := k.Open(); n != 0 {
					t.Errorf("%d connections were never closed", n)
				}
				t.Logf("faults: %v", k.Counts())
			})
		}
	}
}

// simRates are high: hardly a connection is spared.
func simRates(broken bool) FaultRates {
	r := FaultRates{Interrupt: 11, Again: 9, Short: 3, Abort: 20, Exhaust: 300, Poll: 10, Close: 10}
	if broken {
		r.Break, r.Register, r.Shutdown, r.Full = 150, 100, 10, 300
	}
	return r
}

func simulate(t *testing.T, r *rig, seed uint64, broken bool) {
	const clients, each = 32, 60 // 1,920 connections
	var wg sync.WaitGroup
	var mu sync.Mutex
	whole, cut := 0, 0
	for i := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i+1)))
			for j := range each {
				err := simClient(r.lane.Addr(), random)
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
