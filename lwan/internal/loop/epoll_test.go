//go:build linux

package loop

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestEpollEventKeepsItsData(t *testing.T) {
	const data = 0x0123456789abcdef
	if ev := newEpollEvent(unix.EPOLLIN, data); ev.data() != data || ev.events != unix.EPOLLIN {
		t.Errorf("%+v", ev)
	}
	ours, theirs := unsafe.Sizeof(epollEvent{}), unsafe.Sizeof(unix.EpollEvent{})
	if ours != theirs {
		t.Errorf("%d bytes, the system's has %d", ours, theirs)
	}
}

func TestReadyOf(t *testing.T) {
	for events, want := range map[uint32]Ready{
		0:                              0,
		unix.EPOLLIN:                   In,
		unix.EPOLLOUT:                  Out,
		unix.EPOLLIN | unix.EPOLLRDHUP: In | RdHup,
		unix.EPOLLHUP:                  Hup,
		unix.EPOLLERR:                  Hup,
		unix.EPOLLPRI:                  Urgent,
	} {
		if got := readyOf(events); got != want {
			t.Errorf("%#x: %#x, want %#x", events, got, want)
		}
	}
}
