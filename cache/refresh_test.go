package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// refreshing is a configuration with round numbers: due after 50 s, gone after 60.
var refreshing = Config[int, *thing]{TTL: time.Minute, Refresh: 10 * time.Second}

func TestRefreshServesTheOldValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(3 * time.Second)
		c := f.cache(refreshing)
		use(t, c, 1)
		pass(50*time.Second - 1)
		use(t, c, 1)
		synctest.Wait()
		if calls, _ := f.count(); calls != 1 {
			t.Fatal("refreshed too early")
		}
		pass(1)
		held := get(t, c, 1) // the hit that starts it
		for range 10 {
			if n := use(t, c, 1); n != 1 {
				t.Fatalf("got thing %d while the first is refreshed", n)
			}
		}
		pass(3*time.Second - 1)
		if use(t, c, 1) != 1 || !has(c, 1) {
			t.Fatal("the old value is not there while the new one is made")
		}
		pass(1)
		if n := use(t, c, 1); n != 2 {
			t.Fatalf("got thing %d after the refresh", n)
		}
		wantStats(t, c, Stats{Entries: 1, Floating: 1})
		held.Release()
		if calls, _ := f.count(); calls != 2 {
			t.Fatalf("%d calls, want 2", calls)
		}
		pass(50 * time.Second) // its time counts from when it was made
		if n := use(t, c, 1); n != 2 {
			t.Fatalf("got thing %d", n)
		}
		synctest.Wait()
		if calls, _ := f.count(); calls != 3 {
			t.Fatalf("the second value is not refreshed: %d calls", calls)
		}
	})
}

func TestOneGoroutineRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(refreshing)
		for round := range 20 {
			use(t, c, 1)
			pass(50 * time.Second)
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() { use(t, c, 1); has(c, 1) })
			}
			wg.Wait()
			synctest.Wait()
			if calls, _ := f.count(); calls != round+2 {
				t.Fatalf("%d calls in round %d", calls, round)
			}
		}
	})
}

// TestNobodyAsks: what is due is not made for nobody.
func TestNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(refreshing)
		use(t, c, 1)
		pass(time.Minute)
		if calls, _ := f.count(); calls != 1 || has(c, 1) {
			t.Fatalf("%d calls, want 1 and no value", calls)
		}
	})
}

func TestFailedRefreshKeepsTheOldValue(t *testing.T) {
	for name, test := range map[string]struct {
		errorTTL time.Duration
		retry    time.Duration
	}{
		"an eighth of Refresh": {0, 1250 * time.Millisecond},
		"ErrorTTL":             {4 * time.Second, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testFailedRefresh(t, test.errorTTL, test.retry) })
		})
	}
}

func testFailedRefresh(t *testing.T, errorTTL, retry time.Duration) {
	f := newFactory(t)
	var fail atomic.Bool
	f.before = func(context.Context, int) error {
		if fail.Load() {
			return errNotMade
		}
		return nil
	}
	config := refreshing
	config.ErrorTTL = errorTTL
	c := f.cache(config)
	use(t, c, 1)
	fail.Store(true)
	pass(50 * time.Second)
	hit := func(wantCalls int) {
		t.Helper()
		for range 10 {
			if n := use(t, c, 1); n != 1 {
				t.Fatalf("got thing %d, want the old one", n)
			}
			synctest.Wait()
		}
		if calls, _ := f.count(); calls != wantCalls {
			t.Fatalf("%d calls, want %d", calls, wantCalls)
		}
	}
	hit(2)
	pass(retry - 1)
	hit(2)
	pass(1)
	hit(3)
	if c.Failure(1) != nil {
		t.Fatal("a failure beside a value")
	}
	pass(10*time.Second - retry - 1)
	if !has(c, 1) {
		t.Fatal("gone before its TTL")
	}
	pass(1)
	if _, err := c.Get(t.Context(), 1); err != errNotMade || f.alive() != 0 {
		t.Fatalf("got %v after the TTL, and %d alive", err, f.alive())
	}
}

// TestRefreshSucceedsAfterFailure: the second attempt counts like a first.
func TestRefreshSucceedsAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		var calls atomic.Int32
		f.before = func(context.Context, int) error {
			if calls.Add(1) == 2 {
				return errNotMade
			}
			return nil
		}
		c := f.cache(refreshing)
		use(t, c, 1)
		pass(50 * time.Second)
		use(t, c, 1)
		pass(5 * time.Second)
		use(t, c, 1)
		synctest.Wait()
		if n := use(t, c, 1); n != 2 {
			t.Fatalf("got thing %d, want the second", n)
		}
	})
}

