//go:build linux

package loop

import "syscall"

// Poller is the seam to what tells a loop of readiness: epoll.go, and pollset.go, which is as
// simple as can be. Each loop has one of its own. Whoever it tells remembers what it is told, makes
// no call to the kernel where nothing is remembered, and says when a call has used it up. The
// contract, whatever the system:
//
// What must be told. Of a connection, each of In, Out, RdHup, Hup and Urgent that holds when Add is
// called, or comes to hold later, is told by a Wait that returns after it. Once is enough, but for
// In and Out: a loop that was told goes on until the kernel says that they hold no more (EAGAIN, or
// less than was asked for), and calls Used. When they come to hold after that word of the kernel's,
// be it before Used, they are told again. The others are told though In and Out have not been used.
// A listener is told of (In) at each Wait for as long as somebody waits in its queue.
//
// What may be told. The same thing twice, as often as the poller likes, several in one event or in
// an event each, and what is not true any more: the kernel's EAGAIN is believed, not the poller. An
// event may come after Remove, or after Closing, if it was on its way: the token has the
// generation, by which the loop knows it as stale. But a poller that tells all the time of what was
// not used makes the loop spin.
//
// What may be lost. What came and went between two waits; that more has come of what was told and
// not used; everything of a descriptor after Remove; and wake-ups but the last one.
//
// Add and Wake may be called from any goroutine, also while the loop waits, which then hears of
// what was added. The others belong to the loop's runner. Events of one Wait come in any order;
// none may be left out for ever because there is no room for all.
type Poller interface {
	// Add watches a connection, which token names in events.
	Add(fd int, token uint64) syscall.Errno
	// AddListener watches a listening socket. See Shares.
	AddListener(fd int, token uint64) syscall.Errno
	// Shares reports whether a listener may be watched by every loop, so that a connection that
	// comes wakes one of them. Else only the first loop watches, and accepts for all.
	Shares() bool
	// Remove forgets a descriptor that stays open. ENOENT: it is not watched.
	Remove(fd int) syscall.Errno
	// Closing forgets one that is closed next, and may be another one's then. It may be one that is
	// not watched.
	Closing(fd int)
	// Used says that the kernel has no more of what was told.
	Used(fd int, what Ready)
	// Wait returns what there is to tell, at most len(events): at once (ms is 0), within ms
	// milliseconds, or whenever (-1). After a Wake since the last Wait it returns at once, perhaps
	// with nothing. EINTR is no error.
	Wait(events []Event, ms int) (int, syscall.Errno)
	// Doze is Wait for ms, which is positive and short, that may keep the scheduler's processor.
	Doze(events []Event, ms int) (int, syscall.Errno)
	// Wake ends a Wait or a Doze, or the next one.
	Wake()
	// Close is the last call.
	Close()
}

// NewPoller makes the poller of one loop.
type NewPoller func() (Poller, error)

// Event is what a poller tells of a descriptor.
type Event struct {
	Token uint64 // that the descriptor was added with; not wakeToken
	Ready Ready
}

// Ready is a set of what can be told of a descriptor.
type Ready uint8

const (
	In     Ready = 1 << iota // there is something to read, or somebody to accept
	Out                      // there is room in the send buffer
	RdHup                    // the peer has sent its FIN
	Hup                      // both directions are closed, or an error is pending
	Urgent                   // priority data: nothing that we speak uses it
)

// wakeToken is no connection's and no listener's.
const wakeToken = ^uint64(0)
