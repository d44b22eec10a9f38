//go:build linux && !golwan_nethttp

package soak_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/faults"
)

const soakMoment = 5 * time.Millisecond

var longAgo = time.Unix(1, 0)

// slow is a client that takes its time, or more than it has.
func (s *soak) slow(r *rand.Rand) {
	c := s.dial(r, "slow")
	if c == nil {
		return
	}
	defer c.close(r)
	switch r.IntN(8) {
	case 0:
		c.sendSlowly(newAsk(r, "slow head", "GET", "/probe"), "alive", r)
	case 1:
		body := soakBytes(r.Uint64(), 300)
		c.sendSlowly(newPost(r, "slow body", "POST", "/strict/echo", &framed{
			fields: "Content-Length: 300\r\n", wire: body,
		}), string(body), r)
	case 2:
		c.readSlowly(r)
	case 3:
		c.expect(r, &soakAsk{
			kind: "half a head", wire: []byte("GET /probe HTTP/1.1\r\nHo"), status: 408,
			body:   []byte("408 Request Timeout\nthe request did not arrive in time\n"),
			closes: true, parting: true,
		})
	case 4:
		c.silent("")
	case 5:
		a := newPost(r, "half a body", "POST", "/strict/echo", &framed{
			fields: "Content-Length: 300\r\n", wire: soakBytes(1, 200),
		})
		a.status, a.body, a.closes = 408,
			[]byte("408 Request Timeout\nthe body did not arrive in time\n"), true
		c.expect(r, a)
	case 6:
		c.stopReading(r)
	case 7:
		a := newAsk(r, "before idleness", "GET", "/probe")
		a.body = []byte("alive")
		if c.pipeline(r, []*soakAsk{a}, false) {
			c.silent(a.kind)
		}
	}
}

// sendSlowly sends a request in single bytes and small pieces.
func (c *soakClient) sendSlowly(a *soakAsk, want string, r *rand.Rand) {
	c.s.ledger.asked(a)
	a.body = []byte(want)
	for b := a.wire; len(b) > 0; {
		n := min(len(b), 1+r.IntN(5))
		if _, err := c.c.Write(b[:n]); err != nil {
			break // reading tells why
		}
		b = b[n:]
		time.Sleep(time.Duration(r.IntN(4)) * time.Millisecond) // this is what a slow client is
	}
	c.judge(c.answer(a), a, false)
}

// readSlowly reads a large answer in small pieces.
func (c *soakClient) readSlowly(r *rand.Rand) {
	id, n := r.Uint64(), 200_000
	a := newAsk(r, "slow reading", "GET", fmt.Sprintf("/bytes/%d/%d", id, n))
	a.body = soakBytes(id, n)
	c.s.ledger.asked(a)
	c.in.Reset(&slowReader{c.c, 0})
	var wg sync.WaitGroup
	defer wg.Wait()
	c.send(a.wire, r, &wg)
	c.judge(c.answer(a), a, false)
}

// slowReader reads a few bytes at a time, with pauses.
type slowReader struct {
	r io.Reader
	n int
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.n++; s.n%8 == 0 {
		time.Sleep(time.Millisecond) // this is what a slow client is
	}
	return s.r.Read(p[:min(len(p), 700)])
}

// expect sends a and gets the answer, however long that takes.
func (c *soakClient) expect(r *rand.Rand, a *soakAsk) { c.pipeline(r, []*soakAsk{a}, false) }

// silent says nothing more, and is hung up on without a word.
func (c *soakClient) silent(after string) {
	n, err := io.Copy(io.Discard, c.in)
	switch c.learn(); {
	case n > 0 && c.harm&faults.Refused != 0:
		err = errRefused
	case n > 0:
		err = fmt.Errorf("%d bytes that nobody asked for", n)
	case err != nil && errors.Is(cutBy(err), errCut):
		err = nil
	}
	c.judge(err, &soakAsk{kind: "silence " + after}, false)
}

// stopReading asks for a lot and takes nothing for longer than it may. The bytes that have come by
// then are right.
func (c *soakClient) stopReading(r *rand.Rand) {
	id, n := r.Uint64(), 4_000_000
	a := newAsk(r, "reading stops", "GET", fmt.Sprintf("/strict/bytes/%d/%d", id, n))
	a.body = soakBytes(id, n)
	c.s.ledger.asked(a)
	_, err := c.c.Write(a.wire)
	if err == nil {
		// less of it if there is an error, which answer finds too
		begin, _ := c.in.Peek(len("HTTP/1.1 503"))
		// a refused connection is gone soon, and its port in other use
		if !bytes.HasSuffix(begin, []byte("503")) {
			time.Sleep(soakPause + 2*time.Second) // this is what a client that does not read is
		}
	}
	err = c.answer(a)
	if errors.Is(err, errCut) {
		c.s.ledger.end("cut: the client did not read")
		c.s.ledger.answered(a) // as such a client deserves
		return
	}
	c.judge(err, a, false)
}
