//go:build linux && !golwan_nethttp

package soak_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// latencies are counted by their logarithm, so that they take the same room however many there are.
type latencies struct {
	mu     sync.Mutex
	counts [200]int64 // of [2^(i/8), 2^((i+1)/8)) microseconds
	n      int64
	max    time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := int(8 * math.Log2(max(1, float64(d)/float64(time.Microsecond))))
	l.counts[min(i, len(l.counts)-1)]++
	l.n++
	l.max = max(l.max, d)
}

// quantile is the upper bound of the class in which it lies.
func (l *latencies) quantile(q float64) time.Duration {
	left := int64(q * float64(l.n))
	for i, n := range l.counts {
		if left -= n; left < 0 {
			return time.Duration(math.Exp2(float64(i+1)/8) * float64(time.Microsecond))
		}
	}
	return l.max
}

func (l *latencies) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("p50 %v, p99 %v, max %v of %d", l.quantile(0.5).Round(time.Microsecond),
		l.quantile(0.99).Round(10*time.Microsecond), l.max.Round(time.Millisecond), l.n)
}

// probe asks for the same small thing all the time, and takes the time of the answers.
func (s *soak) probe(r *rand.Rand) {
	c := s.dial(r, "probing")
	if c == nil {
		return
	}
	defer c.close(r)
	for range 100 {
		a := newAsk(r, "probe", "GET", "/probe")
		a.body = []byte("alive")
		begin := time.Now()
		if !c.pipeline(r, []*soakAsk{a}, false) {
			return
		}
		s.latencies.add(time.Since(begin))
		s.rest(10 * time.Millisecond)
	}
}
