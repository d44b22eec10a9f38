// Package h2 speaks HTTP/2 (RFC 9113) on the connections of package conn. A connection is a session
// (transport.Session): whichever worker runs the loop reads its frames, and runs the handler of a
// stream in itself, as a loop.Branch. Only if that waits does reading pass to another worker. It
// knows neither routes nor handlers. So far only tests of package lwan serve by it: for users
// net/http speaks HTTP/2 beside the loops.
//
// Reading order: protocol.go (what all connections share), front.go (the preface decides between
// HTTP/1 and this), session.go (a turn of a connection), frames.go (what each frame does), block.go
// (field blocks: how a stream begins), stream.go (one stream), runner.go (its handler's life),
// content.go (what is read of it), answer.go and window.go (what is written, and whose turn it is),
// pipe.go (a stream without a handler), calm.go (floods), leave.go (how a connection ends).
//
// # Who owns what, and when it ends
//
// A session belongs to its loop, and ends with Ended or its own conn.Conn.End. A stream belongs to
// its session, and ends when its handler has returned, or the session that has taken it ends it: a
// reset stream counts until then. A runner belongs to its worker; what it has of a request, until
// that one's end. A second reader that is left behind holds its stream, which is then not used
// again. The answers of all streams gather in session.out, which is written once at the end of a
// turn, or when it is full.
package h2
