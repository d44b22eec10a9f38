package gateway

import (
	"slices"
	"sync/atomic"

	"github.com/golwan/golwan/lwan"
)

// member is one backend of a group: an address with its condition and its counts.
type member struct {
	// constant
	address  string // of the connection
	name     string // of the Backend; the address, unless it has to be looked up
	backend  int    // its number in Group.Backends
	dialer   *lwan.Dialer
	hash     uint64 // of the address, for rendezvous
	mark     string // in the cookie of sticky groups
	weight   int
	backup   bool
	maxConns int64 // 0: none
	process  bool  // it is one of Backend.Process

	word
	active atomic.Int64 // requests and tunnels under way
	counts

	current float64 // of the smooth round robin; guarded by roster.turn
}

// take counts a request under way, unless there are as many as there may be.
func (m *member) take() bool {
	if m.maxConns <= 0 {
		m.active.Add(1)
		return true
	}
	for { // never one too many, also not for a moment: others would see a place that is none
		n := m.active.Load()
		if n >= m.maxConns {
			return false
		}
		if m.active.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// full reports whether take would fail just now.
func (m *member) full() bool { return m.maxConns > 0 && m.active.Load() >= m.maxConns }

// share is the member's weight at now: one that has come back begins with a tenth of it.
func (m *member) share(now, slowStart int64) float64 {
	w := float64(m.weight)
	risen := m.risen.Load()
	if age := now - risen; risen > 0 && age < slowStart {
		return w * (0.1 + 0.9*float64(max(age, 0))/float64(slowStart))
	}
	return w
}

// wish is what a request wants of a group, and where it has been.
type wish struct {
	key    string    // of Hash; hashed: it has one
	hashed bool      //
	mark   string    // of its cookie; "": none
	been   []*member // tried already
}

// outcome is why no member could be chosen.
type outcome uint8

const (
	chosen  outcome = iota
	allFull         // those that could be used have enough to do
	noneUp          // none can be used
)

// pick is a member that has been chosen: active counts the request, and trial says that it decides
// what becomes of the member.
type pick struct {
	*member
	trial bool
}

// choose chooses a member for w at now. Those that w has been at are left out; backups count only
// while no other can be used, full ones included.
func (r *roster) choose(w *wish, now int64) (pick, outcome) {
	if w.mark != "" {
		if p, ok := r.marked(w, now); ok {
			return p, chosen
		}
	}
	for _, tier := range r.tiers {
		p, why := r.among(tier, w, now)
		if why != noneUp {
			return p, why
		}
	}
	return pick{}, noneUp
}

// marked is the member that the request's cookie names, if it can be used.
func (r *roster) marked(w *wish, now int64) (pick, bool) {
	for _, m := range r.members {
		if m.mark == w.mark && !slices.Contains(w.been, m) {
			return m.enter(now)
		}
	}
	return pick{}, false
}

// enter takes a place at m.
func (m *member) enter(now int64) (pick, bool) {
	if !m.load().admits(now) || !m.take() {
		return pick{}, false
	}
	trial, ok := m.admit(now)
	if !ok {
		m.active.Add(-1)
		return pick{}, false
	}
	return pick{m, trial}, true
}

// among chooses one of ms. Who is lost between the choice and the taking, to another loop, is left
// out then.
func (r *roster) among(ms []*member, w *wish, now int64) (pick, outcome) {
	var room [16]*member
	free, full := room[:0], false
	for _, m := range ms {
		switch c := m.load(); {
		case !c.admits(now) && !c.comes(), slices.Contains(w.been, m):
		case c.comes(), m.full():
			full = true
		default:
			free = append(free, m)
		}
	}
	for len(free) > 0 {
		i := r.best(free, w, now)
		if p, ok := free[i].enter(now); ok {
			return p, chosen
		}
		full = full || free[i].full()
		free = slices.Delete(free, i, i+1)
	}
	if full {
		return pick{}, allFull
	}
	return pick{}, noneUp
}

// restEnds is when the first of the members that rest may be tried; 0: none rests.
func (r *roster) restEnds() (at int64) {
	for _, m := range r.members {
		if c := m.load(); c.held == 0 && c.state == Resting && (at == 0 || c.until < at) {
			at = max(c.until, 1)
		}
	}
	return at
}
