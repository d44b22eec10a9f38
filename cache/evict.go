package cache

// When there is no room, failures are evicted first, the oldest of them first, so that a flood of
// names that do not exist cannot drive out values; then values in the order of SIEVE. Values stand
// in the order in which they came, a hit marks one as visited, and that is all it does. A hand goes
// from the oldest to the newest and round again; it takes the marks off those that have one, and
// the first without is evicted:
//
//	      older ──────────────────────────► newer
//	A visited   B visited   C   D visited   E     the hand stands at B: B loses its mark,
//	               ▲ hand                         C goes, and the hand waits at D
//
// Values that are asked for once go before values that are asked for again, however many come past.
// Expiry needs the same list, since values live equally long.

// makeRoom evicts until e fits. old, if it is still kept, is about to give its place to e. mu is
// held.
func (c *Cache[K, V]) makeRoom(e, old *entry[K, V], out []*entry[K, V]) []*entry[K, V] {
	for {
		victim := c.tooMany(e, old)
		if victim == nil {
			return out
		}
		c.evictions++
		out = c.remove(victim, out)
	}
}

// tooMany returns the entry to evict if the bounds do not allow e in the place of old, else nil.
// There always is one: e alone does not break a bound.
func (c *Cache[K, V]) tooMany(e, old *entry[K, V]) *entry[K, V] {
	entries, bytes := c.entries()+1, c.bytes
	if old.kept() {
		entries--
		bytes -= old.size
	}
	switch {
	case entries > c.max && c.failures.oldest != nil:
		return c.failures.oldest
	case entries > c.max, e.size > c.maxBytes-bytes: // the sum of the two may not fit an int64
		return c.nextVictim()
	}
	return nil
}

// nextVictim moves the hand to the value to evict. It goes round once at most: where hits come
// faster than the hand goes, the marks are worth nothing.
func (c *Cache[K, V]) nextVictim() *entry[K, V] {
	e := c.hand
	for left := c.values.len; ; left-- {
		if e == nil {
			e = c.values.oldest
		}
		if left == 0 || e.state.Load()&visited == 0 {
			c.hand = e
			return e
		}
		e.state.And(^uint64(visited))
		e = e.links[life].newer
	}
}

// liftHand takes the hand off e, which will leave. mu is held.
func (c *Cache[K, V]) liftHand(e *entry[K, V]) {
	if c.hand == e {
		c.hand = e.links[life].newer
	}
}

func (c *Cache[K, V]) entries() int { return c.values.len + c.failures.len }

// insert puts e among the entries kept; there is room for it. An entry with its key is not there,
// or is removed by the caller after this. mu is held.
func (c *Cache[K, V]) insert(e *entry[K, V]) {
	now := c.now()
	if e.err != nil {
		c.failures.push(e, now)
	} else {
		c.values.push(e, now)
		c.bytes += e.size
		if c.config.Refresh > 0 {
			c.fresh.push(e, now)
		}
	}
	if t := c.table.Load(); t.full() {
		c.table.Store(t.grown())
	}
	c.table.Load().put(e)
	c.setTimer(now)
}

// remove takes e out, whatever the reason, and appends it to out if the caller has to destroy its
// value, without the lock. mu is held.
func (c *Cache[K, V]) remove(e *entry[K, V], out []*entry[K, V]) []*entry[K, V] {
	c.liftHand(e)
	e.leave(life)
	e.leave(turn)
	t := c.table.Load()
	t.remove(e)
	if t.live == 0 && len(t.slots) > minSlots {
		c.table.Store(newTable[K, V](0)) // an empty cache holds no memory
	}
	if c.entries() == 0 {
		c.stopTimer()
	}
	if e.err != nil {
		return out
	}
	c.bytes -= e.size
	if e.kill() {
		out = append(out, e)
	}
	return out
}

// destroyAll destroys the values of list. No lock is held.
func (c *Cache[K, V]) destroyAll(list []*entry[K, V]) {
	defer func() {
		if len(list) > 0 { // Destroy ended this goroutine
			go c.destroyAll(list)
		}
	}()
	for len(list) > 0 {
		e := list[0]
		list = list[1:]
		c.destroy(e)
	}
}

// destroy ends a value: the caller has had true from held.end. No lock is held.
func (c *Cache[K, V]) destroy(e *entry[K, V]) {
	defer c.destroyed()
	defer func() {
		if p := recover(); p != nil {
			c.breaks(newPanicError(p))
		}
	}()
	if c.config.Destroy != nil {
		c.config.Destroy(e.key, e.value)
	}
}

func (c *Cache[K, V]) destroyed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made--
	c.checkIdle()
}

func (c *Cache[K, V]) breaks(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = err
	}
}
