//go:build linux

package evloop

// Protocol is what is spoken on the connections. Loops know nothing of it.
type Protocol interface {
	// NewServer makes the part of a worker that serves: buffers, request, response. It is used by that worker alone.
	NewServer(w *Worker) Server
	// Refuse answers a connection over the limit, with calls that do not wait, before it is closed.
	Refuse(fd int)
}

// Server serves connections, one at a time, in one worker.
type Server interface {
	// Serve is called when there is something to read: bytes, the end, or an error, or when Kept bytes have their turn
	// again. It reads and answers, waiting as it likes, and says what is to become of the connection.
	Serve(c *Conn) Verdict
	// Expire is called, in place of Serve, when the time of a connection is up of which something was kept (Conn.Keep). It
	// may wait as Serve may. The connection ends after it: the verdict is Close, or Linger if something was written.
	Expire(c *Conn) Verdict
	// Died is called when Serve ended by Goexit (value is nil) or a panic. It may write what does not wait, but must not
	// read or park. The connection ends after it, as after Expire.
	Died(c *Conn, value any, stack []byte) Verdict
	// Hangup is called once when the peer is seen to have closed its side while Serve is under way. It runs on the loop
	// and must not wait; it is the place to call c.Cancel.
	Hangup(c *Conn)
	// Draining is called once when draining begins while Serve is under way, as Hangup is.
	Draining(c *Conn)
	// Killed is called, as Hangup is, when the connection has failed or the engine stops hard: whatever Serve waits for
	// ends with cause, and what does not wait for the connection (an offloaded function) can be told here.
	Killed(c *Conn, cause error)
	// Waits is called, while Serve is under way, before a worker parks for the peer: for bytes, or for room to write. A
	// stranger decides how long that takes, so it is the place to give back what is not needed meanwhile.
	Waits(c *Conn)
	// Rests is called when the worker has nothing to do, while enough others have nothing to do either: it is the place to
	// give back buffers. After a crowd has left, a worker for each of them rests for a while.
	Rests()
}

// Verdict says what becomes of a connection after Serve.
type Verdict uint8

const (
	Close  Verdict = iota // at once
	Linger                // half-close; throw away what still comes, for a bounded time, so that the peer can read the answer
	Idle                  // wait for the next bytes, until the time given to Expire
	Again                 // there is more to do, but others have a turn first
	Hand                  // to the guest given to SetGuest
)

// Guest drives a connection without a worker, after Serve returned Hand.
type Guest interface {
	// Ready is called on the loop with the connection's edges. It must not wait.
	Ready(h Handle)
	// Closed is called when the connection is closed by somebody else: expired, shut down. It must not wait.
	Closed(h Handle, cause error)
	// Draining is called when draining begins, or after the first Ready if it has begun already. It must not wait.
	Draining(h Handle)
}
