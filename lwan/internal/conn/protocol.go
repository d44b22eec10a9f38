//go:build linux

package conn

import "github.com/golwan/golwan/lwan/internal/loop"

// Protocol is what is spoken on the connections. Loops know nothing of it.
type Protocol interface {
	// NewState makes the protocol's part of a worker (Worker.State): buffers, request, response.
	NewState(w *loop.Worker) any
	// Serve is called in worker w when there is something to read: bytes, the end, or an error, or
	// when Kept bytes have their turn again; or, if why is Expired, when the time of a connection
	// is up of which something was kept. It reads and answers, waiting as it likes, and says what
	// is to become of the connection. An expired one ends: its verdict is Close, or Linger if
	// something was written.
	Serve(w *loop.Worker, c Conn, why Why) Verdict
	// Died is called in worker w when another one ended, by Goexit (value is nil) or a panic, while
	// it served c: state is that one's. It may wait as Serve may. The connection ends after it, as
	// an expired one does. If Died dies itself the connection ends at once, and Died is called
	// again, with a Conn that is closed and the same state, up to maxDeaths times: it goes on
	// behind what it has died of.
	Died(w *loop.Worker, c Conn, state, value any, stack []byte) Verdict
	// Waits is called before a task waits for the peer of a connection that w serves: for bytes, or
	// for room to write. A stranger decides how long that takes, so it is the place to give back
	// what is not needed meanwhile.
	Waits(w *loop.Worker)
	// Rests is called when w has nothing to do, while enough others have nothing to do either: it
	// is the place to give back buffers.
	Rests(w *loop.Worker)
	// Refuse answers a connection over the limit, with calls that do not wait, before it is closed.
	Refuse(fd int)
}

// Why says what Serve is called for.
type Why uint8

const (
	Readable Why = iota
	Expired
	First // as Readable, and nothing of the connection was read before
)

// Verdict says what becomes of a connection after Serve. One that a session has (Attach), or that
// is closed by now, is not concerned.
type Verdict uint8

const (
	Close Verdict = iota // at once
	// half-close; throw away what still comes, for a bounded time, so that the peer can read the
	// answer
	Linger
	Idle  // wait for the next bytes, until the time given to Expire
	Again // there is more to do, but others have a turn first
	Hand  // Attach was called

	greeted // the handshake is done, and nothing was read yet
)
