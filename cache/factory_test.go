package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// thing is the value of the tests: it knows what has been done to it.
type thing struct {
	key       int
	n         int // the n-th that was made
	size      int64
	began     time.Time // when Create was called
	made      time.Time
	destroyed atomic.Int32
}

// factory is Create, Size and Destroy of the tests. It fails the test if a key is made twice at a
// time, if something is destroyed twice, or was not made.
type factory struct {
	t *testing.T

	// before, if set, is called in Create; its error is that of Create. Constant while the cache is
	// in use.
	before func(ctx context.Context, k int) error
	size   func(k int) int64

	mu      sync.Mutex
	things  []*thing
	calls   int
	running map[int]bool
}

var errNotMade = errors.New("not made")

func newFactory(t *testing.T) *factory {
	return &factory{t: t, running: map[int]bool{}}
}

// cache returns a cache of the factory's things. It is closed after the test, and then everything
// must be destroyed.
func (f *factory) cache(config Config[int, *thing]) *Cache[int, *thing] {
	f.t.Helper()
	config.Create, config.Destroy = f.create, f.destroy
	if f.size != nil {
		config.Size = func(_ int, v *thing) int64 { return v.size }
	}
	c := New(config)
	if err := c.Err(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { f.close(c) })
	return c
}

func (f *factory) close(c *Cache[int, *thing]) {
	if err := c.Close(); err != nil {
		f.t.Errorf("Close: %v", err)
	}
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 || s.Floating != 0 {
		f.t.Errorf("after Close: %+v", s)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.things {
		if n := v.destroyed.Load(); n != 1 {
			f.t.Errorf("thing %d of key %d was destroyed %d times", v.n, v.key, n)
		}
	}
}

func (f *factory) create(ctx context.Context, k int) (*thing, error) {
	v := f.start(k)
	defer f.stop(k)
	if f.before != nil {
		if err := f.before(ctx, k); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v.n = len(f.things) + 1
	v.made = time.Now()
	if f.size != nil {
		v.size = f.size(k)
	}
	f.things = append(f.things, v)
	return v, nil
}

func (f *factory) start(k int) *thing {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.running[k] {
		f.t.Errorf("key %d is made twice at a time", k)
	}
	f.running[k] = true
	return &thing{key: k, began: time.Now()}
}

func (f *factory) stop(k int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, k)
}

func (f *factory) destroy(k int, v *thing) {
	if v.key != k {
		f.t.Errorf("thing of key %d destroyed as that of %d", v.key, k)
	}
	if v.destroyed.Add(1) != 1 {
		f.t.Errorf("thing %d of key %d destroyed again", v.n, k)
	}
}

// count returns how often Create was called and how many things it made.
func (f *factory) count() (calls, made int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls, len(f.things)
}

// alive returns how many things are not destroyed.
func (f *factory) alive() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.things {
		if v.destroyed.Load() == 0 {
			n++
		}
	}
	return n
}

// get is Get where nothing should fail.
func get(t *testing.T, c *Cache[int, *thing], k int) Ref[*thing] {
	t.Helper()
	r, err := c.Get(t.Context(), k)
	if err != nil {
		t.Fatalf("Get(%d): %v", k, err)
	}
	if v := r.Value(); v.key != k || v.destroyed.Load() != 0 {
		t.Fatalf("Get(%d): thing of key %d, destroyed %d times", k, v.key, v.destroyed.Load())
	}
	return r
}

// use is get for a moment; it returns which thing it was.
func use(t *testing.T, c *Cache[int, *thing], k int) int {
	t.Helper()
	r := get(t, c, k)
	defer r.Release()
	return r.Value().n
}

// has reports whether Peek finds k.
func has(c *Cache[int, *thing], k int) bool {
	r, ok := c.Peek(k)
	r.Release()
	return ok
}

// settledStats is wantStats in a bubble, when what was evicted has been destroyed: Get does not
// wait for that.
func settledStats(t *testing.T, c *Cache[int, *thing], want Stats) {
	t.Helper()
	synctest.Wait()
	wantStats(t, c, want)
}

// wantStats compares all but the hits and misses.
func wantStats(t *testing.T, c *Cache[int, *thing], want Stats) {
	t.Helper()
	got := c.Stats()
	got.Hits, got.Misses = want.Hits, want.Misses
	if got != want {
		t.Fatalf("stats %+v, want %+v", got, want)
	}
}

// sleeps is a before that takes d.
func sleeps(d time.Duration) func(context.Context, int) error {
	return func(context.Context, int) error { time.Sleep(d); return nil }
}

// failsFor is a before that fails for the keys from first on.
func failsFor(first int) func(context.Context, int) error {
	return func(_ context.Context, k int) error {
		if k >= first {
			return errNotMade
		}
		return nil
	}
}
