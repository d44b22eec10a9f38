//go:build linux

package evloop

import (
	"math/rand/v2"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// faults is a kernel that does its work badly, within what the real one may do. Where it holds back what is there
// (EAGAIN, a short read) it owes an edge for later, as the kernel would give one: it modifies the entry in the epoll
// set, which makes epoll look at the descriptor again.
type faults struct {
	linux
	errors bool // also break connections

	mu    sync.Mutex
	rand  *rand.Rand
	conns map[int]registration // by descriptor
	count map[string]int       // faults by call and kind
}

type registration struct {
	epfd   int
	events uint32
	data   uint64
	broken syscall.Errno // every call fails with it from now on
}

func newFaults(seed uint64, errors bool) *faults {
	return &faults{
		errors: errors, rand: rand.New(rand.NewPCG(seed, 0)),
		conns: map[int]registration{}, count: map[string]int{},
	}
}

// chance is true once in n calls, and counts what it lets happen.
func (k *faults) chance(n int, what string) bool {
	if k.rand.IntN(n) != 0 {
		return false
	}
	k.count[what]++
	return true
}

// owe gives fd another edge.
func (k *faults) owe(fd int) {
	r := k.conns[fd]
	unix.EpollCtl(r.epfd, unix.EPOLL_CTL_MOD, fd, unixEvent(r.events, r.data))
}

func unixEvent(events uint32, data uint64) *unix.EpollEvent {
	return &unix.EpollEvent{Events: events, Fd: int32(uint32(data)), Pad: int32(data >> 32)}
}

// spoil decides about a transfer of n bytes: an error to return, or how many bytes may move.
func (k *faults) spoil(fd, n int, call string, reading bool) (int, syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.conns[fd].broken; e != 0 {
		return 0, e
	}
	switch {
	case k.chance(11, call+" EINTR"):
		return 0, syscall.EINTR
	case k.chance(9, call+" EAGAIN"):
		k.owe(fd)
		return 0, syscall.EAGAIN
	case k.errors && k.chance(150, call+" broken"):
		r := k.conns[fd]
		r.broken = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT}[k.rand.IntN(3)]
		k.conns[fd] = r
		unix.Shutdown(fd, unix.SHUT_RDWR) // the edges of a broken connection
		return 0, r.broken
	case n > 1 && k.chance(3, call+" short"):
		if reading {
			k.owe(fd)
		}
		return 1 + k.rand.IntN(min(n-1, 2000)), 0
	}
	return n, 0
}

func (k *faults) read(fd int, p []byte) (int, syscall.Errno) {
	n, e := k.spoil(fd, len(p), "read", true)
	if e != 0 {
		return -1, e
	}
	return k.linux.read(fd, p[:n])
}

func (k *faults) write(fd int, p []byte) (int, syscall.Errno) {
	n, e := k.spoil(fd, len(p), "write", false)
	if e != 0 {
		return -1, e
	}
	return k.linux.write(fd, p[:n])
}

func (k *faults) writeMore(fd int, p []byte) (int, syscall.Errno) {
	n, e := k.spoil(fd, len(p), "write", false)
	if e != 0 {
		return -1, e
	}
	return k.linux.writeMore(fd, p[:n])
}

// writev is short by ending in the first part, at its end, or in the second part.
func (k *faults) writev(fd int, iov []unix.Iovec) (int, syscall.Errno) {
	n, e := k.spoil(fd, int(iov[0].Len+iov[1].Len), "writev", false)
	if e != 0 {
		return -1, e
	}
	cut := [2]unix.Iovec{iov[0], iov[1]}
	if first := int(iov[0].Len); n <= first {
		cut[0].SetLen(n)
		cut[1].SetLen(0)
	} else {
		cut[1].SetLen(n - first)
	}
	return k.linux.writev(fd, cut[:])
}

func (k *faults) sendfile(out, in int, off *int64, n int) (int, syscall.Errno) {
	n, e := k.spoil(out, n, "sendfile", false)
	if e != 0 {
		return -1, e
	}
	return k.linux.sendfile(out, in, off, n)
}

func (k *faults) accept(fd int) (int, syscall.Errno) {
	k.mu.Lock()
	e := syscall.Errno(0)
	switch {
	case k.chance(20, "accept EINTR"):
		e = syscall.EINTR
	case k.chance(20, "accept ECONNABORTED"):
		e = syscall.ECONNABORTED
	case k.chance(300, "accept exhausted"):
		e = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS}[k.rand.IntN(4)]
	}
	k.mu.Unlock()
	if e != 0 {
		return -1, e
	}
	return k.linux.accept(fd)
}

func (k *faults) epollAdd(epfd, fd int, events uint32, data uint64) syscall.Errno {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, lane, _ := eventTarget(data); lane == laneInternal {
		return k.linux.epollAdd(epfd, fd, events, data)
	}
	if k.errors && k.chance(100, "epoll_ctl ENOMEM") {
		return syscall.ENOMEM
	}
	k.conns[fd] = registration{epfd: epfd, events: events, data: data}
	return k.linux.epollAdd(epfd, fd, events, data)
}

// close closes, whatever it says: so does the kernel's when it says EINTR.
func (k *faults) close(fd int) syscall.Errno {
	k.mu.Lock()
	delete(k.conns, fd)
	interrupted := k.chance(10, "close EINTR")
	k.mu.Unlock()
	if e := k.linux.close(fd); e != 0 || !interrupted {
		return e
	}
	return syscall.EINTR
}

func (k *faults) shutdown(fd, how int) syscall.Errno {
	k.mu.Lock()
	failed := k.errors && k.chance(10, "shutdown ENOTCONN")
	k.mu.Unlock()
	if failed {
		return syscall.ENOTCONN
	}
	return k.linux.shutdown(fd, how)
}

func (k *faults) interrupted(call string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.chance(10, call+" EINTR")
}

func (k *faults) poll(epfd int, events []epollEvent) (int, syscall.Errno) {
	if k.interrupted("poll") {
		return -1, syscall.EINTR
	}
	return k.linux.poll(epfd, events)
}

func (k *faults) wait(epfd int, events []epollEvent, ms int) (int, syscall.Errno) {
	if k.interrupted("wait") {
		return -1, syscall.EINTR
	}
	return k.linux.wait(epfd, events, ms)
}
