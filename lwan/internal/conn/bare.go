//go:build linux

package conn

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Connections of a bare lane carry no requests. Three things differ: their server may speak first,
// so they are served as soon as they are there; a peer that ends its side has not left, as it may
// still read; and one that is refused hears nothing, as nobody knows what it would understand.

// Bare says that connections of the lane carry no requests.
func (l *Lane) Bare() { l.bare = true }

// bare reports whether the connection comes from such a lane.
func (set *Set) bare(s *slot) bool {
	return int(s.lane) < len(set.eng.lanes) && set.eng.lanes[s.lane].bare
}

// left reports whether the peer of a connection that is served has left: whoever sends a request
// and ends its side does not wait for the answer, it is said; on a bare connection both sides have
// ended, or it is lost.
func (set *Set) left(s *slot) bool {
	if set.bare(s) {
		return s.latch&loop.Hup != 0
	}
	return s.gone()
}

// begun lets a fresh connection of a bare lane be served in a turn of its own, without a byte.
func (set *Set) begun(fd int32, s *slot) {
	if set.bare(s) {
		set.queue(fd, s)
	}
}

// AwaitOutput is AwaitRoom for the peer of the connection that t's worker serves: only the end of
// all that ends it.
func (c Conn) AwaitOutput(t *loop.Task, limit time.Duration) error {
	err := c.awaitRoom(t, limit)
	switch s := c.slot(); {
	case s == nil:
		return transport.ErrOver
	case s.writable():
		return nil
	}
	return err
}

// Finish closes a connection that is served, at once; its worker finds it closed. What a Layer has
// to say before is said as far as the kernel takes it.
func (c Conn) Finish() {
	if s := c.served(); s != nil {
		if ly := c.set.layer(s); ly != nil && !ly.mute {
			_, _ = c.set.say(c.fd, s, ly) // a courtesy: the connection is closed anyway
		}
		c.set.busy--
		c.set.close(c.fd, s)
	}
}

// FinishReset is Finish by which the peer sees a reset and not an end.
func (c Conn) FinishReset() {
	if s := c.served(); s != nil {
		c.set.busy--
		c.set.reset(c.fd, s)
	}
}

// served is the slot of a connection that a worker serves; nil: none does.
func (c Conn) served() *slot {
	if s := c.slot(); s != nil && s.state == slotBusy {
		return s
	}
	return nil
}
