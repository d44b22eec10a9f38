package lwan

import (
	"sync/atomic"
	"time"
)

// A kept connection may have ended while the next request is on its way to it, and then nobody
// knows whether the backend has seen that. What must not be sent twice gets one only if that is not
// to be expected: it was used just now, its peer has sent no end, for which the kernel is asked, as
// the loop may not have been told yet, and the backend does not end connections behind its answers.

const (
	justNow  = int64(time.Second)
	hastyFor = 10 * int64(time.Second)
)

// haste is until when a backend counts as one that ends connections soon behind its answers.
type haste struct{ until atomic.Int64 }

// ended looks at a connection that its peer has ended at now, and that was kept at that time.
func (h *haste) ended(kept, now int64) {
	if now-kept < justNow {
		h.until.Store(now + hastyFor)
	}
}

// lasts reports whether one that was kept at that time can be expected to last for a request.
func (h *haste) lasts(kept, now int64) bool {
	return now-kept < justNow && now >= h.until.Load()
}

// GetOnce is Get for a request that must not be sent twice, as a POST: an idle connection is taken
// only if it was used within the last second, nothing has come on it since, and no other one was
// ended by the backend that soon in the last 10 s.
func (d *Dialer) GetOnce(w Waiter) (*Conn, error) { return d.get(w, reuseFresh) }

// reuse says which idle connections may be taken.
type reuse uint8

const (
	reuseNone reuse = iota
	reuseFresh
	reuseAny
)

// ended tells the pool that a kept connection was of no use.
func (c *Conn) ended() {
	if c.pool != nil && c.Reused() {
		c.pool.ended(c)
	}
}
