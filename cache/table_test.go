package cache

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// tableModel does the same to a table and to a map. Hashes have few bits, so that there is much to
// collide.
type tableModel struct {
	t    *testing.T
	bits uint64
	tab  *table[int, int]
	m    map[int]*entry[int, int]
}

func (m *tableModel) hash(k int) uint64 {
	return uint64(k)*0x9e3779b97f4a7c15>>32&m.bits | hashBit
}

func (m *tableModel) put(k int) {
	e := &entry[int, int]{key: k, hash: m.hash(k)}
	if m.tab.full() {
		m.tab = m.tab.grown()
	}
	m.tab.put(e)
	m.m[k] = e
}

func (m *tableModel) remove(k int) {
	if e := m.m[k]; e != nil {
		m.tab.remove(e)
		delete(m.m, k)
	}
	m.tab.remove(&entry[int, int]{key: k, hash: m.hash(k)}) // one that is not in it
}

func (m *tableModel) compare(keys int) {
	m.t.Helper()
	for k := range keys {
		if got := m.tab.find(k, m.hash(k)); got != m.m[k] {
			m.t.Fatalf("find(%d): %p, want %p", k, got, m.m[k])
		}
	}
	used := 0
	for i := range m.tab.slots {
		e, behind := m.tab.slots[i].Load(), m.tab.slots[(i+1)%len(m.tab.slots)].Load()
		if e != nil {
			used++
		}
		if e == m.tab.gone && behind == nil {
			m.t.Fatalf("slot %d says gone, and nobody is behind it", i)
		}
	}
	if m.tab.live != len(m.m) || m.tab.used != used || len(m.tab.all()) != len(m.m) ||
		4*used > 3*len(m.tab.slots) {
		m.t.Fatalf("live %d of %d, used %d of %d, %d slots",
			m.tab.live, len(m.m), m.tab.used, used, len(m.tab.slots))
	}
}

func FuzzTable(f *testing.F) {
	for i := range 4 {
		seed := make([]byte, 500)
		r := rand.New(rand.NewPCG(2, uint64(i)))
		for j := range seed {
			seed[j] = byte(r.UintN(256))
		}
		f.Add(seed, byte(i))
	}
	f.Fuzz(func(t *testing.T, ops []byte, bits byte) {
		m := &tableModel{t, uint64(bits), newTable[int, int](0), map[int]*entry[int, int]{}}
		for _, op := range ops[:min(len(ops), 1000)] {
			if op&1 == 0 {
				m.put(int(op >> 1))
			} else {
				m.remove(int(op >> 1))
			}
			m.compare(128)
		}
	})
}

// TestFindWhileTheTableChanges: an entry that stays is found at any time, whatever comes and goes
// around it and how often the table is replaced.
func TestFindWhileTheTableChanges(t *testing.T) {
	seed := maphash.MakeSeed()
	newEntry := func(k int) *entry[int, int] {
		return &entry[int, int]{key: k, hash: maphash.Comparable(seed, k) | hashBit}
	}
	var tab atomic.Pointer[table[int, int]]
	tab.Store(newTable[int, int](0))
	put := func(e *entry[int, int]) {
		if tab.Load().full() {
			tab.Store(tab.Load().grown())
		}
		tab.Load().put(e)
	}
	const stay = 20
	for k := range stay {
		put(newEntry(k))
	}
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for k := 0; !over.Load(); k = (k + 1) % stay {
				if tab.Load().find(k, maphash.Comparable(seed, k)|hashBit) == nil {
					t.Error("an entry that stays was not found")
					return
				}
			}
		})
	}
	for range 300 {
		var some []*entry[int, int]
		for k := range rand.IntN(60) {
			some = append(some, newEntry(stay+k))
			put(some[k])
		}
		for k := range stay {
			put(newEntry(k)) // in the place of the one that is there
		}
		for _, e := range some {
			tab.Load().remove(e)
		}
	}
	over.Store(true)
	wg.Wait()
}
