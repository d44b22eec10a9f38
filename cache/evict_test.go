package cache

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// kept returns which of the first keys are in the cache, without a hit.
func kept(c *Cache[int, *thing], keys int) (list []int) {
	for k := range keys {
		if c.table.Load().find(k, c.hash(k)) != nil {
			list = append(list, k)
		}
	}
	return list
}

func wantKept(t *testing.T, c *Cache[int, *thing], want ...int) {
	t.Helper()
	if got := kept(c, 100); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("kept %v, want %v", got, want)
	}
}

// TestOrderOfEviction is the drawing in evict.go. The simulation compares the order with a model.
func TestOrderOfEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{MaxEntries: 5})
		for k := range 5 {
			use(t, c, k)
		}
		for _, k := range []int{0, 1, 3} {
			has(c, k)
		}
		use(t, c, 5) // 0 and 1 lose their marks, 2 goes
		wantKept(t, c, 0, 1, 3, 4, 5)
		use(t, c, 6) // 3 loses its mark, 4 goes
		wantKept(t, c, 0, 1, 3, 5, 6)
		use(t, c, 7) // the hand stands at 5
		wantKept(t, c, 0, 1, 3, 6, 7)
		use(t, c, 8)
		use(t, c, 9)
		use(t, c, 10)
		wantKept(t, c, 0, 1, 3, 9, 10)
		settledStats(t, c, Stats{Entries: 5, Evictions: 6})
	})
}

// TestScan: what is asked for once does not drive out what is asked for again.
func TestScan(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{MaxEntries: 10})
	for k := range 5 {
		use(t, c, k)
	}
	for i := range 500 {
		for k := range 5 {
			if !has(c, k) {
				t.Fatalf("%d was evicted after %d others", k, i)
			}
		}
		use(t, c, 100+i)
	}
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, max := range []int{1, 2, 3, 100} {
			f := newFactory(t)
			c := f.cache(Config[int, *thing]{MaxEntries: max})
			for k := range max {
				use(t, c, k)
			}
			settledStats(t, c, Stats{Entries: int64(max)})
			use(t, c, max)
			settledStats(t, c, Stats{Entries: int64(max), Evictions: 1})
		}
	})
}

func TestDefaultBound(t *testing.T) {
	c := New(Config[int, int]{
		Create: func(_ context.Context, k int) (int, error) { return k, nil },
	})
	for k := range DefaultMaxEntries + 1 {
		r, err := c.Get(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
	if s := c.Stats(); s.Entries != DefaultMaxEntries || s.Evictions != 1 {
		t.Fatalf("%+v", s)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.size = func(k int) int64 { return int64(k) }
		c := f.cache(Config[int, *thing]{MaxBytes: 10})
		for _, k := range []int{1, 2, 3, 4} {
			use(t, c, k)
		}
		settledStats(t, c, Stats{Entries: 4, Bytes: 10})
		use(t, c, 5) // 1, 2 and 3 have to go for it
		wantKept(t, c, 4, 5)
		settledStats(t, c, Stats{Entries: 2, Bytes: 9, Evictions: 3})
		use(t, c, 10)
		settledStats(t, c, Stats{Entries: 1, Bytes: 10, Evictions: 5})

		r := get(t, c, 11) // does not fit at all: handed out, and nobody goes for it
		settledStats(t, c, Stats{Entries: 1, Bytes: 10, Evictions: 5, Floating: 1})
		r.Release()
		settledStats(t, c, Stats{Entries: 1, Bytes: 10, Evictions: 5})
	})
}

// TestBytesNearTheTop: sums that an int64 cannot hold are bounds that are broken, not bounds that
// are forgotten.
func TestBytesNearTheTop(t *testing.T) {
	const top = math.MaxInt64
	for _, tt := range []struct {
		bound, size int64
		evicts      bool
	}{
		{top, top, true}, {top, top / 2, false}, {top, top/2 + 1, true}, {top - 1, top - 1, true},
		{top - 1, top, false}, {0, top, true}, {0, top/2 + 1, true}, {0, top / 2, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFactory(t)
			f.size = func(int) int64 { return tt.size }
			c := f.cache(Config[int, *thing]{
				MaxBytes: tt.bound, TTL: 2 * time.Hour, Refresh: time.Hour,
			})
			use(t, c, 1)
			use(t, c, 2)
			s := c.Stats()
			if s.Bytes < 0 || s.Evictions != 0 != tt.evicts {
				t.Errorf("%+v: %+v", tt, s)
			}
			time.Sleep(time.Hour + time.Minute) // each is replaced by one of the same size
			has(c, 1)
			has(c, 2)
			synctest.Wait()
			if now := c.Stats(); now != (Stats{
				Hits: now.Hits, Misses: s.Misses, Evictions: s.Evictions,
				Entries: s.Entries, Bytes: s.Bytes,
			}) {
				t.Errorf("%+v: %+v after the refresh, before it %+v", tt, now, s)
			}
		})
	}
}

// TestReferencedValueIsEvicted: the bound holds, and readers of the evicted value may go on.
func TestReferencedValueIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{MaxEntries: 1})
		r := get(t, c, 1)
		use(t, c, 2)
		wantKept(t, c, 2)
		if r.Value().destroyed.Load() != 0 {
			t.Fatal("destroyed while it is referenced")
		}
		r.Release()
		if f.alive() != 1 {
			t.Fatal("not destroyed by the last Release")
		}
	})
}

// TestFailuresGoFirst: names that do not exist cost the values one place at most.
func TestFailuresGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = failsFor(10)
		c := f.cache(Config[int, *thing]{ErrorTTL: time.Hour, MaxEntries: 5})
		for k := range 5 {
			use(t, c, k)
		}
		for k := 10; k < 100; k++ {
			if _, err := c.Get(t.Context(), k); err != errNotMade {
				t.Fatal(err)
			}
		}
		wantKept(t, c, 1, 2, 3, 4, 99)
		use(t, c, 0)
		wantKept(t, c, 0, 1, 2, 3, 4)
	})
}

// TestAllAreMarked: the hand comes back to where it began.
func TestAllAreMarked(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{MaxEntries: 3})
	for k := range 3 {
		use(t, c, k)
		has(c, k)
	}
	use(t, c, 3)
	wantKept(t, c, 1, 2, 3)
}
