//go:build linux

package loop

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll is the Poller that loops have. Connections are edge-triggered: the kernel keeps what was
// told, so used and closing have nothing to do. Listeners are level-triggered, and EPOLLEXCLUSIVE:
// a connection that comes wakes one loop, not all.
type epoll struct {
	fd, evfd int
	raw      [eventBatch]epollEvent
}

const (
	connEvents = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET
	// such an entry cannot be modified, only removed
	listenerEvents = unix.EPOLLIN | unix.EPOLLEXCLUSIVE
	wakeEvents     = unix.EPOLLIN | unix.EPOLLET // so the counter need not be read
)

// NewEpoll makes a poller that is an epoll instance.
func NewEpoll() (Poller, error) {
	evfd, err := newEventfd()
	if err != nil {
		return nil, err
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		unix.Close(evfd)
		return nil, fmt.Errorf("loop: epoll_create1: %w", err)
	}
	p := &epoll{fd: fd, evfd: evfd}
	if e := p.watch(evfd, wakeEvents, wakeToken); e != 0 {
		p.Close()
		return nil, fmt.Errorf("loop: epoll_ctl of the eventfd: %w", e)
	}
	return p, nil
}

func newEventfd() (int, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, fmt.Errorf("loop: eventfd: %w", err)
	}
	return fd, nil
}

// wakeEventfd ends the sleep of the loop that watches fd. EAGAIN would mean that 2^64-2 wake-ups
// are pending.
func wakeEventfd(fd int) {
	one := [8]byte{1}
	for {
		if _, err := unix.Write(fd, one[:]); err != unix.EINTR {
			return
		}
	}
}

func (p *epoll) watch(fd int, events uint32, token uint64) syscall.Errno {
	ev := newEpollEvent(events, token)
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), unix.EPOLL_CTL_ADD, uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

func (p *epoll) Add(fd int, token uint64) syscall.Errno { return p.watch(fd, connEvents, token) }

func (p *epoll) AddListener(fd int, token uint64) syscall.Errno {
	return p.watch(fd, listenerEvents, token)
}

func (p *epoll) Shares() bool { return true }

func (p *epoll) Remove(fd int) syscall.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), unix.EPOLL_CTL_DEL, uintptr(fd),
		0, 0, 0)
	return e
}

func (p *epoll) Closing(int)     {}
func (p *epoll) Used(int, Ready) {}
func (p *epoll) Wake()           { wakeEventfd(p.evfd) }

func (p *epoll) Close() {
	unix.Close(p.fd)
	unix.Close(p.evfd)
}

func (p *epoll) Wait(events []Event, ms int) (int, syscall.Errno) {
	if ms == 0 { // it cannot block, so the scheduler need not be told
		return p.Doze(events, 0)
	}
	raw := p.raw[:min(len(events), len(p.raw))]
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(raw))), uintptr(len(raw)), uintptr(ms), 0, 0)
	if e != 0 {
		return 0, e
	}
	return p.translate(events, raw[:n]), 0
}

// Doze blocks in a raw call. The collector stops its thread all the same: its signal interrupts the
// wait, and it is sent again until it has.
func (p *epoll) Doze(events []Event, ms int) (int, syscall.Errno) {
	raw := p.raw[:min(len(events), len(p.raw))]
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(raw))), uintptr(len(raw)), uintptr(ms), 0, 0)
	if e != 0 {
		return 0, e
	}
	return p.translate(events, raw[:n]), 0
}

// translate makes events of the kernel's, and returns how many there are.
func (p *epoll) translate(events []Event, raw []epollEvent) (told int) {
	for i := range raw {
		if token := raw[i].data(); token != wakeToken {
			events[told] = Event{token, readyOf(raw[i].events)}
			told++
		}
	}
	return told
}

// readyOf translates the events of epoll, and of poll, which have the same numbers.
func readyOf(events uint32) (r Ready) {
	if events&unix.EPOLLIN != 0 {
		r |= In
	}
	if events&unix.EPOLLOUT != 0 {
		r |= Out
	}
	if events&unix.EPOLLRDHUP != 0 {
		r |= RdHup
	}
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		r |= Hup
	}
	if events&unix.EPOLLPRI != 0 {
		r |= Urgent
	}
	return r
}
