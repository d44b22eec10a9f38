package cache

import "sync/atomic"

// A table finds entries by key: open addressing, linear probing, at most three quarters full.
// Readers take no lock and are never made to wait: a slot is one atomic pointer, and a table that
// has become too small is not changed any more but replaced by a new one. A reader that is still in
// the old one sees the past, where every entry that has left since is dead: it looks again in the
// new one. Writers hold Cache.mu.
type table[K comparable, V any] struct {
	// Constant after newTable.
	slots []atomic.Pointer[entry[K, V]]
	gone  *entry[K, V] // in a slot: somebody was here, go on looking; its hash matches nothing

	// Guarded by Cache.mu.
	live int // entries
	used int // slots that are not nil: entries and gone
}

const (
	minSlots = 8
	// hashBit is set in the hash of every entry and never in that of table.gone.
	hashBit = 1 << 63
)

// newTable returns a table that is at most half full with n entries.
func newTable[K comparable, V any](n int) *table[K, V] {
	slots := minSlots
	for slots < 2*n {
		slots *= 2
	}
	return &table[K, V]{slots: make([]atomic.Pointer[entry[K, V]], slots), gone: &entry[K, V]{}}
}

// find returns the entry of k, or nil.
func (t *table[K, V]) find(k K, hash uint64) *entry[K, V] {
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := t.slots[i].Load()
		if e == nil {
			return nil
		}
		if e.hash == hash && e.key == k {
			return e
		}
	}
}

// full reports whether one more entry needs a new table.
func (t *table[K, V]) full() bool { return 4*(t.used+1) > 3*len(t.slots) }

// put stores e in the place of the entry with its key, if there is one: no reader misses both.
func (t *table[K, V]) put(e *entry[K, V]) {
	mask := uint64(len(t.slots) - 1)
	free := -1
	for i := e.hash & mask; ; i = (i + 1) & mask {
		switch o := t.slots[i].Load(); {
		case o == nil:
			if free < 0 {
				free = int(i)
				t.used++
			}
			t.live++
			t.slots[free].Store(e)
			return
		case o == t.gone:
			if free < 0 {
				free = int(i)
			}
		case o.hash == e.hash && o.key == e.key:
			t.slots[i].Store(e)
			return
		}
	}
}

// remove takes e out, if it is in.
func (t *table[K, V]) remove(e *entry[K, V]) {
	mask := uint64(len(t.slots) - 1)
	for i := e.hash & mask; ; i = (i + 1) & mask {
		switch t.slots[i].Load() {
		case nil:
			return
		case e:
			t.live--
			t.slots[i].Store(t.gone)
			t.sweep(i)
			return
		}
	}
}

// sweep empties the slots up to i that say gone to nobody: those with nothing behind them.
func (t *table[K, V]) sweep(i uint64) {
	mask := uint64(len(t.slots) - 1)
	if t.slots[(i+1)&mask].Load() != nil {
		return
	}
	for ; t.slots[i].Load() == t.gone; i = (i - 1) & mask {
		t.slots[i].Store(nil)
		t.used--
	}
}

// grown returns a table with the entries of t and room for one more. t is not changed.
func (t *table[K, V]) grown() *table[K, V] {
	n := newTable[K, V](t.live + 1)
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil && e != t.gone {
			n.put(e)
		}
	}
	return n
}

// all returns the entries that are in t. It takes no lock: entries that come or go meanwhile may be
// among them or not.
func (t *table[K, V]) all() (list []*entry[K, V]) {
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil && e != t.gone {
			list = append(list, e)
		}
	}
	return list
}
