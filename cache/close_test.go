package cache

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// closing starts Close and returns where its error will be.
func closing[K comparable, V any](c *Cache[K, V]) <-chan error {
	done := make(chan error, 1)
	go func() { done <- c.Close() }()
	synctest.Wait()
	return done
}

func running(done <-chan error) bool {
	synctest.Wait()
	return len(done) == 0
}

func TestCloseWaitsForReferences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		c := f.cache(Config[int, *thing]{TTL: time.Minute})
		floating := get(t, c, 1)
		pass(time.Minute)
		a, b := get(t, c, 2), get(t, c, 2)
		use(t, c, 3)
		first, second := closing(c), closing(c)
		if f.alive() != 2 {
			t.Fatalf("%d alive, want the two that are referenced", f.alive())
		}
		for _, r := range []Ref[*thing]{floating, a, b} {
			if !running(first) || !running(second) {
				t.Fatal("Close did not wait")
			}
			if r.Value().destroyed.Load() != 0 {
				t.Fatal("destroyed while it is referenced")
			}
			r.Release()
		}
		for _, done := range []<-chan error{first, second} {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestClosedCache(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	use(t, c, 1)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), 1); err != ErrClosed {
			t.Errorf("Get: %v, want ErrClosed", err)
		}
		if has(c, 1) || c.Failure(1) != nil {
			t.Error("Peek or Failure found something")
		}
		c.Purge(nil)
	}
}

// TestCloseDuringCreation: callers that wait return at once; Close waits for Create, and destroys
// what it made.
func TestCloseDuringCreation(t *testing.T) {
	for name, end := range map[string]error{"value": nil, "failure": errNotMade} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFactory(t)
				open := make(chan struct{})
				f.before = func(context.Context, int) error { <-open; return end }
				c := f.cache(Config[int, *thing]{ErrorTTL: time.Hour})
				got := make(chan error, 2)
				for range cap(got) {
					go func() {
						_, err := c.Get(t.Context(), 1)
						got <- err
					}()
				}
				synctest.Wait()
				done := closing(c)
				for range cap(got) {
					if err := <-got; err != ErrClosed {
						t.Errorf("got %v, want ErrClosed", err)
					}
				}
				if !running(done) {
					t.Error("Close did not wait for Create")
				}
				close(open)
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestNothingStartsAfterClose: neither does the creation that a purged one has behind it.
func TestNothingStartsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(time.Minute)
		c := f.cache(Config[int, *thing]{})
		got := make(chan error, 2)
		for range cap(got) {
			go func() {
				_, err := c.Get(t.Context(), 1)
				got <- err
			}()
			synctest.Wait()
			c.Purge(nil)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		for range cap(got) {
			if err := <-got; err != ErrClosed {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
		if calls, _ := f.count(); calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
	})
}

// TestCloseHasOneError: callers that wait get ErrClosed, and never the error that Create makes of
// the end of its context, even if that comes first.
func TestCloseHasOneError(t *testing.T) {
	c := newFactory(t).cache(Config[int, *thing]{})
	f := c.newFlight(1, c.hash(1))
	c.mu.Lock()
	c.board(f)
	c.mu.Unlock()
	c.destroyAll(c.shut())
	c.destroyAll(c.finish(f, &product[*thing]{err: context.Canceled}))
	if _, err := f.wait(t.Context()); err != ErrClosed {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// TestCloseDuringRefresh: a refresh is a creation, which Close waits for.
func TestCloseDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(time.Second)
		c := f.cache(refreshing)
		use(t, c, 1)
		use(t, c, 2)
		pass(55 * time.Second)
		use(t, c, 1)
		synctest.Wait()
		done := closing(c)
		if !running(done) {
			t.Fatal("Close did not wait for the refresh")
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestDestroyPanics(t *testing.T) {
	destroyed := 0
	c := New(Config[int, int]{
		Create: func(_ context.Context, k int) (int, error) { return k, nil },
		Destroy: func(k, _ int) {
			destroyed++
			panic(errNotMade)
		},
	})
	for k := range 3 {
		r, err := c.Get(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		c.Purge(nil)
		r.Release()
	}
	p := (*PanicError)(nil)
	if err := c.Err(); !errors.As(err, &p) || !errors.Is(err, errNotMade) {
		t.Errorf("Err: %v", err)
	}
	if err := c.Close(); !errors.As(err, &p) {
		t.Errorf("Close: %v", err)
	}
	if destroyed != 3 {
		t.Errorf("%d destroyed, want 3", destroyed)
	}
}

// TestDestroyEndsItsGoroutine: those behind it are destroyed all the same.
func TestDestroyEndsItsGoroutine(t *testing.T) {
	f := newFactory(t)
	c := New(Config[int, *thing]{
		Create: f.create,
		Destroy: func(k int, v *thing) {
			f.destroy(k, v)
			runtime.Goexit()
		},
	})
	for k := range 10 {
		use(t, c, k)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Purge(nil)
	}()
	<-ended
	f.close(c)
}

// TestDropped: a cache that nobody refers to any more is collected, timer and all, though it was
// not closed.
func TestDropped(t *testing.T) {
	collected := make(chan struct{})
	func() {
		c := New(Config[int, int]{
			TTL:    time.Millisecond,
			Create: func(context.Context, int) (int, error) { return 1, nil },
		})
		r, err := c.Get(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
		runtime.AddCleanup(c, func(struct{}) { close(collected) }, struct{}{})
	}()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.GC() {
		select {
		case <-collected:
			return
		default:
		}
	}
	t.Error("not collected")
}
