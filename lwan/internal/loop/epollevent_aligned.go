//go:build linux && !amd64 && !386

package loop

// epollEvent is struct epoll_event as the kernel lays it out everywhere but on x86.
type epollEvent struct {
	events uint32
	_      uint32
	word   uint64
}

func newEpollEvent(events uint32, data uint64) epollEvent {
	return epollEvent{events: events, word: data}
}

func (e *epollEvent) data() uint64 { return e.word }
