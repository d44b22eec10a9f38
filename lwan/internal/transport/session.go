package transport

// Pipe is a byte stream that events drive, and no worker. Its methods are for code on its loop, and
// never wait.
type Pipe interface {
	// TryRead reads what is there: ErrAgain when there is nothing, 0 and nil at the end of the
	// stream. ErrOver: the connection is closed.
	TryRead(p []byte) (int, error)
	// TryWrite writes what fits: ErrAgain when nothing does, then Ready tells; ErrOver: the
	// connection is closed.
	TryWrite(p []byte) (int, error)
	// Gone reports whether the peer has ended its side, or is lost; what it has sent before may not
	// have been read. Ready is called when that happens.
	Gone() bool
	// Attach makes s the one that is told of events from now on.
	Attach(s Session)
	// Again calls Ready once more, after the others of the loop have had a turn.
	Again()
	// Expire lets Expired be called once, when seconds have passed, and up to one more; a later
	// call counts from then on. 0: it is not called. At first there is no such time.
	Expire(seconds uint32)
	// End ends it. Ended is not called for it.
	End(how Ending)
	Loop() Loop
}

// Ending is how a Pipe ends.
type Ending uint8

const (
	Close Ending = iota // at once
	// half-close, so that the peer can read what was written, and throw away what still comes
	Linger
)

// Session is told of the events of a Pipe. Its methods run on the loop: they must not wait, and
// call no code of the program's. End is allowed in each of them.
type Session interface {
	// Ready is called when there is something to read, or room to write again; and once after
	// Attach.
	Ready(p Pipe)
	// Expired is called when the time that Expire has set is up, in a turn of its own. A Ready may
	// follow, whether or not there is anything.
	Expired(p Pipe)
	// Draining is called once, when draining begins; or after the first Ready, if it has begun
	// already.
	Draining(p Pipe)
	// AtRest reports whether the Pipe may be given up without a loss, as the connection of a client
	// between two requests: the process has no descriptors left. It must not end the Pipe.
	AtRest(p Pipe) bool
	// Ended is called once, when somebody else has ended the Pipe. It is the last call.
	Ended(p Pipe, cause error)
}

// Loop runs Pipes and workers. All of it is for code on the loop, but Post and Go.
type Loop interface {
	// Post runs fn on the loop, soon; from anywhere. fn must not wait, and calls no code of the
	// program's.
	Post(fn func())
	// Go runs fn in a worker; from anywhere. fn may park, and call the program.
	Go(fn func(on Task))
	// After calls fn on the loop when d nanoseconds have passed, as Post does. stop reports
	// nothing: fn may be on its way.
	After(d int64, fn func()) (stop func())
	// Scratch is a buffer that everything of the loop uses: what is in it lasts until the caller
	// returns.
	Scratch() []byte
	// Now is the loop's clock in nanoseconds, as of this turn.
	Now() int64
	// Number tells the loops of a server apart: from 0.
	Number() int
	// Counts is where the exchanges of the loop count: a statistic sums them over the loops.
	Counts() *Counts
}

// Counts are numbers that only the loop changes: the first eight are the exchanges'.
type Counts [11]int64

// Gauges of connections that have several requests at a time.
const (
	CountActive = 8 + iota // connections of which a handler runs or waits
	CountBusy              // those, and connections of which a Session has a stream
	CountGuests            // streams that a Session has
)
