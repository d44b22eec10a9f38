package cache

import (
	"context"
	"fmt"
	"sync/atomic"
)

// A flight is one creation, from the first miss until its value, or its error, has reached the
// table and all callers that waited. There is one flight a key, and a second that waits for it to
// end if the key was purged meanwhile.
type flight[K comparable, V any] struct {
	// Constant.
	cache *Cache[K, V]
	key   K
	hash  uint64
	old   *entry[K, V]  // the value to be replaced, if this is a refresh
	done  chan struct{} // closed when entry and err are set

	vertex[K, V] // of Cache.graph

	// Atomic: the stale flight at whose end this one starts; nil from then on. Changed with
	// Cache.mu held.
	after atomic.Pointer[flight[K, V]]

	// Guarded by Cache.mu; entry and err are constant once done is closed.
	waiters  int           // those who will take a reference, or the error
	stale    bool          // purged: callers that wait get the value, later ones do not
	next     *flight[K, V] // of a stale one: started when this has ended
	finished bool
	entry    *entry[K, V]
	err      error
}

// product is what a creation has brought about.
type product[V any] struct {
	value V
	made  bool // there is a value, to be destroyed sometime
	size  int64
	err   error
}

// flightContext is what Create is given. Get finds in it the creation that it is called from.
type flightContext[K comparable, V any] struct {
	context.Context
	flight *flight[K, V]
}

type flightKey struct{}

func (c *flightContext[K, V]) Value(key any) any {
	if key == (flightKey{}) {
		return c.flight
	}
	return c.Context.Value(key)
}

// miss is Get for a key that was not found.
func (c *Cache[K, V]) miss(ctx context.Context, k K, hash uint64) (Ref[V], error) {
	if c.wrong != nil {
		return Ref[V]{}, c.wrong
	}
	if err := ctx.Err(); err != nil {
		return Ref[V]{}, err
	}
	from, _ := ctx.Value(flightKey{}).(*flight[K, V])
	if from != nil && from.cache != c {
		from = nil
	}
	f, e, err := c.join(k, hash)
	switch {
	case err != nil:
		return Ref[V]{}, err
	case e != nil:
		return c.outcome(e)
	case from == nil:
		return f.wait(ctx)
	}
	if !c.graph.enter(from, f) {
		if f.abandon() {
			return Ref[V]{}, ErrCycle
		}
		return f.wait(ctx) // the circle was left meanwhile, and the value is there
	}
	defer c.graph.leave(from, f)
	return f.wait(ctx)
}

// join makes the caller wait for k, or returns the entry that has turned up meanwhile, taken.
func (c *Cache[K, V]) join(k K, hash uint64) (*flight[K, V], *entry[K, V], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, ErrClosed
	}
	if e := c.take(k, hash); e != nil {
		return nil, e, nil
	}
	c.misses++
	f := c.flights[k]
	if f == nil {
		f = c.newFlight(k, hash)
		c.launch(f)
	}
	if f.stale {
		if f.next == nil {
			f.next = c.newFlight(k, hash)
			f.next.after.Store(f)
		}
		f = f.next
	}
	f.waiters++
	return f, nil, nil
}

func (c *Cache[K, V]) newFlight(k K, hash uint64) *flight[K, V] {
	return &flight[K, V]{cache: c, key: k, hash: hash, done: make(chan struct{})}
}

// launch starts f, the only flight of its key. mu is held.
func (c *Cache[K, V]) launch(f *flight[K, V]) {
	c.board(f)
	go f.run()
}

// board makes f the flight of its key, which its run will end. mu is held.
func (c *Cache[K, V]) board(f *flight[K, V]) {
	if f.key == f.key { // else it is a NaN, which is never found: nobody joins, nothing is kept
		c.flights[f.key] = f
	}
	c.creating++
}

// run makes the value. It is a goroutine of its own since the caller of Get can leave, and since
// Create can end it.
func (f *flight[K, V]) run() {
	p := product[V]{err: ErrGoexit}
	defer func() { // also after a Goexit, which no recover sees
		f.over.Store(true)
		f.cache.destroyAll(f.cache.finish(f, &p))
	}()
	f.create(&p)
}

