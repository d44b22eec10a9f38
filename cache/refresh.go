package cache

// A value that is to be refreshed is in the queue fresh until it is due: marked, so that the next
// hit starts a flight that has it as old. When that fails the value waits in the queue retry to
// become due again.

// refresh makes the value that replaces e. It is the goroutine that the hit on the marked entry
// started.
func (c *Cache[K, V]) refresh(e *entry[K, V]) {
	if f := c.startRefresh(e); f != nil {
		f.run()
	}
}

// startRefresh returns nil if e has left the table since the hit: there is nothing to refresh, only
// to make when it is asked for.
func (c *Cache[K, V]) startRefresh(e *entry[K, V]) *flight[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || !e.kept() || c.flights[e.key] != nil {
		return nil
	}
	f := c.newFlight(e.key, e.hash)
	f.old = e
	c.board(f)
	return f
}

// retryLater keeps the old value of a refresh that failed. mu is held.
func (c *Cache[K, V]) retryLater(old *entry[K, V]) {
	if !old.kept() {
		return
	}
	now := c.now()
	c.retry.push(old, now)
	c.setTimer(now)
}
