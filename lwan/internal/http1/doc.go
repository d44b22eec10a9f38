// Package http1 reads and writes the parts of HTTP/1.1 messages that are not content (RFC 9112): it
// parses request heads into a message.Head, finds the data in bodies of the chunked coding, and
// appends heads of answers. What a head means is package message's. It is pure: bytes in, bytes
// out. It knows no connection, starts no goroutine, and looks at no clock.
//
// # Use
//
// A server that reads from a connection into buf calls [Parse] with all bytes that it has, until
// the verdict is no longer More:
//
//	switch verdict, err := http1.Parse(buf, &head, &limits, &resume); verdict {
//	case http1.More: // read more bytes behind buf, and again
//	case http1.Bad:  // answer err.Status, close the connection
//	case http1.Done: // head describes the request; what follows begins at buf[head.Size]
//	}
//
// What Done leaves to the server: to answer 501 to a method that nobody has heard of
// (message.Registered), to limit the body, to send 100 (Continue), to close when Head.KeepAlive is
// false.
//
// A body is Head.ContentLength bytes, or in the chunked coding when Head.Chunked: then [Chunked]
// says where the data lies among the framing. Without either there is none (RFC 9112 section 6.3).
//
// Answers are appended to a slice, line by line: [AppendStatusLine], [AppendField], "\r\n".
//
// # What is refused
//
// Everything that two servers could understand in two ways: a line end that is not CRLF, whitespace
// that the grammar has not, folded lines, and what package message refuses. Where the RFC lets a
// recipient choose between repairing and refusing, this one refuses. An Error is told as soon as
// the byte that shows it is there; of a field that is repeated, at the end of the head. After an
// error nothing is known about where the next message begins: the connection has to be closed.
//
// # Lifetimes
//
// Resume and Chunked are made to be used again and hold no pointers. Parse and the append functions
// allocate nothing unless the slice that they append to has to grow.
//
// # Concurrency
//
// Nothing here is shared: a value is used by one goroutine at a time, the functions by any number.
//
// # Caveats
//
// AppendField trusts its arguments: what comes from outside must pass message.ValidName and
// message.ValidValue before, or it can end the head and begin another answer. A Head says nothing
// after a verdict other than Done.
//
// # Non-goals
//
// Responses are not parsed and requests not written: this is a server's side. There is no HTTP/0.9,
// no transfer coding but chunked, no leniency to switch on. Content codings, cookies, ranges,
// conditions and forms are for the packages above.
package http1
