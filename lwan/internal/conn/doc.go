// Package conn has the connections of event loops (package loop): slots, accepting, expiry,
// lingering closes, limits, draining, listeners. It knows nothing of HTTP.
//
// A Protocol is served by one or more loops. Each connection belongs to one loop for life and is
// represented by a slot of 32 bytes in one array that all loops share, indexed by descriptor,
// beside one of 24 bytes for the peer's address. When there is something to read, a worker of that
// loop calls the protocol's Serve, which looks like blocking code. A connection that needs no
// worker, but is not idle, is driven by a transport.Session (Conn.Attach). One with a Layer has a
// record for life, and what the Layer has.
//
// Reading order: engine.go (what there is), slot.go (a connection at rest, and its states), set.go
// (an event), serve.go (a worker serves), conn.go and wait.go (what it may do), record.go (what
// else there is of one), session.go (a connection without a worker), announced.go (whom a
// connection is of, by a proxy's word), handshake.go and layer.go
// (what lies between a connection and its socket, as TLS), dial.go (one that is opened from here),
// accept.go, peers.go, addrcounts.go, linger.go, expiry.go, giveup.go, drain.go, listenerclose.go;
// listener.go, inherit.go, systemd.go. kernel.go is the seam to the system's sockets; tests put
// package faults in its place.
//
// The owner rule, and the words for the ways in which things end, are in the documentation of
// package loop. Here they mean: everything of a Set belongs to its loop's runner, only the loop
// touches descriptors, and a goroutine has no socket. Who serves, reads or writes has a Conn, which
// names the connection by descriptor and generation, and is looked up at each call and again after
// each wait.
package conn
