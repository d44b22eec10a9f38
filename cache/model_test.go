package cache

import (
	"slices"
	"time"
)

// model is what a cache should be, in the plainest way: slices that are searched from end to end, a
// clock that is a number, creations that take no time.
type model struct {
	config  Config[int, *thing]
	now     time.Duration
	failing bool
	size    int64 // of the next things

	values   []*modelEntry // the oldest first
	failures []*modelEntry
	hand     *modelEntry // nil: the oldest
	refs     map[int]int // thing: references
	made     int
	stats    Stats // hits, misses, evictions
}

type modelEntry struct {
	key     int
	n       int // thing; 0: a failure
	size    int64
	born    time.Duration
	visited bool
	retryAt time.Duration // not to be refreshed before
}

func newModel(config Config[int, *thing]) *model {
	return &model{config: config, refs: map[int]int{}}
}

// pass lets time go by.
func (m *model) pass(d time.Duration) {
	m.now += d
	for _, e := range slices.Concat(m.values, m.failures) {
		ttl := m.config.TTL
		if e.n == 0 {
			ttl = m.config.ErrorTTL
		}
		if ttl > 0 && m.now-e.born >= ttl {
			m.remove(e)
		}
	}
}

func (m *model) find(k int) *modelEntry {
	for _, e := range slices.Concat(m.values, m.failures) {
		if e.key == k {
			return e
		}
	}
	return nil
}

func (m *model) remove(e *modelEntry) {
	if m.hand == e {
		m.hand = m.newer(e)
	}
	is := func(o *modelEntry) bool { return o == e }
	m.values = slices.DeleteFunc(m.values, is)
	m.failures = slices.DeleteFunc(m.failures, is)
}

func (m *model) newer(e *modelEntry) *modelEntry {
	if i := slices.Index(m.values, e); i >= 0 && i+1 < len(m.values) {
		return m.values[i+1]
	}
	return nil
}

// peek returns the thing that Peek gives, referenced; or 0.
func (m *model) peek(k int) int {
	e := m.find(k)
	if e == nil || e.n == 0 {
		return 0
	}
	return m.hit(e)
}

func (m *model) hit(e *modelEntry) int {
	m.stats.Hits++
	e.visited = true
	m.refs[e.n]++
	if m.config.Refresh > 0 && m.now-e.born >= m.config.TTL-m.config.Refresh && m.now >= e.retryAt {
		m.refresh(e)
	}
	return e.n
}

// get returns the thing that Get gives, or 0 for an error.
func (m *model) get(k int) int {
	e := m.find(k)
	switch {
	case e != nil && e.n == 0:
		m.stats.Hits++
		return 0
	case e != nil:
		return m.hit(e)
	}
	m.stats.Misses++
	if m.failing {
		if m.config.ErrorTTL > 0 {
			m.keep(&modelEntry{key: k, born: m.now}, nil)
		}
		return 0
	}
	e = m.create(k)
	m.refs[e.n]++
	if m.fits(e) {
		m.keep(e, nil)
	}
	return e.n
}

func (m *model) failure(k int) bool {
	e := m.find(k)
	if e == nil || e.n != 0 {
		return false
	}
	m.stats.Hits++
	return true
}

func (m *model) create(k int) *modelEntry {
	m.made++
	return &modelEntry{key: k, n: m.made, size: m.size, born: m.now}
}

func (m *model) fits(e *modelEntry) bool {
	return m.config.MaxBytes == 0 || e.size <= m.config.MaxBytes
}

func (m *model) refresh(old *modelEntry) {
	var e *modelEntry
	if !m.failing {
		e = m.create(old.key)
	}
	if e == nil || !m.fits(e) {
		old.retryAt = m.now + max(m.config.ErrorTTL, m.config.Refresh/8)
		return
	}
	m.keep(e, old)
}

// keep makes room for e, which replaces old if that is still there when there is room.
func (m *model) keep(e, old *modelEntry) {
	for m.overfull(e, old) {
		m.stats.Evictions++
		m.remove(m.victim(e, old))
	}
	if old != nil && m.find(old.key) == old {
		e.visited = old.visited
		m.remove(old)
	}
	if e.n == 0 {
		m.failures = append(m.failures, e)
	} else {
		m.values = append(m.values, e)
	}
}

func (m *model) count(e, old *modelEntry) (entries int, bytes int64) {
	entries, bytes = 1, e.size
	for _, o := range slices.Concat(m.values, m.failures) {
		if o != old {
			entries++
			bytes += o.size
		}
	}
	return entries, bytes
}

func (m *model) overfull(e, old *modelEntry) bool {
	entries, bytes := m.count(e, old)
	return entries > m.config.MaxEntries || m.config.MaxBytes > 0 && bytes > m.config.MaxBytes
}

// victim is the order of eviction: failures first if there are too many entries, then SIEVE.
func (m *model) victim(e, old *modelEntry) *modelEntry {
	if entries, _ := m.count(e, old); entries > m.config.MaxEntries && len(m.failures) > 0 {
		return m.failures[0]
	}
	for {
		if m.hand == nil {
			m.hand = m.values[0]
		}
		if !m.hand.visited {
			return m.hand
		}
		m.hand.visited = false
		m.hand = m.newer(m.hand)
	}
}

func (m *model) purge(match func(int) bool) {
	for _, e := range slices.Concat(m.values, m.failures) {
		if match(e.key) {
			m.remove(e)
		}
	}
}

// isAlive reports whether a thing must not be destroyed yet; everything else must be.
func (m *model) isAlive(n int) bool {
	return m.refs[n] > 0 ||
		slices.ContainsFunc(m.values, func(e *modelEntry) bool { return e.n == n })
}

func (m *model) all() Stats {
	s := m.stats
	s.Entries = int64(len(m.values) + len(m.failures))
	for _, e := range m.values {
		s.Bytes += e.size
	}
	for n, refs := range m.refs {
		if refs > 0 &&
			!slices.ContainsFunc(m.values, func(e *modelEntry) bool { return e.n == n }) {
			s.Floating++
		}
	}
	return s
}
