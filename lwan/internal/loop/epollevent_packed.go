//go:build linux && (amd64 || 386)

package loop

// epollEvent is struct epoll_event, which the kernel packs to 12 bytes on x86: data is kept as two
// halves, so that no field is misaligned.
type epollEvent struct {
	events uint32
	lo, hi uint32
}

func newEpollEvent(events uint32, data uint64) epollEvent {
	return epollEvent{events: events, lo: uint32(data), hi: uint32(data >> 32)}
}

func (e *epollEvent) data() uint64 { return uint64(e.hi)<<32 | uint64(e.lo) }
