package cache

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// pass lets time go by, and everything happen that was to happen in it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestValueLivesForTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: time.Minute})
		use(t, c, 1)
		pass(time.Minute - 1)
		if use(t, c, 1) != 1 || !has(c, 1) {
			t.Fatal("gone before its TTL")
		}
		pass(1)
		if has(c, 1) || f.alive() != 0 {
			t.Fatal("there after its TTL")
		}
		if use(t, c, 1) != 2 {
			t.Fatal("not made anew")
		}
	})
}

// TestTTLStartsAfterCreate: the time starts when Create returns, however long it took.
func TestTTLStartsAfterCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(time.Hour)
		c := f.cache(Config[int, *thing]{TTL: time.Minute})
		use(t, c, 1)
		pass(time.Minute - 1)
		if !has(c, 1) {
			t.Fatal("gone before its TTL")
		}
		pass(1)
		if has(c, 1) {
			t.Fatal("there after its TTL")
		}
	})
}

// TestNeighboursEndTogether: what ends within the slack goes with the first, nothing else does, and
// nothing goes late.
func TestNeighboursEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: 256 * time.Millisecond})
		use(t, c, 1)
		pass(time.Millisecond)
		use(t, c, 2)
		pass(1)
		use(t, c, 3)
		pass(255*time.Millisecond - 2)
		if !has(c, 1) || !has(c, 2) {
			t.Fatal("gone early without company")
		}
		pass(1)
		if has(c, 1) || has(c, 2) || !has(c, 3) {
			t.Fatal("want 1 and 2 gone, 3 there")
		}
		pass(time.Millisecond + 1)
		if has(c, 3) {
			t.Fatal("there after its TTL")
		}
	})
}

func TestReferencedValueFloats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: time.Minute})
		a, b := get(t, c, 1), get(t, c, 1)
		pass(time.Hour)
		if has(c, 1) || a.Value().destroyed.Load() != 0 {
			t.Fatal("want it gone from the cache, and not destroyed")
		}
		wantStats(t, c, Stats{Floating: 1})
		if n := use(t, c, 1); n != 2 {
			t.Fatalf("got thing %d while the first floats", n)
		}
		a.Release()
		wantStats(t, c, Stats{Floating: 1, Entries: 1})
		b.Release()
		settledStats(t, c, Stats{Entries: 1})
	})
}

func TestManyExpireAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: time.Minute})
		for k := range 3*sweepEntries + 7 {
			use(t, c, k)
		}
		pass(time.Minute)
		wantStats(t, c, Stats{})
		if f.alive() != 0 {
			t.Fatal("not all are destroyed")
		}
		if n := len(c.table.Load().slots); n != minSlots {
			t.Fatalf("an empty cache holds %d slots", n)
		}
	})
}

// TestIdle: no timer is set when nothing can expire, whatever has emptied the cache.
func TestIdle(t *testing.T) {
	armed := func(c *Cache[int, *thing]) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.wake != never
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: time.Minute, MaxEntries: 2})
		for name, empty := range map[string]func(){
			"expiry": func() { pass(time.Minute) },
			"purge":  func() { c.Purge(nil) },
		} {
			if armed(c) {
				t.Errorf("%s: a timer for an empty cache", name)
			}
			for k := range 5 {
				use(t, c, k)
			}
			if !armed(c) {
				t.Errorf("%s: no timer for what will expire", name)
			}
			empty()
			if armed(c) || c.timer.Stop() {
				t.Errorf("%s: a timer for an empty cache", name)
			}
		}
		eternal := f.cache(Config[int, *thing]{})
		use(t, eternal, 1)
		if armed(eternal) || eternal.timer != nil {
			t.Error("a timer for what never expires")
		}
		use(t, c, 1)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if armed(c) || c.timer.Stop() {
			t.Error("a timer for a closed cache")
		}
	})
}

// TestSweepFollowsEviction: the timer stood for an entry that has gone; those behind it must still
// end.
func TestSweepFollowsEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: time.Minute, MaxEntries: 1})
		for k := range 10 {
			use(t, c, k)
			pass(time.Second)
		}
		pass(time.Minute - 2*time.Second)
		if !has(c, 9) {
			t.Fatal("gone before its TTL")
		}
		pass(time.Second)
		settledStats(t, c, Stats{Evictions: 9})
	})
}

// TestShorterErrorTTL: a failure that ends before the values moves the timer forward.
func TestShorterErrorTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = failsFor(2)
		c := f.cache(Config[int, *thing]{TTL: time.Hour, ErrorTTL: time.Second})
		use(t, c, 1)
		if _, err := c.Get(t.Context(), 2); err != errNotMade {
			t.Fatal(err)
		}
		pass(time.Second)
		if c.Failure(2) != nil || !has(c, 1) {
			t.Fatal("want the failure gone, and the value there")
		}
		pass(time.Hour - time.Second)
		wantStats(t, c, Stats{})
	})
}

func TestLongestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{
			TTL: math.MaxInt64, Refresh: math.MaxInt64 - 1, ErrorTTL: math.MaxInt64,
		})
		pass(time.Hour)
		use(t, c, 1)
		pass(24 * 365 * time.Hour)
		if !has(c, 1) {
			t.Fatal("gone before its TTL")
		}
	})
}
