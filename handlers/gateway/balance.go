package gateway

import (
	"math/rand/v2"
	"sync"
)

// Balance says how one of several usable backends is chosen.
type Balance uint8

// The ways to choose.
const (
	// the smallest ratio of requests under way to weight; those that are equal take turns
	LeastConns Balance = iota
	// smooth weighted round robin: a a b a c a a for weights 5, 1, 1
	RoundRobin
	// weighted rendezvous hashing of Key: a backend that goes takes only its own keys along
	Hash
	// the less loaded of two drawn by weight: for very many backends
	Random2
)

// roster is the members of a group at one time. It is never changed: another one takes its place,
// and members that are in both go on as they are.
type roster struct {
	balance   Balance
	slowStart int64 // milliseconds
	members   []*member
	tiers     [2][]*member // the usual ones, and backups

	turn *sync.Mutex // of member.current; held for the arithmetic only
}

// newRoster makes one of ms.
func newRoster(b Balance, slowStart int64, ms []*member) *roster {
	r := &roster{balance: b, slowStart: slowStart, members: ms, turn: new(sync.Mutex)}
	for _, m := range ms {
		tier := &r.tiers[0]
		if m.backup {
			tier = &r.tiers[1]
		}
		*tier = append(*tier, m)
	}
	return r
}

// best is the index of the one of ms, which are not none, that is to have the request.
func (r *roster) best(ms []*member, w *wish, now int64) int {
	switch {
	case len(ms) == 1:
		return 0
	case r.balance == Hash && w.hashed:
		return r.highest(ms, w.key, now)
	case r.balance == RoundRobin:
		return r.next(ms, func(int) bool { return true }, now)
	case r.balance == Random2:
		return r.drawn(ms, now)
	}
	return r.least(ms, now)
}

// least finds the smallest ratio of requests to weight. Those that are equal take turns by weight.
func (r *roster) least(ms []*member, now int64) int {
	var room [16]float64
	loads := room[:0]
	at, equal := 0, 1
	for i, m := range ms {
		loads = append(loads, float64(m.active.Load())/m.share(now, r.slowStart))
		switch {
		case i == 0:
		case loads[i] < loads[at]:
			at, equal = i, 1
		case loads[i] == loads[at]:
			equal++
		}
	}
	if equal == 1 {
		return at
	}
	return r.next(ms, func(i int) bool { return loads[i] == loads[at] }, now)
}

// next is the smooth weighted round robin of nginx: everybody gains his weight, who has most is
// next and loses what all have gained.
func (r *roster) next(ms []*member, takesPart func(i int) bool, now int64) int {
	r.turn.Lock()
	defer r.turn.Unlock()
	at, total := -1, 0.0
	for i, m := range ms {
		if !takesPart(i) {
			continue
		}
		share := m.share(now, r.slowStart)
		total += share
		if m.current += share; at < 0 || m.current > ms[at].current {
			at = i
		}
	}
	ms[at].current -= total
	return at
}

// drawn is the less loaded of two that are drawn by weight.
func (r *roster) drawn(ms []*member, now int64) int {
	a, b := r.draw(ms, now), r.draw(ms, now)
	load := func(i int) float64 {
		return float64(ms[i].active.Load()) / ms[i].share(now, r.slowStart)
	}
	if load(b) < load(a) {
		return b
	}
	return a
}

func (r *roster) draw(ms []*member, now int64) int {
	total := 0.0
	for _, m := range ms {
		total += m.share(now, r.slowStart)
	}
	left := rand.Float64() * total
	for i, m := range ms {
		if left -= m.share(now, r.slowStart); left < 0 {
			return i
		}
	}
	return len(ms) - 1
}
