// Package wsframe reads and writes the frames of WebSockets (RFC 6455), compressed messages (RFC
// 7692) and the parts of the opening handshake. It is pure: bytes in, bytes out. It knows no
// connection, starts no goroutine, and looks at no clock.
//
// # Use
//
// A [Reader] takes apart what one peer sends. Whoever reads from the connection gives it all bytes
// that nobody has taken yet:
//
//	m, n, err := r.Next(buf[pos:end])
//	pos += n
//	switch {
//	case err != nil:           // *Error: send its code in a close frame, and read no more
//	case m.Op == 0:            // read more behind end, and again; see MinBuffer
//	case m.Op == wsframe.Ping: // answer with a Pong of m.Payload
//	default:                   // a whole message, a Pong or a Close
//	}
//
// Frames are appended to a slice: [AppendFrame], [AppendClose], or [AppendHead] in front of bytes
// that need no copy. A client's are masked: [AppendMasked].
//
// # What is refused
//
// All that the RFC says must fail the connection: reserved bits and opcodes, frames that are masked
// the wrong way, lengths that are not minimal, control frames that are long or fragmented,
// fragments without a beginning, text that is not UTF-8, close codes that must not be sent. An
// error is told with the head of the frame that shows it; in text, with the byte.
//
// # Lifetimes
//
// A message's payload is valid until the next call of Next: it lies in the caller's bytes, unmasked
// in place, or in a buffer of the Reader's. Between two messages a Reader holds nothing once
// Release was called. Nothing allocates, but for buffers that have to grow.
//
// # Concurrency
//
// A Reader is used by one goroutine at a time, the functions by any number.
//
// # Non-goals
//
// Context takeover (RFC 7692 section 7.1.1), which costs up to 64 KiB a connection for as long as
// it is open. Streaming a message in pieces. Extensions other than permessage-deflate.
package wsframe