func (f *flight[K, V]) create(p *product[V]) {
	defer func() {
		if v := recover(); v != nil {
			p.err = newPanicError(v)
		}
	}()
	c := f.cache
	value, err := c.config.Create(&flightContext[K, V]{c.ctx, f}, f.key)
	if err != nil {
		p.err = err
		return
	}
	p.value, p.made = value, true
	if c.config.Size != nil {
		if p.size = c.config.Size(f.key, value); p.size < 0 {
			p.err = fmt.Errorf("%w: %d", ErrSize, p.size)
			return
		}
	}
	p.err = nil
}

// finish hands the product to the callers that wait and to the table; it returns the values to be
// destroyed.
func (c *Cache[K, V]) finish(f *flight[K, V], p *product[V]) (out []*entry[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.finished = true
	f.err = p.err
	if p.made {
		out = c.settleValue(f, p, out)
	}
	if f.err != nil {
		out = c.settleFailure(f, out)
	}
	c.land(f)
	close(f.done)
	c.creating--
	c.checkIdle()
	return out
}

// settleValue makes the entry of a value, with a reference for each caller that waits, and keeps it
// if it may be kept.
func (c *Cache[K, V]) settleValue(
	f *flight[K, V], p *product[V], out []*entry[K, V],
) []*entry[K, V] {
	c.made++
	e := c.newEntry(f)
	e.value, e.size = p.value, p.size
	if f.err == nil {
		e.state.Store(uint64(f.waiters))
		f.entry = e
	}
	if f.err != nil || !c.keeps(f) || e.size > c.maxBytes {
		c.retryLater(f.old)
		if e.kill() {
			out = append(out, e)
		}
		return out
	}
	out = c.makeRoom(e, f.old, out)
	if f.old.kept() {
		e.state.Or(f.old.state.Load() & visited)
		// before e stands behind it: the hand does not go to the newest value first
		c.liftHand(f.old)
	}
	c.insert(e)
	if f.old.kept() {
		out = c.remove(f.old, out)
	}
	return out
}

// settleFailure keeps the error, unless there still is a value: that is better.
func (c *Cache[K, V]) settleFailure(f *flight[K, V], out []*entry[K, V]) []*entry[K, V] {
	switch {
	case c.closed:
		f.err = ErrClosed // the end of its context, as a rule
	case f.old.kept():
		c.retryLater(f.old)
	case c.config.ErrorTTL > 0 && c.keeps(f):
		f.entry = c.newEntry(f)
		out = c.makeRoom(f.entry, nil, out)
		c.insert(f.entry)
	}
	return out
}

func (c *Cache[K, V]) newEntry(f *flight[K, V]) *entry[K, V] {
	e := &entry[K, V]{cache: c, key: f.key, hash: f.hash, err: f.err}
	e.owner = e
	return e
}

// keeps reports whether what f has made may be kept. mu is held.
func (c *Cache[K, V]) keeps(f *flight[K, V]) bool {
	return !c.closed && !f.stale && f.key == f.key
}

// land makes the key free for the next creation, or starts it if it is already waited for. mu is
// held.
func (c *Cache[K, V]) land(f *flight[K, V]) {
	if c.flights[f.key] != f {
		return
	}
	delete(c.flights, f.key)
	if f.next == nil {
		return
	}
	f.next.after.Store(nil)
	if !c.closed {
		c.launch(f.next)
	}
}

// wait returns what f has brought about, with the reference that finish counted for the caller.
func (f *flight[K, V]) wait(ctx context.Context) (Ref[V], error) {
	var err error
	select {
	case <-f.done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-f.cache.ctx.Done():
		err = ErrClosed
	}
	if err != nil && f.abandon() {
		return Ref[V]{}, err
	}
	if f.err != nil {
		return Ref[V]{}, f.err
	}
	return newRef(&f.entry.held), nil
}

// abandon takes the caller off the waiters, and reports false if it is too late for that.
func (f *flight[K, V]) abandon() bool {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	if f.finished {
		return false
	}
	f.waiters--
	return true
}