// TestOldValueEndsBeforeItsRefresh: a caller that misses then waits for the refresh, and starts no
// second creation.
func TestOldValueEndsBeforeItsRefresh(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFactory(t)
			var calls atomic.Int32
			f.before = func(context.Context, int) error {
				if calls.Add(1) == 1 {
					return nil
				}
				time.Sleep(20 * time.Second)
				if fails {
					return errNotMade
				}
				return nil
			}
			config := refreshing
			config.ErrorTTL = time.Second
			c := f.cache(config)
			use(t, c, 1)
			pass(50 * time.Second)
			use(t, c, 1)
			pass(10 * time.Second)
			if has(c, 1) || f.alive() != 0 {
				t.Fatal("there after its TTL")
			}
			r, err := c.Get(t.Context(), 1)
			if fails != (err == errNotMade) || fails != (c.Failure(1) != nil) {
				t.Fatalf("got %v, kept %v", err, c.Failure(1))
			}
			r.Release()
			if n := calls.Load(); n != 2 {
				t.Fatalf("%d calls, want 2", n)
			}
		})
	}
}

// TestRefreshKeepsTheMark: a value that was asked for is not taken for one that was not when it is
// renewed.
func TestRefreshKeepsTheMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		config := refreshing
		config.MaxEntries = 2
		c := f.cache(config)
		use(t, c, 1)
		use(t, c, 2)
		pass(50 * time.Second)
		use(t, c, 1) // 2, 1' in that order; 1' marked
		synctest.Wait()
		use(t, c, 3)
		if !has(c, 1) || has(c, 2) || !has(c, 3) {
			t.Fatal("want 1 and 3")
		}
		settledStats(t, c, Stats{Entries: 2, Evictions: 1})
	})
}

// TestRefreshInAFullCache: the new value takes the place of the old one, and nothing else is
// evicted for it.
func TestRefreshInAFullCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.size = func(k int) int64 { return int64(k) }
		config := refreshing
		config.MaxEntries, config.MaxBytes = 3, 6
		c := f.cache(config)
		for k := 1; k <= 3; k++ {
			use(t, c, k)
		}
		pass(50 * time.Second)
		for k := 1; k <= 3; k++ {
			use(t, c, k)
		}
		synctest.Wait()
		settledStats(t, c, Stats{Entries: 3, Bytes: 6})
		if _, made := f.count(); made != 6 {
			t.Fatalf("%d made, want 6", made)
		}
	})
}

// TestRefreshTooLarge: what cannot be kept does not cost the old value.
func TestRefreshTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		size := int64(5)
		f.size = func(int) int64 { return size }
		config := refreshing
		config.MaxBytes = 10
		c := f.cache(config)
		use(t, c, 1)
		size = 11
		pass(50 * time.Second)
		use(t, c, 1)
		synctest.Wait()
		settledStats(t, c, Stats{Entries: 1, Bytes: 5})
		size = 10
		pass(2 * time.Second)
		use(t, c, 1)
		synctest.Wait()
		settledStats(t, c, Stats{Entries: 1, Bytes: 10})
		if n := use(t, c, 1); n != 3 {
			t.Fatalf("got thing %d, want the third", n)
		}
	})
}

// TestRefreshUnderTheHand: the hand that stood at the old value, the newest there is, goes on with
// the oldest.
func TestRefreshUnderTheHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		config := refreshing
		config.MaxEntries = 3
		c := f.cache(config)
		for k := 1; k <= 3; k++ {
			use(t, c, k)
		}
		has(c, 1)
		use(t, c, 4) // 2 goes, the hand is at 3
		c.Purge(func(k int) bool { return k == 4 })
		pass(50 * time.Second)
		has(c, 3)
		synctest.Wait()
		use(t, c, 5)
		use(t, c, 6)
		wantKept(t, c, 3, 5, 6)
	})
}

// TestRefreshOfWhatIsGone: between the hit and the goroutine that it starts the value may leave.
func TestRefreshOfWhatIsGone(t *testing.T) {
	f := newFactory(t)
	c := f.cache(refreshing)
	use(t, c, 1)
	e := c.table.Load().find(1, c.hash(1))
	c.Purge(nil)
	c.refresh(e)
	if calls, _ := f.count(); calls != 1 {
		t.Fatal("refreshed what nobody asked for since it left")
	}
}
