// Package h2frame is the codec of HTTP/2 (RFC 9113): bytes in, bytes out. It keeps nothing of a
// connection but what HPACK makes one keep (Fields), and waits for nobody.
//
// Reading order: frame.go (a frame in place, and its rules in one table), settings.go, fields.go
// (field blocks, pseudo-fields and the rules of sections 8.2 and 8.3, into a message.Head),
// priority.go (RFC 9218); append.go (frames that we send) and encode.go (field blocks that we send:
// the static table and literals only, so that nothing is kept for them).
//
// # Concurrency
//
// Nothing here is shared: a value is used by one goroutine at a time, the functions by any number.
package h2frame
