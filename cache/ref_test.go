package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

func TestReleaseCountsOnce(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	a, b := get(t, c, 1), get(t, c, 1)
	copied := a
	c.Purge(nil)
	wantStats(t, c, Stats{Floating: 1})
	for range 3 {
		a.Release()
		copied.Release()
	}
	if n := b.Value().destroyed.Load(); n != 0 {
		t.Fatal("destroyed while it is referenced: a second Release has counted")
	}
	b.Release()
	b.Release()
	wantStats(t, c, Stats{})
	if f.alive() != 0 {
		t.Fatal("not destroyed by the last Release")
	}
}

// TestOldReferenceHasNoClaim: tickets are used again, but not by the references that had them.
func TestOldReferenceHasNoClaim(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	seen := false
	for range 1000 {
		old := get(t, c, 1)
		old.Release()
		r := get(t, c, 2) // mostly the pool gives the same ticket back at once
		seen = seen || r.ticket == old.ticket
		c.Purge(nil)
		old.Release()
		if r.Value().destroyed.Load() != 0 {
			t.Fatal("destroyed while it is referenced")
		}
		r.Release()
	}
	if !seen {
		t.Fatal("no ticket was used again: nothing was tested")
	}
}

func TestConcurrentReleaseOfOneReference(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	for range 200 {
		r, guard := get(t, c, 1), get(t, c, 1)
		c.Purge(nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(r.Release)
		}
		wg.Wait()
		if guard.Value().destroyed.Load() != 0 {
			t.Fatal("destroyed while it is referenced")
		}
		guard.Release()
		if f.alive() != 0 {
			t.Fatal("not destroyed by the last Release")
		}
	}
}

// TestLateReader: a reader that finds an entry before it leaves the table, and counts itself only
// afterwards, holds nothing; but as long as it is counted the value stays, and it is destroyed once
// all the same.
func TestLateReader(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	r := get(t, c, 1)
	e := c.table.Load().find(1, c.hash(1))
	c.Purge(nil)
	state := e.state.Add(1)
	r.Release()
	if f.alive() != 1 {
		t.Fatal("destroyed under a reader that has not yet looked")
	}
	for range 2 { // the second comes when all is over
		if c.takeMarked(e, state) {
			t.Fatal("took a dead entry for alive")
		}
		if f.alive() != 0 {
			t.Fatal("not destroyed when the late reader had left")
		}
		state = e.state.Add(1)
	}
}

func TestValueAfterReleasePanics(t *testing.T) {
	f := newFactory(t)
	r := get(t, f.cache(Config[int, *thing]{}), 1)
	r.Release()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	r.Value()
}

func TestZeroRef(t *testing.T) {
	var r Ref[int]
	r.Release()
	if r.Value() != 0 {
		t.Error("a value from nowhere")
	}
}

// testAllocs checks that hits, and lookups that find nothing, allocate nothing for keys like k.
func testAllocs[K comparable](t *testing.T, k, missing, failing K) {
	t.Helper()
	c := New(Config[K, int]{ErrorTTL: forever, Create: func(_ context.Context, k K) (int, error) {
		if k == failing {
			return 0, errNotMade
		}
		return 1, nil
	}})
	ctx := t.Context()
	for _, k := range []K{k, failing} {
		if r, err := c.Get(ctx, k); err == nil {
			r.Release()
		}
	}
	var bad atomic.Int64
	for name, f := range map[string]func(){
		"Peek": func() {
			r, ok := c.Peek(k)
			if !ok || r.Value() != 1 {
				bad.Add(1)
			}
			r.Release()
		},
		"Get": func() {
			r, err := c.Get(ctx, k)
			if err != nil || r.Value() != 1 {
				bad.Add(1)
			}
			r.Release()
		},
		"Peek of nothing": func() {
			if _, ok := c.Peek(missing); ok {
				bad.Add(1)
			}
		},
		"Get of a failure": func() {
			if _, err := c.Get(ctx, failing); err != errNotMade {
				bad.Add(1)
			}
		},
		"Failure": func() {
			if c.Failure(failing) != errNotMade || c.Failure(k) != nil {
				bad.Add(1)
			}
		},
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s of a %T: %v allocations", name, k, n)
		}
	}
	if bad.Load() != 0 {
		t.Errorf("%T: %d wrong answers", k, bad.Load())
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestHitAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops tickets at random under the race detector")
	}
	type variant struct {
		path     string
		encoding int
	}
	testAllocs(t, "/index.html", "/nothing", "/failing")
	testAllocs(t, uint64(1)<<40, 2<<40, 3<<40)
	testAllocs(t, variant{"/index.html", 1}, variant{"/index.html", 2}, variant{"/", 3})
	testAllocs(t, [2]string{"a", "b"}, [2]string{"a", "c"}, [2]string{"d", "c"})
	testAllocs[any](t, "/index.html", 2, 3.0)
	testAllocs(t, new(int), new(int), new(int))
}

// TestManyReferences: one count in the state must not run into the flags beside it.
func TestManyReferences(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	refs := make([]Ref[*thing], 70_000)
	for i := range refs {
		refs[i] = get(t, c, 1)
	}
	c.Purge(nil)
	for _, r := range refs {
		if f.alive() != 1 {
			t.Fatal("destroyed while it is referenced")
		}
		r.Release()
	}
	if f.alive() != 0 {
		t.Fatal("not destroyed by the last Release")
	}
}
