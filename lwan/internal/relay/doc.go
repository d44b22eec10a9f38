// Package relay moves bytes between two Pipes, both ways, without a worker: a tunnel. It holds no
// buffer but what one side has sent and the other does not take, at most a scratch buffer of the
// loop in each direction; meanwhile the sender is read no further.
//
// A Pair belongs to the loop of its two Pipes from Start until its Owner is told that it is over.
package relay
