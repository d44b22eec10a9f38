package cache

import (
	"math"
	"time"
)

// Expired entries are taken out when their time comes, by a timer that is set for the next time
// something has to happen. It needs no goroutine until it fires, and a cache that is empty, or
// whose values last for good, has none set.

const (
	never = math.MaxInt64

	// sweepEntries bounds the entries that one sweep handles with the lock held: about 0.3 ms by
	// BenchmarkCachePurge. The rest is left for the next, which follows at once.
	sweepEntries = 1024
)

// sweep is what the timer calls.
func (c *Cache[K, V]) sweep() {
	c.destroyAll(c.expire())
}

// expire takes out what has expired, marks what is due, and sets the timer again; it returns the
// values to be destroyed.
func (c *Cache[K, V]) expire() (out []*entry[K, V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake = never
	if c.closed {
		return nil
	}
	now, left := c.now(), sweepEntries
	for _, q := range []*queue[K, V]{c.values, c.failures} {
		for e := q.over(now); e != nil && left > 0; e = q.over(now) {
			out = c.remove(e, out)
			left--
		}
	}
	for _, q := range []*queue[K, V]{c.fresh, c.retry} {
		for e := q.over(now); e != nil && left > 0; e = q.over(now) {
			e.leave(turn)
			e.state.Or(due)
			left--
		}
	}
	c.setTimer(now)
	return out
}

// setTimer sees to it that the sweep comes when the next entry has to leave its queue. mu is held.
func (c *Cache[K, V]) setTimer(now int64) {
	next := min(c.values.end(), c.failures.end(), c.fresh.end(), c.retry.end())
	if next >= c.wake {
		return // the sweep that comes first sets it again
	}
	c.wake = next
	wait := time.Duration(max(next-now, 0))
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.sweep)
		return
	}
	c.timer.Reset(wait)
}

// stopTimer is for when nothing is left to expire. mu is held.
func (c *Cache[K, V]) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.wake = never
}
