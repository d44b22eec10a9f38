// Package loop turns event loops: a poller with timers, letters and workers, which are coroutines.
// It knows nothing of connections: those are its Driver's (package conn).
//
// A loop is turned by one worker at a time. A call that has to wait parks the worker, and the loop
// goes on in another one; so a handler looks like blocking code, and what never waits switches
// nothing.
//
// Reading order: group.go (what there is), runner.go and worker.go (what runs), loop.go (a turn,
// and the Driver), task.go and gate.go (what waits), queue.go, timer.go, mailbox.go (letters),
// bell.go (a goroutine wakes a worker), job.go (what is done in a turn of its own), branch.go (a
// handler inside of somebody else's turn), takeover.go (a handler that does not come back) and
// watch.go (who notices), pool.go, counts.go. The seams to the system are poller.go (readiness: the
// contract, behind which are epoll.go and pollset.go) and clock.go.
//
// # The owner rule
//
// Everything that changes belongs to the loop: to its runner of the moment, which is the worker
// that runs. Everybody else posts to the mailbox (Loop.Post, Loop.Go, Bell.Ring). Methods that may
// be called from elsewhere say so; with the build tag owner the others panic there. Others hold a
// handle, and handles end:
//
//	handle             names                  ends with                  a late one
//	ticket of a wait   one wait of a Task     its wake-up                opens nothing
//	seq of a Task      one handler            Task.End                   cancels nothing
//	Bell               one rest of a worker   its ring                   is rung once only
//	place at a Gate    one wait of a Task     its wake-up, or Gate.Open  is in no list any more
//	conn.Conn          an open connection     close, which bumps the     gets ErrOver; no system
//	                                          generation before close(2) call is made
//
// A worker that wakes looks first whether what it waited for is still there, then tries again what
// it wanted to do, and only then believes in the cause for which it was woken: bytes come before a
// hang-up. An object that somebody may still hold is not used again.
//
// No code of the program's is called while the loop is in the middle of something. What events,
// timers, letters and the sweep find is done in a turn of a worker, as a handler, or is a job
// (Loop.Run), between EnterUser and LeaveUser.
//
// # What may wait where
//
//	event, sweep, letter, timer, Session's and Owner's methods   nothing: Post, Run, Queue
//	handler, job                                                 the worker, by its Task
//	any other goroutine                                          what it likes, but no Task
//
// # Words
//
// Many things end here, and each word says how. They mean the same in packages conn and lwan, and
// in new code:
//
//	end       what lasts is over in its usual way: a request, a stream, a subscription, a loop
//	finish    write the last of it: a whole answer, a farewell; what was promised is kept
//	conclude  decide what an answer has come to, finish or cut it, and tell what waits for its end
//	close     give a descriptor, or what holds one, back to the system; nothing is sent after it
//	cut       end an answer before it is whole, so that its client sees that something is missing
//	give up   end something of ours to spare the rest: an answer that cannot be sent, an idle
//	          connection when descriptors run out
//	drop      throw away what somebody else still holds or wants, without a word: a record, an old
//	          letter
//	leave     go out of what goes on without it: a handler leaves its stretch, a worker its
//	          connection, a peer its own
//	retire    let what rests go, since it is not needed any more: an idle connection while
//	          draining, a thread behind a takeover
//	dismiss   send away what may still do one more thing first: an idle connection with time for
//	          one more request
//	abandon   go on without what does not come back: a worker behind a stuck one, a waiter
//	cancel    end what a handler waits for, with a cause; what it writes goes on
//	kill      cancel, and end what it writes, for good
//
// # Caveats
//
// A handler that blocks its thread blocks its loop until a watchdog takes the loop over
// (Loop.TakeOver), or for that long. A mutex that is held while its holder parks is a deadlock of
// the two as soon as another handler of the thread wants it.
package loop
