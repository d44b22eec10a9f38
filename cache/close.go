package cache

// Close ends the cache: every Get returns ErrClosed from now on, also one that waits, and Peek
// finds nothing; the context of creations ends; every value is destroyed, those that are referenced
// by their last Release. It returns when all that is done, so a reference that is never released
// makes it wait for good (Stats counts those as Floating), and neither Create and Destroy nor the
// holder of a reference may call it. The error is the first panic of Destroy. Closing again is
// harmless, and waits as well.
func (c *Cache[K, V]) Close() error {
	c.destroyAll(c.shut())
	<-c.idle
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// shut takes out all entries and returns the values to be destroyed.
func (c *Cache[K, V]) shut() (out []*entry[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.cancel()
	for _, q := range []*queue[K, V]{c.values, c.failures} {
		for q.oldest != nil {
			out = c.remove(q.oldest, out)
		}
	}
	c.stopTimer()
	c.checkIdle()
	return out
}

// checkIdle lets Close return once nothing is left. That is so at most once: after shut nothing is
// started, so the last creation and the last value are the last. mu is held.
func (c *Cache[K, V]) checkIdle() {
	if c.closed && c.made == 0 && c.creating == 0 {
		close(c.idle)
	}
}
