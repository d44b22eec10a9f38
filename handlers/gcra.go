package handlers

import (
	"sync"
	"time"
)

// arrivals says for each key when its next request should come (GCRA, the generic cell rate
// algorithm). A key's state is one number: the theoretical arrival time, tat.
//
//	interval ├─────────┤
//	─────────┼─────────┼─────────┼─────────┼──▶ time
//	         now                 tat: two requests ahead of the rate, within a burst of two
//
// It is a bucket of burst+1 tokens of which one comes back each interval, without a clock that
// ticks. Its memory is bounded: of keys that do not fit, those go whose tat is the oldest of the
// few that are looked at. One whose tat is over is as if it had never been there.
type arrivals struct {
	interval int64 // ns between two requests at the rate
	burst    int64 // ns that tat may be ahead
	shards   [arrivalShards]arrivalShard
}

const (
	arrivalShards = 32
	arrivalProbes = 8 // slots that are looked at for one to take
)

type arrivalShard struct {
	mu    sync.Mutex
	index map[uint64]int32 // slot by key
	slots []arrival
	room  int // slots at most
	hand  int // the next slot to be taken
}

type arrival struct {
	key uint64
	tat int64
}

func newArrivals(interval time.Duration, burst, keys int) *arrivals {
	a := &arrivals{interval: int64(interval), burst: int64(burst) * int64(interval)}
	for i := range a.shards {
		a.shards[i].index = map[uint64]int32{}
		a.shards[i].room = max((keys+arrivalShards-1)/arrivalShards, 1)
	}
	return a
}

// take asks for one request of key at now, in ns. If it is good, wait is how long it is ahead of
// the rate, 0 if it is not; else it is how long the key has to wait until one would be good.
func (a *arrivals) take(key uint64, now int64) (wait int64, good bool) {
	s := &a.shards[key%arrivalShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.find(key, now)
	tat := max(slot.tat, now)
	if ahead := tat - now; ahead > a.burst {
		return ahead - a.burst, false
	}
	slot.tat = tat + a.interval
	return tat - now, true
}

// giveBack takes a request back that was not let through after all.
func (a *arrivals) giveBack(key uint64) {
	s := &a.shards[key%arrivalShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.index[key]; ok {
		s.slots[i].tat -= a.interval
	}
}

// find is the slot of a key, a new one if there is none.
func (s *arrivalShard) find(key uint64, now int64) *arrival {
	if i, ok := s.index[key]; ok {
		return &s.slots[i]
	}
	i := len(s.slots)
	if i < s.room {
		s.slots = append(s.slots, arrival{})
	} else {
		i = s.victim(now)
		delete(s.index, s.slots[i].key)
	}
	s.slots[i] = arrival{key: key}
	s.index[key] = int32(i)
	return &s.slots[i]
}

// victim is the slot to be taken: the first that is over, or that whose tat is the oldest of some.
func (s *arrivalShard) victim(now int64) int {
	oldest := s.hand
	for range min(arrivalProbes, len(s.slots)) {
		i := s.hand
		if s.hand++; s.hand == len(s.slots) {
			s.hand = 0
		}
		if s.slots[i].tat <= now {
			return i
		}
		if s.slots[i].tat < s.slots[oldest].tat {
			oldest = i
		}
	}
	return oldest
}
