package cache

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestConcurrentMissesCreateOnce(t *testing.T) {
	const callers = 1000
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		open := make(chan struct{})
		f.before = func(context.Context, int) error { <-open; return nil }
		c := f.cache(Config[int, *thing]{})
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() { use(t, c, 1) })
		}
		synctest.Wait() // all of them wait
		close(open)
		wg.Wait()
		if calls, made := f.count(); calls != 1 || made != 1 {
			t.Fatalf("%d calls made %d things", calls, made)
		}
		if s := c.Stats(); s.Misses != callers {
			t.Fatalf("%d misses, want %d", s.Misses, callers)
		}
	})
}

// TestConcurrentMissesCreateOnceForReal is the same without a bubble: callers come while the
// creation ends.
func TestConcurrentMissesCreateOnceForReal(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	for k := range 20 {
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 1000 {
			wg.Go(func() { <-start; use(t, c, k) })
		}
		close(start)
		wg.Wait()
	}
	if calls, _ := f.count(); calls != 20 {
		t.Fatalf("%d calls for 20 keys", calls)
	}
}

// TestWaiterLeaves: a caller that gives up returns at once, and takes nothing from the others.
func TestWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		open := make(chan struct{})
		f.before = func(ctx context.Context, _ int) error { <-open; return ctx.Err() }
		c := f.cache(Config[int, *thing]{})
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { // the first: the one that starts the creation
			_, err := c.Get(ctx, 1)
			left <- err
		}()
		synctest.Wait()
		stays := make(chan Ref[*thing], 1)
		go func() { stays <- get(t, c, 1) }()
		synctest.Wait()
		cancel()
		if err := <-left; err != context.Canceled {
			t.Fatalf("got %v, want context.Canceled", err)
		}
		close(open)
		r := <-stays
		c.Purge(nil)
		wantStats(t, c, Stats{Floating: 1})
		r.Release()
		wantStats(t, c, Stats{}) // the one that left holds nothing
	})
}

func TestAllWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = func(ctx context.Context, _ int) error {
			time.Sleep(time.Minute)
			return ctx.Err()
		}
		c := f.cache(Config[int, *thing]{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Get(ctx, 1); err != context.DeadlineExceeded {
			t.Fatalf("got %v, want context.DeadlineExceeded", err)
		}
		if _, err := c.Get(ctx, 2); err != context.DeadlineExceeded {
			t.Fatalf("Get with a context that has ended: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !has(c, 1) {
			t.Fatal("the value that nobody waited for is not kept")
		}
		if has(c, 2) || len(f.things) != 1 {
			t.Fatal("a context that has ended started a creation")
		}
		if r, err := c.Get(ctx, 1); err != nil {
			t.Fatalf("a hit has looked at ctx: %v", err)
		} else {
			r.Release()
		}
	})
}

// TestLeavingTooLate: a caller whose ctx ends when the value is already there gets one of the two,
// never half.
func TestLeavingTooLate(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	for range 2000 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		r, err := c.Get(ctx, 1)
		if (err == nil) != (r.Value() != nil) {
			t.Fatalf("got %v, %v", r.Value(), err)
		}
		r.Release()
		c.Purge(nil)
	}
}

// TestContextEndsWithCreate is the same to the instant.
func TestContextEndsWithCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		f.before = sleeps(time.Second)
		c := f.cache(Config[int, *thing]{})
		for range 200 {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					r, err := c.Get(ctx, 1)
					if (err == nil) != (r.Value() != nil) {
						t.Errorf("got %v, %v", r.Value(), err)
					}
					r.Release()
				})
			}
			wg.Wait()
			synctest.Wait()
			c.Purge(nil)
			wantStats(t, c, Stats{})
		}
	})
}

func TestCreateEndsBadly(t *testing.T) {
	for name, test := range map[string]struct {
		before func()
		is     error
	}{
		"panic with an error": {func() { panic(fs.ErrNotExist) }, fs.ErrNotExist},
		"panic with a string": {func() { panic("boom") }, nil},
		"panic with nil":      {func() { panic(nil) }, new(runtime.PanicNilError)},
		"nil dereference":     {func() { *(*int)(nil) = 1 }, nil},
		"Goexit":              {runtime.Goexit, ErrGoexit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testBadEnd(t, test.before, test.is) })
		})
	}
}

func testBadEnd(t *testing.T, end func(), is error) {
	f := newFactory(t)
	open := make(chan struct{})
	var ended atomic.Bool
	f.before = func(context.Context, int) error {
		<-open
		if !ended.Swap(true) {
			end()
		}
		return nil
	}
	c := f.cache(Config[int, *thing]{})
	errs := make(chan error, 10)
	for range cap(errs) {
		go func() {
			_, err := c.Get(t.Context(), 1)
			errs <- err
		}()
	}
	synctest.Wait()
	close(open)
	for range cap(errs) {
		err := <-errs
		if p := (*PanicError)(nil); !errors.As(err, &p) && !errors.Is(err, ErrGoexit) {
			t.Errorf("got %v", err)
		} else if p != nil && (len(p.Stack) == 0 || p.Error() == "") {
			t.Errorf("no stack, or no text: %v", err)
		}
		if _, isNil := is.(*runtime.PanicNilError); is != nil && !isNil && !errors.Is(err, is) {
			t.Errorf("got %v, want %v in it", err, is)
		}
	}
	use(t, c, 1) // the key is free again
}

func TestSizeEndsBadly(t *testing.T) {
	for name, size := range map[string]func(int) int64{
		"negative": func(int) int64 { return -3 },
		"panic":    func(int) int64 { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			var made, destroyed int
			c := New(Config[int, int]{
				MaxBytes: 10,
				Size:     func(k, _ int) int64 { return size(k) },
				Create:   func(_ context.Context, k int) (int, error) { made++; return k, nil },
				Destroy:  func(int, int) { destroyed++ },
			})
			_, err := c.Get(t.Context(), 1)
			if p := (*PanicError)(nil); !errors.Is(err, ErrSize) && !errors.As(err, &p) {
				t.Errorf("got %v", err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if made != 1 || destroyed != 1 {
				t.Errorf("%d made, %d destroyed", made, destroyed)
			}
		})
	}
}

// TestContextOfAnotherCache: a creation may wait for another cache's creation of the same key.
func TestContextOfAnotherCache(t *testing.T) {
	f := newFactory(t)
	inner := f.cache(Config[int, *thing]{})
	outer := New(Config[int, *thing]{Create: func(ctx context.Context, k int) (*thing, error) {
		r, err := inner.Get(ctx, k)
		r.Release()
		return &thing{}, err
	}})
	r, err := outer.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestContextOfCreate: it has no caller's deadline and no caller's values, and ends with Close.
func TestContextOfCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ended := make(chan struct{})
		f := newFactory(t)
		f.before = func(ctx context.Context, _ int) error {
			if _, ok := ctx.Deadline(); ok || ctx.Value(key{}) != nil {
				t.Error("the context of Create is that of a caller")
			}
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		}
		c := f.cache(Config[int, *thing]{})
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, 1), time.Hour)
		defer cancel()
		got := make(chan error, 1)
		go func() {
			_, err := c.Get(ctx, 1)
			got <- err
		}()
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-ended
		if err := <-got; err != ErrClosed {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}
