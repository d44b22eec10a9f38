package cache

import "slices"

// Purge removes the entries whose key match returns true for, values and failures; all of them, if
// match is nil. A value that is being made meanwhile goes to the callers that wait for it, but is
// not kept, and a Get after Purge does not join: after Purge nobody is given what was read before
// it. match is called without a lock, once for an entry or creation.
func (c *Cache[K, V]) Purge(match func(K) bool) {
	// The creations first: what they put into the table after this, they remember.
	flights := c.inFlight()
	entries := c.table.Load().all()
	if match != nil {
		flights = slices.DeleteFunc(flights, func(f *flight[K, V]) bool { return !match(f.key) })
		entries = slices.DeleteFunc(entries, func(e *entry[K, V]) bool { return !match(e.key) })
	}
	entries = append(entries, c.spoil(flights)...)
	var out []*entry[K, V]
	for part := range slices.Chunk(entries, sweepEntries) {
		out = c.drop(part, out)
	}
	c.destroyAll(out)
}

func (c *Cache[K, V]) inFlight() (list []*flight[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.flights {
		list = append(list, f)
	}
	return list
}

// spoil forbids flights to keep what they make, and returns the entries of those that already have.
func (c *Cache[K, V]) spoil(flights []*flight[K, V]) (late []*entry[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range flights {
		f.stale = true
		if f.entry.kept() {
			late = append(late, f.entry)
		}
	}
	return late
}

// drop removes those of entries that are still there.
func (c *Cache[K, V]) drop(entries, out []*entry[K, V]) []*entry[K, V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range entries {
		if e.kept() {
			out = c.remove(e, out)
		}
	}
	return out
}
