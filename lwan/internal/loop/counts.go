//go:build linux

package loop

import (
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// Counts is what a loop has seen. The loop adds to its own copy without atomics and publishes it
// now and then.
type Counts struct {
	Parks, Turns, Died int64
	Takeovers          int64 // of a loop whose handler did not come back
}

// publishEvery is how many turns a busy loop makes between two publications; a loop that goes to
// sleep publishes first.
const publishEvery = 64

type publishedCounts struct {
	parks, turns, died atomic.Int64
	takeovers          atomic.Int64
	parked             atomic.Int64
	app                [len(transport.Counts{})]atomic.Int64
}

// Publish makes the loop's counts known, and its driver's. It is for code on the loop.
func (l *Loop) Publish() {
	p, c := &l.published, &l.counts
	p.parks.Store(c.Parks)
	p.turns.Store(c.Turns)
	p.died.Store(c.Died)
	p.takeovers.Store(c.Takeovers)
	p.parked.Store(int64(l.parked))
	for i, n := range l.app {
		p.app[i].Store(n)
	}
	l.driver.Publish()
}

// Counts are the protocol's own, for it to add to. It is for code on the loop.
func (l *Loop) Counts() *transport.Counts { return &l.app }

// Stats is a sum over the loops.
type Stats struct {
	Counts
	Parked, Workers int64
	App             transport.Counts // the protocol's own
}

// Stats sums what the loops have published; a loop that sleeps has published all.
func (g *Group) Stats() (s Stats) {
	for _, l := range g.loops {
		p := &l.published
		s.Parks += p.parks.Load()
		s.Turns += p.turns.Load()
		s.Died += p.died.Load()
		s.Takeovers += p.takeovers.Load()
		s.Parked += p.parked.Load()
		s.Workers += l.workers.Load()
		for i := range p.app {
			s.App[i] += p.app[i].Load()
		}
	}
	return s
}
