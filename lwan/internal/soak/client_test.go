//go:build linux && !golwan_nethttp

package soak_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/faults"
)

// soakClient is one connection of TestSoak's.
type soakClient struct {
	s       *soak
	kind    string
	c       net.Conn
	in      *bufio.Reader
	small   bool        // it has tiny buffers on one side
	harm    faults.Harm // known to have been done to it
	stopped int64       // how often the machine had stood still when it connected
	short   int64       // and descriptors had been short
	taken   int         // and accept had found none
	given   int64       // and connections that were given up
	plan    []string    // the kinds of what it asks
	since   time.Time   // when it connected
	answers int
}

// soakPatience is how long an answer may take before that is a failure.
const soakPatience = 60 * time.Second

// What can become of an answer besides being right.
var (
	errCut     = errors.New("cut")
	errNothing = errors.New("before its first byte") // with errCut
	errRefused = errors.New("refused")
	errExcused = errors.New("no descriptor")
)

// dial connects to one of the addresses, with buffers of some size. It returns nil if that cannot
// be just now.
func (s *soak) dial(r *rand.Rand, kind string) *soakClient {
	c := &soakClient{
		s: s, kind: kind, stopped: s.stops.count(), short: s.shortages.Load(),
		taken: s.faults.Exhausted(), given: s.srv.Stats().GivenUp, since: time.Now(),
	}
	where := []int{0, 0, 0, 0, 0, 1, 2, 2}[r.IntN(8)]
	addr := s.addrs[where]
	d := net.Dialer{Timeout: soakPatience}
	c.small = where == 1
	if where < 2 && r.IntN(8) == 0 {
		c.small = true
		d.Control = tinyBuffers
	}
	if where == 2 { // so that the kernel can tell it from others
		d.LocalAddr = &net.UnixAddr{
			Name: fmt.Sprintf("@golwan-soak-%d-%d", s.seed, s.names.Add(1)), Net: "unix",
		}
	}
	conn, err := d.Dial(addr.Network(), addr.String())
	switch {
	case err == nil:
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.EAGAIN):
		// no descriptor; the queue of a unix socket is full
		s.ledger.end("not connected: " + rootCause(err))
		time.Sleep(5 * time.Millisecond) // as a client does before it tries again
		return nil
	default:
		s.fail("%s client: connecting to %v: %v", kind, addr, err)
		return nil
	}
	c.c, c.in = conn, bufio.NewReader(conn)
	s.ledger.connected(c)
	c.patience(soakPatience)
	return c
}

func rootCause(err error) string {
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		return e.Error()
	}
	return err.Error()
}

// tinyBuffers are those of a client with little memory behind a link with small packets.
func tinyBuffers(network, address string, raw syscall.RawConn) error {
	var err error
	fail := raw.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 536),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4096),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4096),
		)
	})
	return errors.Join(fail, err)
}

func (c *soakClient) patience(d time.Duration) {
	if err := c.c.SetDeadline(time.Now().Add(d)); err != nil {
		c.s.fail("%s client: %v", c.kind, err)
	}
}

// close leaves in one of the ways there are.
func (c *soakClient) close(r *rand.Rand) {
	if tcp, ok := c.c.(*net.TCPConn); ok && r.IntN(4) == 0 {
		_ = tcp.SetLinger(0) // a reset; it fails if the server was faster
	}
	_ = c.c.Close()
	c.s.ledger.closed(c)
}

func (c *soakClient) closeWrite() {
	if w, ok := c.c.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite() // it fails if the server was faster
	}
}

// send writes b in pieces, on a goroutine: the answers may have to be read meanwhile.
func (c *soakClient) send(b []byte, r *rand.Rand, wg *sync.WaitGroup) {
	pieces := rand.New(rand.NewPCG(r.Uint64(), 0))
	wg.Go(func() {
		for len(b) > 0 {
			n := min(len(b), 1+pieces.IntN([]int{10, 1000, 50_000, 2_000_000}[pieces.IntN(4)]))
			if _, err := c.c.Write(b[:n]); err != nil {
				return // whoever reads finds out why
			}
			b = b[n:]
			runtime.Gosched()
		}
	})
}

// finish expects the end of the connection, and nothing before it.
func (c *soakClient) finish() error {
	n, err := io.Copy(io.Discard, c.in)
	switch {
	case n > 0:
		return fmt.Errorf("%d bytes behind the last answer", n)
	case err != nil && !errors.Is(cutBy(err), errCut):
		return err
	}
	return nil
}

// Ends of which the server keeps count, too.
const (
	soakRefusal = "refused: too many, or no memory"
	soakGivenUp = "given up between requests"
)

// learn asks the kernel what it has done to the connection.
func (c *soakClient) learn() { c.harm |= c.s.faults.Harm(c.c) }

// roomWasMade reports whether accept has found no descriptor since the connection was dialed, or
// connections were given up: that comes later, if the loop that has to do it was asked by another
// one, and is published later still.
func (c *soakClient) roomWasMade() bool {
	for until := time.Now().Add(time.Second); time.Now().Before(until); runtime.Gosched() {
		if c.s.faults.Exhausted() != c.taken || c.s.srv.Stats().GivenUp != c.given {
			return true
		}
	}
	return false
}

func (c *soakClient) wasShort() bool { return c.s.shortages.Load() != c.short || c.short%2 == 1 }

// judge decides whether there is a good reason for err, and books it. a is the request that was not
// answered; parting says that the answers may be sent without waiting.
func (c *soakClient) judge(err error, a *soakAsk, parting bool) {
	c.learn()
	var timeout net.Error
	late := errors.As(err, &timeout) && timeout.Timeout()
	l := &c.s.ledger
	switch {
	case err == nil:
	case errors.Is(err, errExcused):
		l.end("answered 5xx: no descriptor")
	case errors.Is(err, errRefused),
		errors.Is(err, errCut) && c.harm&(faults.Refused|faults.Broken) == faults.Refused &&
			c.answers == 0:
		l.end(soakRefusal)
	case errors.Is(err, errCut) && c.harm&faults.Broken != 0:
		l.end("cut by a fault")
	case errors.Is(err, errCut) && parting && (c.harm&faults.Held != 0 || len(c.plan) > 1):
		// or answers before it fill the socket
		l.end("cut: the last answer did not fit")
	case errors.Is(err, errCut) && errors.Is(err, errNothing) && c.roomWasMade():
		l.end(soakGivenUp)
	case errors.Is(err, errCut) && c.s.stops.tcpAborted(c.since):
		l.end("cut: the system had no memory for TCP")
	case errors.Is(err, errCut) && c.wasShort():
		l.end("cut: no descriptor")
	case (late || errors.Is(err, errCut) || strings.HasPrefix(err.Error(), "status 408")) &&
		c.s.stops.count() != c.stopped:
		l.end("the machine stood still")
	default:
		l.mistake(err, late)
		c.s.fail("%s client, %v, answer %d in %v, to %s %.200q: got %v, want %d and %d bytes "+
			"%.60q; what the kernel did: %v", c.kind, c.c.RemoteAddr(), c.answers, c.plan, a.kind,
			a.wire, err, a.status, len(a.body), a.body, c.harm)
	}
}
