package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// cyclic is a cache in which each key needs those that needs has for it, asked for at the same
// time.
func cyclic(t *testing.T, needs map[string][]string, passContext bool) *Cache[string, bool] {
	var c *Cache[string, bool]
	c = New(Config[string, bool]{Create: func(ctx context.Context, k string) (bool, error) {
		if !passContext {
			ctx = context.Background()
		}
		errs := make(chan error, len(needs[k]))
		for _, n := range needs[k] {
			go func() {
				r, err := c.Get(ctx, n)
				r.Release()
				errs <- err
			}()
		}
		var first error
		for range needs[k] {
			if err := <-errs; err != nil {
				first = err
			}
		}
		return true, first
	}})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestCycle(t *testing.T) {
	for name, test := range map[string]struct {
		needs map[string][]string
		ask   []string
		fails bool
	}{
		"itself":     {map[string][]string{"a": {"a"}}, []string{"a"}, true},
		"each other": {map[string][]string{"a": {"b"}, "b": {"a"}}, []string{"a"}, true},
		"round": {map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"a"}},
			[]string{"a", "b", "c"}, true},
		"no circle": {map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}},
			[]string{"a", "d", "c"}, false},
		"beside a circle": {map[string][]string{"a": {"b", "c"}, "b": {"d"}, "d": {"a"}},
			[]string{"d", "a", "b"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			for range 50 {
				c := cyclic(t, test.needs, true)
				var failed atomic.Int32
				var wg sync.WaitGroup
				for _, k := range test.ask {
					wg.Go(func() {
						r, err := c.Get(t.Context(), k)
						r.Release()
						if errors.Is(err, ErrCycle) {
							failed.Add(1)
						} else if err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if test.fails != (failed.Load() > 0) {
					t.Fatalf("%d of %d failed", failed.Load(), len(test.ask))
				}
			}
		})
	}
}

// TestCycleWithoutContext: without the context nothing can be noticed, but Close ends all waits.
func TestCycleWithoutContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cyclic(t, map[string][]string{"a": {"a"}}, false)
		got := make(chan error, 1)
		go func() {
			_, err := c.Get(t.Context(), "a")
			got <- err
		}()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-got; err != ErrClosed {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

// TestCycleThroughPurge: b waits for the a that will be made after the purge, and that waits for
// the a which is being made; so that one cannot wait for b.
func TestCycleThroughPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *Cache[string, int]
		ask := func(ctx context.Context, k string) error {
			r, err := c.Get(ctx, k)
			r.Release()
			return err
		}
		first := true
		inner := make(chan error, 1)
		c = New(Config[string, int]{Create: func(ctx context.Context, k string) (int, error) {
			if k == "b" {
				return 1, ask(ctx, "a")
			}
			if first {
				first = false
				time.Sleep(time.Second)
				inner <- ask(ctx, "b")
			}
			return 1, nil
		}})
		var wg sync.WaitGroup
		for _, k := range []string{"a", "b"} {
			wg.Go(func() {
				if err := ask(t.Context(), k); err != nil {
					t.Errorf("%s: %v", k, err)
				}
			})
			synctest.Wait()
			c.Purge(func(k string) bool { return k == "a" })
		}
		if err := <-inner; err != ErrCycle {
			t.Errorf("got %v, want ErrCycle", err)
		}
		wg.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestNoCycleAfterLeaving: a creation that no longer waits for another is not in its way.
func TestNoCycleAfterLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *Cache[string, int]
		ask := func(ctx context.Context, k string) error {
			r, err := c.Get(ctx, k)
			r.Release()
			return err
		}
		c = New(Config[string, int]{Create: func(ctx context.Context, k string) (int, error) {
			if k == "b" {
				time.Sleep(2 * time.Second)
				err := ask(ctx, "a")
				if err != nil {
					t.Errorf("b needs a: %v", err)
				}
				return 1, err
			}
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if err := ask(short, "b"); err != context.DeadlineExceeded {
				t.Errorf("got %v, want context.DeadlineExceeded", err)
			}
			time.Sleep(10 * time.Second) // b comes and asks for a in this time
			return 1, nil
		}})
		if err := ask(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if err := ask(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestLayersWithoutCircle: each value needs both of the layer below, so that the paths through the
// layers are more than anything could walk over one by one.
func TestLayersWithoutCircle(t *testing.T) {
	const layers = 200
	needs := map[string][]string{}
	name := func(layer, side int) string { return fmt.Sprint(layer, ".", side) }
	for layer := range layers {
		for side := range 2 {
			needs[name(layer, side)] = []string{name(layer+1, 0), name(layer+1, 1)}
		}
	}
	c := cyclic(t, needs, true)
	got := make(chan error, 2)
	for side := range 2 {
		go func() {
			r, err := c.Get(t.Context(), name(0, side))
			r.Release()
			got <- err
		}()
	}
	for range 2 {
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("the search for circles does not end")
		}
	}
}

// TestSearchHoldsNobody: while a circle is looked for, other callers go on.
func TestSearchHoldsNobody(t *testing.T) {
	inside := make(chan bool)
	var c *Cache[string, int]
	c = New(Config[string, int]{Create: func(ctx context.Context, k string) (int, error) {
		if k != "outer" {
			return 1, nil
		}
		close(inside)
		r, err := c.Get(ctx, "inner")
		r.Release()
		return 1, err
	}})
	get := func(k string) {
		r, err := c.Get(t.Context(), k)
		r.Release()
		if err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
	var wg sync.WaitGroup
	c.graph.mu.Lock() // as a search does
	wg.Go(func() { get("outer") })
	<-inside
	get("a")
	c.Purge(nil)
	get("b")
	if _, ok := c.Peek("outer"); ok {
		t.Error("outer is there, although it has to ask the graph first")
	}
	c.graph.mu.Unlock()
	wg.Wait()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestNeedsAreCounted: the same value may be needed by several Gets of one Create, one of which
// gives up.
func TestNeedsAreCounted(t *testing.T) {
	var g waitGraph[int, int]
	var a, b, c flight[int, int]
	want := func(from, to *flight[int, int], free bool) {
		t.Helper()
		if got := g.enter(from, to); got != free {
			t.Fatalf("got %v, want %v", got, free)
		}
	}
	want(&a, &b, true)
	want(&a, &b, true)
	g.leave(&a, &b)
	want(&b, &a, false) // the other Get still waits
	g.leave(&a, &b)
	want(&b, &a, true)
	c.after.Store(&a) // c begins when a has ended
	want(&a, &c, false)
	want(&a, &a, false)
	c.after.Store(nil)
	want(&a, &c, true)
	want(&c, &b, false)
	a.over.Store(true)
	want(&c, &b, true)
	if len(g.stack) != 0 {
		t.Error("the search keeps flights alive")
	}
}
