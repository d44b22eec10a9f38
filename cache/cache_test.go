package cache

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGetMakesWhatIsMissing(t *testing.T) {
	f := newFactory(t)
	c := f.cache(Config[int, *thing]{})
	if has(c, 1) {
		t.Fatal("Peek found something in an empty cache")
	}
	if calls, _ := f.count(); calls != 0 {
		t.Fatal("Peek called Create")
	}
	for range 3 {
		if n := use(t, c, 1); n != 1 {
			t.Fatalf("got thing %d, want the first", n)
		}
	}
	if !has(c, 1) || has(c, 2) {
		t.Fatal("Peek does not find what Get made, or more")
	}
	if got, want := c.Stats(), (Stats{Hits: 3, Misses: 1, Entries: 1}); got != want {
		t.Fatalf("stats %+v, want %+v", got, want)
	}
}

func TestZeroConfig(t *testing.T) {
	c := New(Config[string, int]{})
	if _, ok := c.Peek("a"); ok {
		t.Error("Peek found something")
	}
	_, err := c.Get(t.Context(), "a")
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "Create") {
		t.Errorf("Get: %v, want ErrConfig that names Create", err)
	}
	if err := c.Failure("a"); err != nil {
		t.Errorf("Failure: %v", err)
	}
	c.Purge(nil)
	if s := c.Stats(); s != (Stats{}) {
		t.Errorf("stats %+v", s)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestWrongConfig(t *testing.T) {
	create := func(context.Context, int) (int, error) { return 0, nil }
	for field, config := range map[string]Config[int, int]{
		"Create":                 {TTL: 1},
		"TTL is negative":        {TTL: -1, Create: create},
		"ErrorTTL is negative":   {ErrorTTL: -1, Create: create},
		"Refresh is negative":    {Refresh: -1, Create: create},
		"not shorter than TTL":   {TTL: 5, Refresh: 5, Create: create},
		"MaxEntries is negative": {MaxEntries: -1, Create: create},
		"MaxBytes is negative":   {MaxBytes: -1, Create: create},
		"MaxBytes without Size":  {MaxBytes: 1, Create: create},
	} {
		c := New(config)
		_, err := c.Get(t.Context(), 1)
		for _, err := range []error{err, c.Err()} {
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: got %v", field, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: Close: %v", field, err)
		}
	}
	c := New(Config[int, int]{TTL: -1, MaxEntries: -1})
	if err := c.Err(); !strings.Contains(err.Error(), "TTL") ||
		!strings.Contains(err.Error(), "MaxEntries") {
		t.Errorf("not everything that is wrong is named: %v", err)
	}
}

func TestFailureIsNotKeptByDefault(t *testing.T) {
	f := newFactory(t)
	f.before = func(context.Context, int) error { return errNotMade }
	c := f.cache(Config[int, *thing]{})
	for want := 1; want <= 3; want++ {
		if _, err := c.Get(t.Context(), 1); err != errNotMade {
			t.Fatalf("got %v, want the error of Create", err)
		}
		if calls, _ := f.count(); calls != want {
			t.Fatalf("%d calls, want %d", calls, want)
		}
	}
	if c.Failure(1) != nil {
		t.Fatal("a failure was kept")
	}
	wantStats(t, c, Stats{})
}

func TestFailureIsKeptForErrorTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFactory(t)
		fail := true
		f.before = func(context.Context, int) error {
			if fail {
				return errNotMade
			}
			return nil
		}
		c := f.cache(Config[int, *thing]{TTL: time.Hour, ErrorTTL: time.Second})
		for range 3 {
			if _, err := c.Get(t.Context(), 1); err != errNotMade {
				t.Fatalf("got %v, want the error of Create", err)
			}
		}
		fail = false
		time.Sleep(time.Second - 1)
		if err := c.Failure(1); err != errNotMade {
			t.Fatalf("Failure: %v", err)
		}
		if has(c, 1) {
			t.Fatal("Peek takes a failure for a value")
		}
		if got, want := c.Stats(), (Stats{Hits: 3, Misses: 1, Entries: 1}); got != want {
			t.Fatalf("stats %+v, want %+v", got, want)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if err := c.Failure(1); err != nil {
			t.Fatalf("Failure after ErrorTTL: %v", err)
		}
		use(t, c, 1)
		if c.Failure(1) != nil || !has(c, 1) {
			t.Fatal("no value after the failure")
		}
	})
}

// TestKeyThatIsNotItself: NaN is never found again, so it must be kept neither in the table nor
// among the flights.
func TestKeyThatIsNotItself(t *testing.T) {
	destroyed := 0
	c := New(Config[float64, int]{
		Create:  func(context.Context, float64) (int, error) { return 7, nil },
		Destroy: func(float64, int) { destroyed++ },
	})
	for i := range 3 {
		r, err := c.Get(t.Context(), math.NaN())
		if err != nil || r.Value() != 7 {
			t.Fatalf("got %v, %v", r.Value(), err)
		}
		if s := c.Stats(); s.Entries != 0 || s.Floating != 1 || len(c.flights) != 0 {
			t.Fatalf("%+v, %d flights", s, len(c.flights))
		}
		r.Release()
		if destroyed != i+1 {
			t.Fatalf("%d destroyed, want %d", destroyed, i+1)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCreateMayUseTheCache: no lock is held while functions of the Config run.
func TestCreateMayUseTheCache(t *testing.T) {
	var c *Cache[int, int]
	c = New(Config[int, int]{
		MaxEntries: 4,
		Size: func(k, v int) int64 {
			c.Stats()
			return 1
		},
		MaxBytes: 100,
		Create: func(ctx context.Context, k int) (int, error) {
			if k <= 1 {
				return 1, nil
			}
			a, err := c.Get(ctx, k-1)
			if err != nil {
				return 0, err
			}
			defer a.Release()
			b, err := c.Get(ctx, k-2)
			if err != nil {
				return 0, err
			}
			defer b.Release()
			return a.Value() + b.Value(), nil
		},
		Destroy: func(k, v int) {
			c.Stats()
			c.Purge(func(k int) bool { c.Failure(k); return false })
		},
	})
	r, err := c.Get(t.Context(), 30)
	if err != nil || r.Value() != 1346269 {
		t.Fatalf("got %d, %v", r.Value(), err)
	}
	r.Release()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
