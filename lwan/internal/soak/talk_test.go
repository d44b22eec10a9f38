//go:build linux && !golwan_nethttp

package soak_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// talk is a connection with some requests, one after the other or all at once, and an end of some
// kind.
func (s *soak) talk(r *rand.Rand) {
	c := s.dial(r, "talking")
	if c == nil {
		return
	}
	defer c.close(r)
	var asks []*soakAsk
	half := r.IntN(6) == 0
	for range 1 + r.IntN(10) {
		if a := makeAsk(r, c.small); !half || !a.waits {
			asks = append(asks, a)
		}
	}
	if !half && r.IntN(3) == 0 {
		asks = append(asks, askLast(r, c.small))
	}
	if len(asks) == 0 {
		return
	}
	if half || r.IntN(3) > 0 {
		c.pipeline(r, asks, half)
		return
	}
	for i := range asks {
		if !c.pipeline(r, asks[i:i+1], false) {
			return
		}
	}
}

// pipeline sends requests without waiting for answers, and reads these. With half it closes its
// side behind the last one. It reports whether the connection can go on.
func (c *soakClient) pipeline(r *rand.Rand, asks []*soakAsk, half bool) bool {
	var wire []byte
	for _, a := range asks {
		wire = append(wire, a.wire...)
		c.s.ledger.asked(a)
		c.plan = append(c.plan, a.kind)
	}
	last := asks[len(asks)-1]
	parting := last.parting || last.cut
	var sending, closing sync.WaitGroup
	c.send(wire, r, &sending)
	if half {
		c.plan = append(c.plan, "FIN")
		closing.Go(func() {
			sending.Wait()
			c.closeWrite()
		})
	}
	defer closing.Wait()
	defer sending.Wait()
	for _, a := range asks {
		if err := c.answer(a); err != nil {
			_ = c.c.SetWriteDeadline(longAgo) // whoever still writes has no reader any more
			c.judge(err, a, parting)
			return false
		}
	}
	sending.Wait()
	if half || last.closes {
		closing.Wait()
		c.judge(c.finish(), last, parting)
		return false
	}
	return true
}

// leave sends a part of some requests, reads a part of the answers, and goes in some way.
func (s *soak) leave(r *rand.Rand) {
	c := s.dial(r, "leaving")
	if c == nil {
		return
	}
	defer c.close(r)
	c.patience(time.Second) // it may send more than is read as long as it does not read itself
	var wire []byte
	for range 1 + r.IntN(5) {
		wire = append(wire, makeAsk(r, c.small).wire...)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	c.send(wire[:r.IntN(len(wire)+1)], r, &wg)
	switch r.IntN(4) {
	case 0: // at once
	case 1:
		wg.Wait()
	case 2:
		wg.Wait()
		c.closeWrite()
	case 3: // in the middle of an answer, if one comes soon
		c.patience(soakMoment)
		_, _ = io.CopyN(io.Discard, c.in, r.Int64N(100_000))
	}
	_ = c.c.Close() // before the sender is waited for
}

// noise sends bytes that are hardly ever a request. They must not harm other connections, and their
// own must end.
func (s *soak) noise(r *rand.Rand) {
	c := s.dial(r, "noisy")
	if c == nil {
		return
	}
	defer c.close(r)
	wire := soakBytes(r.Uint64(), r.IntN(5000))
	if r.IntN(2) == 0 { // a request with some bytes changed
		wire = slices.Clone(makeAsk(r, true).wire)
		for range 1 + r.IntN(3) {
			wire[r.IntN(len(wire))] = byte(r.Uint32())
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	c.send(wire, r, &wg)
	wg.Wait()
	c.closeWrite()
	if _, err := io.Copy(io.Discard, c.in); err != nil && !errors.Is(cutBy(err), errCut) {
		c.judge(err, &soakAsk{kind: "noise", wire: wire}, true)
	}
}
