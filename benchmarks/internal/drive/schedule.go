package drive

import (
	"math/rand/v2"
	"time"
)

// schedule says when the requests of an open loop are due: as those of many clients that know
// nothing of each other, so with gaps that are distributed exponentially. It begins with the same
// seed each time: every server gets the same.
type schedule struct {
	random *rand.Rand
	gap    float64       // mean, in nanoseconds
	next   time.Duration // after the beginning: when the next request is due
}

func newSchedule(rate float64) *schedule {
	s := &schedule{random: rand.New(rand.NewPCG(6, 1867)), gap: float64(time.Second) / rate}
	s.advance()
	return s
}

func (s *schedule) advance() { s.next += time.Duration(s.random.ExpFloat64() * s.gap) }

// due takes the times up to now off the schedule, in order.
func (s *schedule) due(now time.Duration, yield func(at time.Duration)) {
	for s.next <= now {
		yield(s.next)
		s.advance()
	}
}
