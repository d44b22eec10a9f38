package transport

import "time"

// Task is who runs a handler and waits for it: a worker on a loop, or a goroutine. Before it waits
// it sends what its Stream holds back, as the client may wait for that.
type Task interface {
	// Sleep waits until d has passed: then nil. It ends early with the cause for which the request
	// is over.
	Sleep(d time.Duration) error
	// Wait waits until wake is called, from any goroutine, or limit has passed (ErrPause; 0: no
	// limit), or something ends it that till allows (then its cause). arm gets wake before the wait
	// begins, and may call it at once.
	Wait(arm func(wake func()), limit time.Duration, till Till) error
	// Offload runs fn on a goroutine, which start provides, and returns when fn has ended, however
	// long that takes. Where the handler may block anyway fn runs in it. ErrBusy: start has
	// reported that there is no goroutine; fn was not run.
	Offload(start func(run func()) bool, fn func()) error

	// Inline reports whether the handler runs on a loop, and must not block.
	Inline() bool
	// Mine reports whether the caller runs the handler: the coroutine, or a goroutine that was
	// called by it. It may be asked by any goroutine.
	Mine() bool

	// EnterUser says that code of the program's runs from here on, for the watchdog: tag is the
	// number of its route; 0: of none. LeaveUser says that it does not. What LeaveUser returns
	// EnterUser takes to go on with; Outside: nobody was in it.
	EnterUser(tag uint64)
	LeaveUser() (tag uint64)

	// Now is a monotonic clock in nanoseconds, as of the loop's turn. Clock is the same, as of now;
	// from any goroutine.
	Now() int64
	Clock() int64

	// Canceller returns a function that ends what the request under way waits for, now and later,
	// and tells Exchange.Cancel. It may be called from any goroutine at any time; once the request
	// is over it does nothing.
	Canceller() func(cause error)
	// Killer returns a function that ends what the request under way writes, too, for good, as if
	// its client had left.
	Killer() func()
}

// Outside is the tag of what is no code of the program's.
const Outside = ^uint64(0)

// Till is what ends a wait, besides what it waits for.
type Till uint8

const (
	Cancelled Till = iota // reading, sleeping: also that the peer has left, or the time is up
	Killed                // writing: goes on for a peer that has only closed its side
	Woken                 // nothing else
)
