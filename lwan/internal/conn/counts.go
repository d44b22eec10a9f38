//go:build linux

package conn

import (
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// Counts is what a loop's connections have seen. The loop adds to its own copy without atomics and
// publishes it now and then.
type Counts struct {
	Accepted, Closed, Expired, Rejected int64 // connections
	BytesIn, BytesOut                   int64
	GivenUp                             int64 // idle connections, to make room for new ones
	Pauses                              int64 // of accepting
	Dialled                             int64 // connections that were opened from here
	Handshakes, HandshakesFailed        int64 // see Security
}

type publishedCounts struct {
	accepted, closed, expired, rejected atomic.Int64
	bytesIn, bytesOut                   atomic.Int64
	givenUp, pauses                     atomic.Int64
	busy, dialled, held                 atomic.Int64
	handshakes, failed, shaking         atomic.Int64
}

func (p *publishedCounts) publish(set *Set) {
	c := &set.counts
	p.accepted.Store(c.Accepted)
	p.closed.Store(c.Closed)
	p.expired.Store(c.Expired)
	p.rejected.Store(c.Rejected)
	p.bytesIn.Store(c.BytesIn)
	p.bytesOut.Store(c.BytesOut)
	p.givenUp.Store(c.GivenUp)
	p.pauses.Store(c.Pauses)
	p.handshakes.Store(c.Handshakes)
	p.failed.Store(c.HandshakesFailed)
	p.shaking.Store(int64(set.shaking))
	p.busy.Store(int64(set.busy))
	p.dialled.Store(c.Dialled)
	p.held.Store(int64(set.dialled))
}

// Stats is a sum over the loops.
type Stats struct {
	Counts
	Loops       loop.Stats
	Conns, Busy int64
	Outgoing    int64 // open connections that were opened from here
	Shaking     int64 // connections before the end of their handshake; Busy has some of them
}

// Stats sums what the loops have published; a loop that sleeps has published all.
func (e *Engine) Stats() Stats {
	s := Stats{Loops: e.group.Stats()}
	for _, set := range e.sets {
		s.add(set)
	}
	return s
}

func (s *Stats) add(set *Set) {
	p := &set.published
	s.Accepted += p.accepted.Load()
	s.Closed += p.closed.Load()
	s.Expired += p.expired.Load()
	s.Rejected += p.rejected.Load()
	s.BytesIn += p.bytesIn.Load()
	s.BytesOut += p.bytesOut.Load()
	s.GivenUp += p.givenUp.Load()
	s.Pauses += p.pauses.Load()
	s.Handshakes += p.handshakes.Load()
	s.HandshakesFailed += p.failed.Load()
	s.Shaking += p.shaking.Load()
	s.Busy += p.busy.Load()
	s.Dialled += p.dialled.Load()
	s.Outgoing += p.held.Load()
	s.Conns += set.conns.Load()
}

// Counts are what the connection's loop has seen.
func (c Conn) Counts() *Counts { return &c.set.counts }
