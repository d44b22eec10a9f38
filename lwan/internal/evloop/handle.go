//go:build linux

package evloop

import (
	"sync/atomic"
	"syscall"
)

// Handle names a connection from outside of Serve: descriptor and generation. It may be kept for as long as one likes;
// once the connection is closed it names nothing. Its methods are for code on the connection's loop.
type Handle struct {
	Loop *Loop
	fd   int32
	gen  uint32
}

func (l *Loop) handleOf(fd int32, s *slot) Handle { return Handle{l, fd, s.gen} }

// Handle names c for later.
func (c *Conn) Handle() Handle { return Handle{c.loop, c.fd, c.gen} }

func (s *slot) bumpGeneration() { atomic.AddUint32(&s.gen, 1) }

// slot returns the connection's slot, or nil when it is closed.
func (h Handle) slot() *slot {
	s := &h.Loop.slots[h.fd]
	if s.generation() != h.gen || s.state == slotFree {
		return nil
	}
	return s
}

// Write writes what fits of p. ErrAgain: nothing does, an edge will tell; ErrClosed: the connection is gone.
func (h Handle) Write(p []byte) (int, error) {
	s := h.slot()
	if s == nil {
		return 0, ErrClosed
	}
	if s.latch&(latchOut|latchHup) == 0 {
		return 0, ErrAgain
	}
	for {
		n, e := h.Loop.kernel.write(int(h.fd), p)
		switch e {
		case 0:
			h.Loop.counts.BytesOut += int64(n)
			return n, nil
		case syscall.EAGAIN:
			h.Loop.used(h.fd, s, latchOut)
			return 0, ErrAgain
		case syscall.EINTR:
		default:
			return 0, e
		}
	}
}

// Discard throws away what the peer sends. It reports false when the peer has closed. When there is more than a fair
// share, the guest's Ready is called again after the others had their turn.
func (h Handle) Discard() bool {
	s := h.slot()
	if s == nil {
		return false
	}
	l := h.Loop
	if l.scratch == nil {
		l.scratch = make([]byte, 64<<10)
	}
	for share := fairShare; s.readable(); {
		if share <= 0 {
			l.queue(h.fd, s)
			return true
		}
		n, e := l.kernel.read(int(h.fd), l.scratch)
		share -= max(n, 0)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			l.used(h.fd, s, latchIn)
			return true
		case e != 0 || n == 0:
			return false
		case n < len(l.scratch) && !s.gone():
			l.used(h.fd, s, latchIn)
		}
	}
	return true
}

// Linger ends a connection that a guest drives, so that the peer can read what was written (see the verdict Linger).
func (h Handle) Linger() {
	if s := h.slot(); s != nil && s.state == slotGuest {
		h.Loop.startLinger(h.fd, s)
	}
}

// Close closes a connection that a guest drives, at once.
func (h Handle) Close() {
	if s := h.slot(); s != nil && s.state == slotGuest {
		h.Loop.close(h.fd, s)
	}
}
