// Package evloop turns event loops: epoll instances with their connections, timers and coroutines. It knows nothing of
// HTTP.
//
// A Protocol is served by one or more loops. Each connection belongs to one loop for life and is represented by a slot
// of 32 bytes in one array that all loops share, indexed by descriptor, beside one of 24 bytes for the peer's address. When there is something to read, a worker of
// that loop calls the protocol's Serve. Serve looks like blocking code: a call that has to wait parks the worker, which
// is a coroutine, and the loop goes on in another one.
//
// Reading order: engine.go (what there is), slot.go (a connection at rest), runner.go and worker.go (what runs),
// loop.go (a turn), serve.go (an event), conn.go (what Serve may do), accept.go, peers.go, linger.go, expiry.go, timer.go, mailbox.go,
// offload.go (a goroutine drives the connection for a while), shutdown.go. Tests put faults.go in the place of kernel.go.
//
// # Who may touch what
//
// Everything of a loop is touched only by its current runner: by the worker that runs at the moment. Everybody else
// posts to the mailbox (Loop.Do). Methods that may be called from elsewhere say so.
//
// Code of the program's runs in handlers, and in jobs (job.go): never while the loop is in the middle of something.
//
// # Caveats
//
// A handler that blocks its thread blocks its loop until a watchdog takes the loop over (takeover.go), or for that long.
// A mutex that is held while its holder parks is a deadlock of the two as soon as another handler of the thread wants it.
package evloop
