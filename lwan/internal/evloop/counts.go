//go:build linux

package evloop

import "sync/atomic"

// Counts is what a loop has seen. The loop adds to its own copy without atomics and publishes it now and then.
type Counts struct {
	Accepted, Closed, Expired, Rejected int64 // connections
	BytesIn, BytesOut                   int64
	GivenUp                             int64 // idle connections, to make room for new ones
	Parks, Turns, Died, Pauses          int64
	Takeovers                           int64    // of a loop whose handler did not come back
	App                                 [8]int64 // the protocol's own
}

// publishEvery is how many turns a busy loop makes between two publications; a loop that goes to sleep publishes first.
const publishEvery = 64

type publishedCounts struct {
	accepted, closed, expired, rejected atomic.Int64
	givenUp                             atomic.Int64
	bytesIn, bytesOut                   atomic.Int64
	parks, turns, died, pauses          atomic.Int64
	takeovers                           atomic.Int64
	parked, busy                        atomic.Int64
	app                                 [8]atomic.Int64
}

func (p *publishedCounts) publish(l *Loop) {
	c := &l.counts
	p.accepted.Store(c.Accepted)
	p.closed.Store(c.Closed)
	p.expired.Store(c.Expired)
	p.rejected.Store(c.Rejected)
	p.givenUp.Store(c.GivenUp)
	p.bytesIn.Store(c.BytesIn)
	p.bytesOut.Store(c.BytesOut)
	p.parks.Store(c.Parks)
	p.turns.Store(c.Turns)
	p.died.Store(c.Died)
	p.pauses.Store(c.Pauses)
	p.takeovers.Store(c.Takeovers)
	p.parked.Store(int64(l.parked))
	p.busy.Store(int64(l.busy))
	for i := range c.App {
		p.app[i].Store(c.App[i])
	}
}

// Counts returns the loop's counts for the protocol to add to. It is for code on the loop.
func (l *Loop) Counts() *Counts { return &l.counts }

// Stats is a sum over the loops.
type Stats struct {
	Counts
	Conns, Busy, Parked, Workers int64
}

// Stats sums what the loops have published; a loop that sleeps has published all.
func (e *Engine) Stats() (s Stats) {
	for _, l := range e.loops {
		s.add(l)
	}
	return s
}

func (s *Stats) add(l *Loop) {
	p := &l.published
	s.Accepted += p.accepted.Load()
	s.Closed += p.closed.Load()
	s.Expired += p.expired.Load()
	s.Rejected += p.rejected.Load()
	s.GivenUp += p.givenUp.Load()
	s.BytesIn += p.bytesIn.Load()
	s.BytesOut += p.bytesOut.Load()
	s.Parks += p.parks.Load()
	s.Turns += p.turns.Load()
	s.Died += p.died.Load()
	s.Pauses += p.pauses.Load()
	s.Takeovers += p.takeovers.Load()
	s.Parked += p.parked.Load()
	s.Busy += p.busy.Load()
	s.Conns += l.conns.Load()
	s.Workers += l.workers.Load()
	for i := range p.app {
		s.App[i] += p.app[i].Load()
	}
}
