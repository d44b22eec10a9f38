//go:build linux && !golwan_nethttp

package soak_test

import (
	"math/rand/v2"
	"testing"
)

// TestEveryKindOfRequest asks everything that TestSoak asks, on each of its addresses and from
// clients with tiny buffers, with a kernel that is calm at first and then is not.
func TestEveryKindOfRequest(t *testing.T) {
	s := newSoak(t)
	before := resources()
	s.start()
	r := rand.New(rand.NewPCG(s.seed, 1))
	for range 2 {
		for range 2 * len(s.addrs) { // dial chooses one
			s.askEverything(r)
		}
		s.faults.SetRates(soakWeather[2])
	}
	s.end(before)
	if t.Failed() {
		s.report()
	}
}

// askEverything asks requests of each kind on one connection, and goes on with another one if it is
// cut.
func (s *soak) askEverything(r *rand.Rand) {
	c := s.dial(r, "asking")
	for _, kind := range soakKinds {
		for c == nil {
			c = s.dial(r, "asking")
		}
		if !c.pipeline(r, []*soakAsk{kind.make(r, c.small), kind.make(r, c.small)}, false) {
			c.close(r)
			c = nil
		}
	}
	for range 3 {
		for c == nil {
			c = s.dial(r, "asking")
		}
		c.pipeline(r, []*soakAsk{askLast(r, c.small)}, false)
		c.close(r)
		c = nil
	}
}
