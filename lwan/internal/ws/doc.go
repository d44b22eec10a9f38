// Package ws drives a WebSocket by the events of its Pipe, without a worker: it takes messages
// apart, answers pings, sends frames in the order in which they were given to it, asks a client
// that is silent whether it is there, and does the closing handshake (RFC 6455). It calls no code
// of the program's: whoever owns the Session does, in a worker, and says when it is done.
//
//	             Message, Over
//	Session ──────────────────────▶ Owner
//	        ◀── Resume, Push, Close
//
// A Session belongs to the loop of its Pipe, until Over. Push, Close and Owed may be called from
// anywhere; everything else on the loop.
package ws
