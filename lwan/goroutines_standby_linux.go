package lwan

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// standby is the place of the idle goroutine that is started fastest. One that a loop makes ready
// becomes what the loop's processor runs next. The thread that comes to take it from there sleeps
// first, for the scheduler expects that who wakes a goroutine is about to wait itself: for 3 us, of
// which the kernel makes 55. So one idle goroutine waits for an eventfd in the scheduler's poller,
// where a thread that has nothing to do waits too, and that thread runs it at once.
//
// The pool owns it, from the server's start to its end. The file is what holds the descriptor: who
// wakes a closed one touches no other.
type standby struct {
	file   *os.File
	raw    syscall.RawConn
	fn     func()      // the pool's mutex is held
	since  time.Time   // fn has been there; the mutex is held
	called atomic.Bool // there is something in fn
	look   func(fd uintptr) bool
	ring   func(fd uintptr) bool
}

// newStandby returns nil if there is no descriptor: then all wait for a channel.
func newStandby() *standby {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil
	}
	return standbyOn(fd)
}

// standbyOn takes fd. It returns nil if that is not in the poller, as when epoll may watch no more
// (/proc/sys/fs/epoll/max_user_watches): nobody could wait.
func standbyOn(fd int) *standby {
	s := &standby{file: os.NewFile(uintptr(fd), "standby")}
	err := s.file.SetReadDeadline(time.Time{})
	if err == nil {
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		s.close()
		return nil
	}
	s.look = func(uintptr) bool { return s.called.Load() }
	// Each write is an event, whatever the counter is. It never gets full, and is never read.
	s.ring = func(fd uintptr) bool {
		one := uint64(1)
		_, _, _ = syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&one)), 8)
		return true
	}
	return s
}

// wait returns when called is set, or the standby is closed.
func (s *standby) wait() { _ = s.raw.Read(s.look) }

// wake tells who waits that called is set. An error says that it was closed, which tells it, too.
func (s *standby) wake() { _ = s.raw.Write(s.ring) }

func (s *standby) close() { _ = s.file.Close() } // nothing was written that could be lost
