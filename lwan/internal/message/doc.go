// Package message holds what a request says, in whatever version of HTTP it came (RFC 9110): the
// parts of its head, what they mean for framing, connection and routing, and the rules by which
// they are refused. A codec finds them in its bytes and hands them over; everything behind it sees
// a [Head].
//
// # What is where
//
// A Head has the target in its parts ([Head.SetTarget]) and the fields ([Head.Append]), of which
// the [Known] ones are recognised without a comparison. [Head.Interpret] takes what a field means
// for the whole, [Head.Complete] what they mean together, [Head.Settle] what one means that stands
// there several times. A path is Head.Path as it was sent; it can be routed as it is when
// Head.PlainPath says so, and goes through [CleanPath] otherwise. The rules for paths stand in
// path.go, those for bytes in targets in target.go, the table of repeated fields in repeated.go.
//
// # What is refused
//
// Everything that two servers could understand in two ways: two lengths, a length and a coding, a
// body whose end is not certain, two values of a field that has one. Where the RFC lets a recipient
// choose between repairing and refusing, this one refuses.
//
// # Lifetimes
//
// Head and Field hold offsets, not bytes, so they are valid as long as the buffer is, also when it
// has been moved or has grown. What [Span.Of] returns aliases the buffer. A Head is made to be used
// again and keeps the array of its fields. Nothing here allocates unless the slice that is appended
// to has to grow.
//
// # Concurrency
//
// Nothing here is shared: a value is used by one goroutine at a time, the functions by any number.
//
// # Caveats
//
// A cleaned path can hold NUL, which is [EncodedSlash]: code that opens files by it has to refuse
// that.
package message
