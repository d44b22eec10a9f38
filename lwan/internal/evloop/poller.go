//go:build linux

package evloop

import "syscall"

// Poller is the seam to what tells a loop of readiness: epoll.go, and pollset.go, which is as simple as can be. Each loop has
// one of its own. The loop latches what it is told (slot.latch), makes no call to the kernel where nothing is latched, and
// says when a call has used it up. The contract, whatever the system:
//
// What must be told. Of a connection, each of latchIn, latchOut, latchRdHup, latchHup and latchUrgent that holds when add is
// called, or comes to hold later, is told by a wait that returns after it. Once is enough, but for in and out: a loop that was
// told goes on until the kernel says that they hold no more (EAGAIN, or less than was asked for), and calls used. When they
// come to hold after that word of the kernel's, be it before used, they are told again. The others are told though in and out
// have not been used.
// A listener is told of (latchIn) at each wait for as long as somebody waits in its queue.
//
// What may be told. The same thing twice, as often as the poller likes, several in one event or in an event each, and what
// is not true any more: the kernel's EAGAIN is believed, not the poller. An event may come after remove, or after closing, if
// it was on its way: the token has the generation, by which the loop knows it as stale. But a poller that tells all the time
// of what was not used makes the loop spin.
//
// What may be lost. What came and went between two waits; that more has come of what was told and not used; everything of a
// descriptor after remove; and wake-ups but the last one.
//
// add and wake may be called from any goroutine, also while the loop waits, which then hears of what was added. The others
// belong to the loop's runner. Events of one wait come in any order; none may be left out for ever because there is no room
// for all.
type Poller interface {
	// add watches a connection, which token names in events.
	add(fd int, token uint64) syscall.Errno
	// addListener watches a listening socket. See shares.
	addListener(fd int, token uint64) syscall.Errno
	// shares reports whether a listener may be watched by every loop, so that one that comes wakes one of them. Else
	// only the first loop watches, and accepts for all.
	shares() bool
	// remove forgets a descriptor that stays open. ENOENT: it is not watched.
	remove(fd int) syscall.Errno
	// closing forgets one that is closed next, and may be another one's then. It may be one that is not watched.
	closing(fd int)
	// used says that the kernel has no more of what was told.
	used(fd int, what uint8)
	// wait returns what there is to tell, at most len(events): at once (ms is 0), within ms milliseconds, or whenever (-1).
	// After a wake since the last wait it returns at once, perhaps with nothing. EINTR is no error.
	wait(events []event, ms int) (int, syscall.Errno)
	wake()
	close() // nobody uses it any more
}

// NewPoller makes the poller of one loop.
type NewPoller func() (Poller, error)

// event is what a poller tells of a descriptor.
type event struct {
	token uint64
	ready uint8 // latch bits
}

// wakeToken is no connection's and no listener's.
const wakeToken = ^uint64(0)

// used books that the kernel has no more of what was latched.
func (l *Loop) used(fd int32, s *slot, what uint8) {
	s.latch &^= what
	l.poller.used(int(fd), what)
}
