package cache

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// Cache keeps the values that Config.Create made, see the package comment. It is made by New, must
// not be copied, and is safe for concurrent use.
type Cache[K comparable, V any] struct {
	// Constant after New.
	config   Config[K, V]
	wrong    error // what check found
	seed     maphash.Seed
	start    time.Time // times are ns since then
	max      int
	maxBytes int64
	ctx      context.Context // of creations; done: closing
	cancel   context.CancelFunc
	idle     chan struct{} // closed when the cache is closed and nothing of it is left

	// Atomic: all that a hit touches, besides the entry.
	table atomic.Pointer[table[K, V]] // changed with mu held
	hits  hitCounter

	graph waitGraph[K, V] // has a mutex of its own

	mu sync.Mutex
	// Guarded by mu. The queues hold exactly the entries of the table: values and failures by life,
	// and the values that are neither due nor being refreshed, by turn, in fresh or in retry.
	values    *queue[K, V]
	failures  *queue[K, V]
	fresh     *queue[K, V]
	retry     *queue[K, V]
	hand      *entry[K, V] // where the next eviction starts; nil: at the oldest value
	bytes     int64        // sizes of values
	flights   map[K]*flight[K, V]
	timer     *time.Timer
	wake      int64 // when the timer will fire
	made      int   // values that are not destroyed
	creating  int   // goroutines that run Create
	misses    int64
	evictions int64
	closed    bool
	broken    error // the first panic of Destroy
}

// New returns a cache. It starts no goroutine. Err says whether the configuration is right.
func New[K comparable, V any](config Config[K, V]) *Cache[K, V] {
	c := &Cache[K, V]{
		config:   config,
		wrong:    config.check(),
		seed:     maphash.MakeSeed(),
		start:    time.Now(),
		max:      config.maxEntries(),
		maxBytes: config.maxBytes(),
		idle:     make(chan struct{}),
		values:   newQueue[K, V](life, config.TTL),
		failures: newQueue[K, V](life, config.ErrorTTL),
		fresh:    newQueue[K, V](turn, config.TTL-config.Refresh),
		retry:    newQueue[K, V](turn, config.retryAfter()),
		flights:  map[K]*flight[K, V]{},
		wake:     never,
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.table.Store(newTable[K, V](0))
	return c
}

// Peek returns a reference to the value of k if there is a live one, and never waits: not for
// Create, not for a lock. It is for handlers on a loop. A kept failure is not a value: ask Failure
// for it.
func (c *Cache[K, V]) Peek(k K) (Ref[V], bool) {
	e := c.take(k, c.hash(k))
	if e == nil || e.err != nil {
		return Ref[V]{}, false
	}
	return c.hit(e), true
}

// Get returns a reference to the value of k. If there is none, Get has it made, or joins the
// callers who wait for it already; if a failure is kept, it returns that error. It waits until the
// value is there, ctx ends (then its error is returned, and the creation goes on), or the cache is
// closed. A hit does not look at ctx.
func (c *Cache[K, V]) Get(ctx context.Context, k K) (Ref[V], error) {
	hash := c.hash(k)
	e := c.take(k, hash)
	if e == nil {
		return c.miss(ctx, k, hash)
	}
	return c.outcome(e)
}

// Failure returns the error that Get would return at once, because the last Create of k failed and
// the failure is kept; else nil. Like Peek it never waits: a handler that finds no value asks it
// before it goes to where it may wait.
func (c *Cache[K, V]) Failure(k K) error {
	hash := c.hash(k)
	e := c.table.Load().find(k, hash)
	if e == nil || e.err == nil {
		return nil
	}
	c.hits.add(uint32(hash))
	return e.err
}

// Err returns what is wrong with the Config (see ErrConfig), else the first panic of Destroy, else
// nil.
func (c *Cache[K, V]) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrong != nil {
		return c.wrong
	}
	return c.broken
}

func (c *Cache[K, V]) hash(k K) uint64 { return maphash.Comparable(c.seed, k) | hashBit }

// now is read under mu where entries are queued, so that no queue sees time go backwards.
func (c *Cache[K, V]) now() int64 { return int64(time.Since(c.start)) }

// take returns the live entry of k with a reference taken, unless it is a failure; or nil.
//
// This is the whole cost of a hit besides the reference: a hash, a probe, one atomic addition. No
// clock is read: the sweep takes expired entries out of the table when their time has come, and
// marks those that are due.
func (c *Cache[K, V]) take(k K, hash uint64) *entry[K, V] {
	for {
		e := c.table.Load().find(k, hash)
		if e == nil || e.err != nil {
			return e
		}
		s := e.state.Add(1)
		if s&flags == visited || c.takeMarked(e, s) {
			return e
		}
	}
}

// takeMarked is take for an entry with more to do than to count; it reports whether the entry was
// alive.
func (c *Cache[K, V]) takeMarked(e *entry[K, V], state uint64) bool {
	if state&dead != 0 {
		e.release()
		return false
	}
	if state&visited == 0 {
		e.state.Or(visited)
	}
	// The caller that takes the mark away refreshes the value.
	if state&due != 0 && e.state.And(^uint64(due))&due != 0 {
		go c.refresh(e)
	}
	return true
}

// outcome is what Get returns for an entry that take returned.
func (c *Cache[K, V]) outcome(e *entry[K, V]) (Ref[V], error) {
	if e.err != nil {
		c.hits.add(uint32(e.hash))
		return Ref[V]{}, e.err
	}
	return c.hit(e), nil
}

func (c *Cache[K, V]) hit(e *entry[K, V]) Ref[V] {
	r := newRef(&e.held)
	c.hits.add(r.ticket.stripe)
	return r
}
