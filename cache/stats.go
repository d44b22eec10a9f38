package cache

import "sync/atomic"

// Stats is a count of what a cache did and holds.
type Stats struct {
	// Peeks and Gets that found a value, Gets and Failures that found a kept failure
	Hits int64
	// Gets that found nothing; a Peek that finds nothing is not counted, the Get after it is
	Misses    int64
	Evictions int64 // entries that made room for others, before their time
	// values that the cache no longer keeps, and that are referenced or just being destroyed
	Floating int64
	Entries  int64 // entries kept: values and failures
	Bytes    int64 // sizes of the values kept
}

// Stats returns the counts of this moment.
func (c *Cache[K, V]) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Hits:      c.hits.sum(),
		Misses:    c.misses,
		Evictions: c.evictions,
		Floating:  int64(c.made - c.values.len),
		Entries:   int64(c.entries()),
		Bytes:     c.bytes,
	}
}

// hitCounter is spread over cache lines: with one for all, CPUs that hit different keys would still
// fight for it.
type hitCounter [16]struct {
	_ [56]byte // first: what stands before the counters in Cache is read by every hit
	n atomic.Int64
}

func (h *hitCounter) add(stripe uint32) { h[stripe%uint32(len(h))].n.Add(1) }

func (h *hitCounter) sum() (n int64) {
	for i := range h {
		n += h[i].n.Load()
	}
	return n
}
