// Package h2 speaks HTTP/2 (RFC 9113) on the connections of package conn. A connection is a session
// (transport.Session): whichever worker runs the loop reads its frames, and runs the handler of a
// stream in itself, as a loop.Branch. Only if that waits does reading pass to another worker. It
// knows neither routes nor handlers.
//
// Reading order: protocol.go (what all connections share), front.go (the preface decides between
// HTTP/1 and this), session.go (a turn of a connection), frames.go (what each frame does), block.go
// (field blocks: how a stream begins), stream.go (one stream), runner.go (its handler's life),
// content.go (what is read of it), answer.go and window.go (what is written, and whose turn it is),
// pipe.go (a stream without a handler), calm.go (floods), leave.go (how a connection ends).
//
// # Who owns what, and when it ends
//
// A session belongs to its loop. It is over when conclude has run: after a fault of the client's
// (fail), a broken connection (lost), the end of all that it had left to do (leaveWhenDone), or
// because somebody else ends the connection (Ended). Its connection is a handle and not touched
// again; streams that still have a handler stay in it until that returns, and find phase over.
//
// A stream belongs to its session, from begin to drop: that is when its handler has returned
// (settle), or the guest that has taken it ends or is told of the end (pipe.drop). A stream that
// was reset counts until then. Then it is used again, unless a second reader still waits for its
// content (readers): who waits looks at over first.
//
// A runner belongs to its worker for life. Between begin and settle it has one stream; a Branch
// that has died leaves it to a conclusion, in another worker, and it is never used again. A
// guest's stream has no runner. A pipe belongs to its stream: who keeps it longer finds that it
// is not live.
//
// home.buf is of the session that is reading, and of nobody between two turns: before somebody
// else may read, keep has taken what was not looked at out of it. That happens before a Branch
// parks, or as the first thing after the loop was taken over from it (Parked). So a session reads
// in one worker at a time; Ready does nothing while it does.
//
// The turn to write (order.turn) is of one stream. It ends when that has written (pass), is reset
// (stop), waits for a window of its own or gives up (forget), or runs behind a stuck thread
// (taken). Who is not going to write has no place in line: else nobody behind it would ever
// write.
//
// # What wakes whom
//
// A handler that reads waits at stream.in: content, its end, a reset, the end of the session or
// of the connection's input, and Unread open it. One that writes content waits at stream.room:
// pump, when it has its turn, and the stream's own window open it. One that writes a head waits
// at session.space, which flush opens. All of them end by Task.Kill (stop, conclude), and by the
// time that Exchange.Pauses gives them. A guest is told by Ready, Draining, Expired and Ended.
//
// The answers of all streams gather in session.out, which is written once at the end of a turn,
// or when it is full. What is written outside of a turn asks for one (kick).
package h2
