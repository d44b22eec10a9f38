package cache

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = failsFor(8)
		c := f.cache(Config[int, *thing]{ErrorTTL: time.Hour})
		for k := range 10 {
			r, err := c.Get(t.Context(), k)
			if err != nil && k < 8 {
				t.Fatal(err)
			}
			r.Release()
		}
		c.Purge(func(k int) bool { return false })
		wantKept(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		c.Purge(func(k int) bool { return k%2 == 0 })
		wantKept(t, c, 1, 3, 5, 7, 9)
		wantStats(t, c, Stats{Entries: 5})
		if f.alive() != 4 {
			t.Fatalf("%d alive, want 4", f.alive())
		}
		c.Purge(nil)
		wantStats(t, c, Stats{})
	})
}

// TestPurgeDuringCreation: callers that wait already get what was read before the purge; later
// callers do not, and the key is still made once at a time (the factory checks that).
func TestPurgeDuringCreation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(time.Second)
		c := f.cache(Config[int, *thing]{})
		var wg sync.WaitGroup
		ask := func(want int) {
			wg.Go(func() {
				if n := use(t, c, 1); n != want {
					t.Errorf("got thing %d, want %d", n, want)
				}
			})
			synctest.Wait()
		}
		ask(1)
		ask(1)
		c.Purge(nil)
		ask(2)
		ask(2)
		c.Purge(nil) // the second creation has not begun: what it will read is new
		ask(2)
		pass(time.Second)
		if has(c, 1) || f.alive() != 0 {
			t.Error("what was read before the purge is kept")
		}
		ask(2)
		pass(time.Second)
		wg.Wait()
		if !has(c, 1) || len(c.flights) != 0 {
			t.Error("what was read after the purge is not kept")
		}
	})
}

// TestPurgeDuringFailure: the error of a creation that was purged is not kept either.
func TestPurgeDuringFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = func(context.Context, int) error { time.Sleep(time.Second); return errNotMade }
		c := f.cache(Config[int, *thing]{ErrorTTL: time.Hour})
		got := make(chan error, 1)
		go func() {
			_, err := c.Get(t.Context(), 1)
			got <- err
		}()
		synctest.Wait()
		c.Purge(func(k int) bool { return k == 1 })
		if err := <-got; err != errNotMade || c.Failure(1) != nil {
			t.Errorf("got %v, kept %v", err, c.Failure(1))
		}
	})
}

func TestPurgeDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(time.Second)
		c := f.cache(refreshing)
		use(t, c, 1)
		pass(50 * time.Second)
		use(t, c, 1)
		synctest.Wait() // the refresh has begun
		c.Purge(nil)
		if n := use(t, c, 1); n != 3 {
			t.Errorf("got thing %d, want one that was begun after the purge", n)
		}
		settledStats(t, c, Stats{Entries: 1})
	})
}

// TestPurgeMeetsTheEndOfACreation: match is called between the two looks of Purge at the cache, so
// that what ends in there must still be noticed.
func TestPurgeMeetsTheEndOfACreation(t *testing.T) {
	for name, end := range map[string]error{"value": nil, "failure": errNotMade} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFactory(t)
				open := make(chan struct{})
				f.before = func(context.Context, int) error { <-open; return end }
				c := f.cache(Config[int, *thing]{ErrorTTL: time.Hour})
				go func() {
					r, err := c.Get(t.Context(), 1)
					if err != end {
						t.Error(err)
					}
					r.Release()
				}()
				synctest.Wait()
				c.Purge(func(int) bool {
					close(open)
					synctest.Wait()
					if got := kept(c, 10); len(got) != 1 {
						t.Error("the creation has not ended: nothing is tested")
					}
					return true
				})
				wantStats(t, c, Stats{})
			})
		})
	}
}
