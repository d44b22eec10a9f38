package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readSize  = 16 << 10
	eventSize = 256
	hangUp    = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// loop owns one epoll instance and its connections. It must only be used by the thread that runs
// it.
type loop struct {
	epoll    int
	listener int
	last     bool // close after the first answer
	answer   answer
	heads    []head // by file descriptor
	buf      [readSize]byte
	events   [eventSize]unix.EpollEvent
}

func newLoop(listener int, last bool) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, fmt.Errorf("getrlimit: %w", err)
	}
	l := &loop{
		epoll: epoll, listener: listener, last: last, answer: newAnswer(last),
		heads: make([]head, limit.Cur),
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(listener)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, listener, &event); err != nil {
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	return l, nil
}

func (l *loop) run() error {
	for {
		n, err := l.wait()
		if err != nil {
			return err
		}
		for i := range n {
			event := l.events[i]
			if int(event.Fd) == l.listener {
				err = l.accept()
			} else {
				l.serve(int(event.Fd), event.Events)
			}
			if err != nil {
				return err
			}
		}
	}
}

// wait asks for events without waiting first, which is all that a busy loop ever does, and sleeps
// only when there are none.
func (l *loop) wait() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), eventSize, 0, 0, 0)
	if errno == 0 && n > 0 {
		return int(n), nil
	}
	for {
		n, err := unix.EpollWait(l.epoll, l.events[:], -1)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// accept takes all connections that wait.
func (l *loop) accept() error {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.listener), 0, 0,
			unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			if err := l.add(int(n)); err != nil {
				return err
			}
		case unix.EAGAIN:
			return nil
		case unix.EINTR, unix.ECONNABORTED: // the next one may be well
		default:
			return fmt.Errorf("accept4: %w", errno)
		}
	}
}

func (l *loop) add(fd int) error {
	l.heads[fd] = 0
	event := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: int32(fd),
	}
	if err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// serve answers what a connection has sent, and closes it at its end, on an error, or when it takes
// no more answers: no client of the benchmarks leaves its answers unread.
func (l *loop) serve(fd int, events uint32) {
	for {
		n, errno := read(fd, l.buf[:])
		if errno == unix.EAGAIN {
			return
		}
		if errno != 0 || n == 0 {
			unix.Close(fd) // nothing could be done about an error
			return
		}
		requests, rest := l.heads[fd].count(l.buf[:n])
		l.heads[fd] = rest
		if !l.write(fd, requests) || l.last && requests > 0 {
			unix.Close(fd)
			return
		}
		// A short read has emptied the socket, unless the client's end is behind it: no other edge
		// would tell.
		if n < len(l.buf) && events&hangUp == 0 {
			return
		}
	}
}

// write sends n answers and reports whether all went out.
func (l *loop) write(fd, n int) bool {
	for n > 0 {
		now := min(n, batch)
		p := l.answer.times(now)
		written, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, 0, 0)
		if errno != 0 || int(written) < len(p) {
			return false
		}
		n -= now
	}
	return true
}

// read uses recvfrom, as write uses sendto: on sockets they are cheaper than read and write.
func read(fd int, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])),
		uintptr(len(p)), 0, 0, 0)
	return int(n), errno
}
