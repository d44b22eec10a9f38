// Package evloop turns event loops: pollers with their connections, timers and coroutines. It knows nothing of
// HTTP.
//
// A Protocol is served by one or more loops. Each connection belongs to one loop for life and is represented by a slot
// of 32 bytes in one array that all loops share, indexed by descriptor, beside one of 24 bytes for the peer's address.
// When there is something to read, a worker of that loop calls the protocol's Serve. Serve looks like blocking code: a
// call that has to wait parks the worker, which is a coroutine, and the loop goes on in another one.
//
// Reading order: engine.go (what there is), slot.go (a connection at rest), runner.go and worker.go (what runs),
// loop.go (a turn), serve.go (an event), conn.go (what Serve may do), accept.go, peers.go, linger.go, expiry.go, timer.go,
// mailbox.go, bell.go (a goroutine wakes a worker), job.go (what is done in a turn of its own), handle.go (a connection
// without a worker), takeover.go, door.go, shutdown.go. The seams to the system are kernel.go (sockets), poller.go
// (readiness: the contract, behind which are epoll.go and pollset.go) and clock.go; tests put faults.go and faultypoller.go
// in their place.
//
// # The owner rule
//
// Everything of a loop belongs to its current runner: to the worker that runs at the moment. Everybody else posts to the
// mailbox (Loop.Do, Bell.Ring). Methods that may be called from elsewhere say so. Only the loop touches descriptors: a
// goroutine has no socket. It may hold a handle, and handles end:
//
//	handle                    names                   ends with                     a late user
//	Conn, Handle              an open connection      close, which bumps the        gets ErrClosed; no system call is made
//	(descriptor, generation)                          generation before close(2)
//	waiter (worker, ticket)   one wait of a worker    its wake-up                   opens nothing
//	Bell                      one rest of a worker    its ring                      is rung once only
//	an event's token          an open connection      as Conn                       is dropped
//
// A worker that wakes looks first whether what it waited for is still there (Conn's calls do, each time), then tries again
// what it wanted to do, and only then believes in the cause for which it was woken: bytes come before a hang-up. An object
// that somebody may still hold is not used again.
//
// No code of the program's is called while the loop is in the middle of something. What events, timers, letters and the
// sweep find is done in a turn of a worker, as a handler, or is a job (Loop.Go).
//
// # Words
//
// Many things end here, and each word says how. They mean the same in package lwan, and in new code:
//
//	end       what lasts is over in its usual way: a request, a stream, a subscription, a loop, a wait
//	finish    write the last of it: a whole answer, a farewell; what was promised is kept
//	conclude  decide what an answer has come to, finish or cut it, and tell what waits for its end; once each
//	close     give a descriptor, or what holds one, back to the system; nothing is sent after it
//	cut       end an answer before it is whole, so that its client sees that something is missing
//	give up   end something of ours to spare the rest: an answer that cannot be sent, an idle connection when
//	          descriptors run out
//	drop      throw away what somebody else still holds or wants, without a word: a record, a subscriber, an old letter
//	leave     go out of what goes on without it: a handler leaves its stretch, a subscriber its crowd, a peer its
//	          connection
//	retire    let what rests go, since it is not needed any more: an idle connection while draining, a thread behind a
//	          takeover, a Request that is not used again
//	dismiss   send away what may still do one more thing first: an idle connection with time for one more request, a new
//	          process
//	abandon   go on without what does not come back: a handler that died, a worker behind a stuck one, a waiter
//	kill      end all that waits on a connection at once, with a cause
//
// # Caveats
//
// A handler that blocks its thread blocks its loop until a watchdog takes the loop over (takeover.go), or for that long.
// A mutex that is held while its holder parks is a deadlock of the two as soon as another handler of the thread wants it.
package evloop
