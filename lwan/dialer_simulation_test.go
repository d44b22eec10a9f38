//go:build linux && !golwan_nethttp

package lwan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golwan/golwan/lwan/internal/faults"
	"github.com/golwan/golwan/lwan/internal/loop"
)

// The simulation: handlers talk to a backend over connections that a bad kernel gives them, keep,
// close, reset and forget them, while clients leave and goroutines close what is waited for. A
// question is a line "id n", its answer that line and n bytes that follow from id: so an answer to
// another question, and each byte that is lost, doubled or moved, is noticed. Descriptors are used
// again all the time.

func dialByte(id, i int) byte { return byte(id>>(i%3*8)) ^ byte(i) ^ byte(i>>8) }

// dialSimulation is what came of it.
type dialSimulation struct {
	t       *testing.T
	dialers []*Dialer

	begun, whole, failed atomic.Int64
}

// simulatedBackend answers in pieces, and ends as it likes.
func simulatedBackend(c net.Conn, r *bufio.Reader) {
	var id, n int
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := fmt.Sscanf(line, "%d %d", &id, &n); err != nil {
			return
		}
		answer := []byte(line)
		for i := range n {
			answer = append(answer, dialByte(id, i))
		}
		how := rand.IntN(12)
		if how == 0 { // in the middle
			answer = answer[:rand.IntN(len(answer))]
		}
		for len(answer) > 0 {
			k := 1 + rand.IntN(len(answer))
			if _, err := c.Write(answer[:k]); err != nil {
				return
			}
			answer = answer[k:]
		}
		switch how {
		case 1:
			c.(*net.TCPConn).SetLinger(0)
			return
		case 0, 2: // the end comes along with the last bytes
			return
		}
	}
}

// ask is a handler.
func (s *dialSimulation) ask(req *Request, resp *Response) Status {
	s.begun.Add(1)
	id, _ := strconv.Atoi(req.Query("id"))
	d := s.dialers[rand.IntN(len(s.dialers))]
	open := d.Get
	if rand.IntN(8) == 0 {
		open = d.Open
	}
	c, err := open(req)
	if err != nil {
		s.failed.Add(1)
		return resp.Fail(err)
	}
	n := rand.IntN(3000)
	if rand.IntN(10) == 0 {
		n = rand.IntN(300_000)
	}
	err = s.exchange(c, id, n)
	if err != nil {
		s.failed.Add(1)
		if rand.IntN(2) == 0 {
			c.Close()
		}
		return resp.Fail(err)
	}
	s.whole.Add(1)
	switch rand.IntN(10) {
	case 0:
		c.Close()
	case 1:
		c.Reset()
	case 2: // its end closes it
	default:
		c.Keep()
	}
	return resp.Text(200, strconv.Itoa(id))
}

// exchange asks, and looks at each byte of the answer.
func (s *dialSimulation) exchange(c *Conn, id, n int) error {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	switch rand.IntN(30) {
	case 0:
		go c.Close()
	case 1:
		go c.SetDeadline(time.Unix(1, 0))
	}
	began := time.Now()
	line := fmt.Sprintf("%d %d\n", id, n)
	k := rand.IntN(len(line))
	if _, err := c.Writev([]byte(line[:k]), []byte(line[k:])); err != nil {
		return err
	}
	buf := make([]byte, 1+rand.IntN(20_000))
	want := len(line) + n
	for got := 0; got < want; {
		m, err := c.Read(buf[:min(len(buf), want-got)])
		for i, b := range buf[:m] {
			right := byte(0)
			if at := got + i; at < len(line) {
				right = line[at]
			} else {
				right = dialByte(id, at-len(line))
			}
			if b != right {
				s.t.Errorf("question %d: byte %d is %d, not %d", id, got+i, b, right)
				return errors.New("a wrong byte")
			}
		}
		got += m
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && time.Since(began) > patience/2 {
				s.t.Errorf("question %d: nobody has woken it, %d of %d bytes", id, got, want)
			}
			return err
		}
	}
	return nil
}

// client asks as long as it may, and leaves in the middle at times.
func (s *dialSimulation) client(addr string, ids *atomic.Int64, until time.Time) {
	for time.Now().Before(until) {
		c, err := dialServer("tcp", addr)
		if err != nil && tlsMode { // the bad kernel has ended the handshake
			continue
		}
		if err != nil {
			s.t.Error(err)
			return
		}
		s.talk(c, ids, until)
		c.Close()
	}
}

func (s *dialSimulation) talk(c net.Conn, ids *atomic.Int64, until time.Time) {
	r := bufio.NewReader(c)
	for time.Now().Before(until) {
		first, batch := ids.Add(4)-4, 1+rand.IntN(3)
		for i := range batch {
			fmt.Fprintf(c, "GET /?id=%d HTTP/1.1\r\nHost: x\r\n\r\n", first+int64(i))
		}
		if rand.IntN(8) == 0 {
			if rand.IntN(2) == 0 {
				c.(tcpConn).SetLinger(0)
			}
			return // while the handlers wait
		}
		c.SetReadDeadline(time.Now().Add(2 * patience))
		for i := range batch {
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					s.t.Errorf("no answer to %d", first+int64(i))
				}
				return // the bad kernel has ended the connection
			}
			body, err := io.ReadAll(a.Body)
			if err != nil {
				return
			}
			if want := fmt.Sprint(first + int64(i)); a.StatusCode == 200 && string(body) != want {
				s.t.Errorf("answer %q to %s", body, want)
			}
			if a.Close {
				return
			}
		}
	}
}

// TestDialerSimulation: whatever kernel, backend, clients and goroutines do, each question gets its
// own answer or an error, whoever waits is woken, and nothing is left.
func TestDialerSimulation(t *testing.T) {
	length := 3 * time.Second
	if testing.Short() {
		length = time.Second
	}
	if s := os.Getenv("DIAL_SIMULATION"); s != "" { // for longer
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backendOf(t, ln, simulatedBackend)
	s := &dialSimulation{t: t}
	s.dialers = []*Dialer{{MaxIdle: 3}, {MaxOpen: 4, MaxIdle: 2, MaxUses: 5}, {MaxIdle: -1}}
	for _, d := range s.dialers {
		d.Address, d.Timeout = ln.Addr().String(), 50*time.Millisecond
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := faults.New(seed, faults.Rates{
		Again: 6, Interrupt: 20, Short: 5, Break: 400, Poll: 30, Close: 50, Dial: 30, Register: 300,
	})
	srv := &Server{Loops: 2, LingerTimeout: -1}
	srv.life.seams = loopSeams{Kernel: k, Poller: k.Poller(loop.NewEpoll)}
	srv.Handle("GET /", s.ask)
	t.Cleanup(func() { // when the server has ended
		if n := k.Open(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
		for _, d := range s.dialers {
			if n := d.Stats(); n.InUse != 0 || n.Idle != 0 || n.Waiting != 0 || d.places.open != 0 {
				t.Errorf("left: %+v, %d places", n, d.places.open)
			}
		}
	})
	addr := serveTest(t, srv)
	var ids atomic.Int64
	var clients sync.WaitGroup
	until := time.Now().Add(length)
	for range 12 {
		clients.Go(func() { s.client(addr, &ids, until) })
	}
	clients.Wait()
	t.Logf("%d questions, %d answers, %d errors; %v", s.begun.Load(), s.whole.Load(),
		s.failed.Load(), k.Counts())
	if s.whole.Load() == 0 || s.failed.Load() == 0 {
		t.Error("nothing has happened")
	}
}
