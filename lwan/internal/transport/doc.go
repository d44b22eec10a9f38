// Package transport is the contract between a request with its answer and the way in which they
// came: an HTTP/1 connection on a loop, net/http, later an HTTP/2 stream. Package lwan implements
// Exchange, a protocol implements Stream, and whoever runs the handler implements Task. No protocol
// knows anything else of package lwan.
//
//	         Begin, Run | Refuse, Died, End
//	protocol ─────────────────────────────▶ Exchange  one request and its answer:
//	protocol ◀───────────────────────────── Exchange  the program's code runs in it
//	         Stream: Read, Head, Write, Close, Cut ...
//	         Task:   Sleep, Wait, Offload, LeaveUser ...
//
// A connection may be taken from its protocol for good: Stream.Take gives a Pipe, whose events
// drive a Session.
//
// # Rules
//
//   - A Stream has one user: the goroutine or coroutine that runs the exchange. One thing may go on
//     beside it: reading in another worker of the same loop, see Stream.Read.
//   - All methods of Stream, Peer, Pipe and Loop (but Post and Go), and those of Task that wait,
//     are called outside of the program's code: behind Task.LeaveUser, or before Task.EnterUser.
//     What is called there touches the loop, which may have been taken over while the program's
//     code ran.
//   - No method keeps what it is given: buffers, answers and fields belong to the caller again once
//     it returns.
package transport
