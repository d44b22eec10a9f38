//go:build linux && !golwan_nethttp

package soak_test

import (
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/faults"
)

// end shuts the server down while requests, streams and idle connections are there, and looks what
// is left of it all.
func (s *soak) end(before usage) {
	r := rand.New(rand.NewPCG(s.seed, 0))
	s.faults.SetRates(faults.Rates{Again: 20, Interrupt: 20, Short: 10, Poll: 20, Close: 20})
	var guests sync.WaitGroup
	asleep := 0
	for i := range 40 {
		c := s.dial(r, "last")
		if c == nil {
			continue
		}
		own := rand.New(rand.NewPCG(s.seed, uint64(i)))
		switch i % 4 {
		case 0, 1:
			asleep++
			guests.Go(func() { c.sleepToTheEnd(own) })
		case 2:
			c.endOfStream(own, &guests)
		case 3:
			guests.Go(func() { c.silent("at the end"); c.close(own) })
		}
	}
	for range asleep {
		select {
		case <-s.site.sleeping:
		case <-time.After(soakPatience):
			s.fail("a handler does not begin")
		}
	}
	s.stopRun()
	if err := <-s.ended; err != nil {
		s.fail("Run: %v", err)
	}
	guests.Wait()
	close(s.done)
	s.nothingLeft()
	s.site.hijacked.Wait()
	s.settle("workers", 0, func() int64 { return s.srv.Stats().Workers })
	s.settle("values of the cache", 0, func() int64 {
		return s.site.made.Load() - s.site.destroyed.Load()
	})
	s.settle("open connections of clients", 0, s.ledger.open.Load)
	s.settle("descriptors", before.descriptors, func() int64 {
		return max(before.descriptors, resources().descriptors)
	})
	s.settle("goroutines", before.goroutines, func() int64 {
		return max(before.goroutines, resources().goroutines)
	})
	s.memory.measure(false)
	st := s.srv.Stats()
	for why, most := range map[string]int64{soakRefusal: st.Rejected, soakGivenUp: st.GivenUp} {
		if n := s.ledger.ends[why]; n > most {
			s.fail("%d clients were %s, and the server knows of %d", n, why, most)
		}
	}
	for _, line := range s.log.odd {
		s.fail("nobody expected the line: %s", line)
	}
}

// sleepToTheEnd asks for something that is under way when the server is shut down.
func (c *soakClient) sleepToTheEnd(r *rand.Rand) {
	defer c.close(r)
	a := newAsk(r, "last", "GET", pickMode(r)+"/last")
	a.body, a.closes, a.waits = []byte("last"), true, true
	c.pipeline(r, []*soakAsk{a}, false)
}

// endOfStream subscribes to a topic; the stream must come to its end when the server is shut down.
func (c *soakClient) endOfStream(r *rand.Rand, guests *sync.WaitGroup) {
	a := newAsk(r, "last news", "GET", "/topic/news")
	a.closes = true
	c.s.ledger.asked(a)
	resp, err := c.ask(a)
	if err != nil {
		c.judge(err, a, false)
		c.close(r)
		return
	}
	guests.Go(func() {
		defer c.close(r)
		_, err := io.Copy(io.Discard, resp.Body)
		if err == nil {
			c.s.ledger.answered(a)
			err = c.finish()
		} else {
			err = cutBy(err)
		}
		c.judge(err, a, true)
	})
}
