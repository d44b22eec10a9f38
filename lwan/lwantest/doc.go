// Package lwantest runs handlers of package lwan in tests: in memory, or in a real server on a free
// port.
//
//	func TestHello(t *testing.T) {
//		got := lwantest.Get(t, hello, "/hello?name=ann")
//		if got.Status != 200 || got.Body != "Hello, ann!" {
//			t.Errorf("%+v", got)
//		}
//	}
//
// Do and Get call one handler, or all of a server's routes with their middleware, modules and
// observers, which Build returns. What they give back has what a client sees and what it never
// sees: the cause of a failure.
//
// Start serves on real sockets and event loops, with a client. It is for tests of connections: time
// limits, broken clients, shutdown. Events reads a stream of server-sent events from either.
//
// # Time
//
// Do works in a bubble of testing/synctest: handlers that sleep and tick take no real time there,
// and an endless stream ends when the context of its request does. Build may be called outside of
// the bubble. Start does not work in one, since waiting for a socket stops the bubble's clock.
//
// # What fails a test
//
// A handler that does not return, and goroutines that it has started and that still run at the end
// of the test. Deferred functions of the test have run by then; functions that it gave to T.Cleanup
// before the first Do have not. A goroutine whose creator has ended before the end of the test, and
// was not the handler's, cannot be told from those of other tests.
//
// After Start also everything of the server that outlives it; see Start. Descriptors are checked on
// Linux only.
//
// # Lifetimes
//
// A Result has no ties to the request. A Server, its Client and the handler that Build returns end
// with the test.
//
// # Concurrency
//
// Tests may run in parallel, and call everything from several goroutines at the same time, with one
// rule of package testing: functions that fail a test at once, which are Do, Get, Build and Start,
// have to be called from the test's own goroutine.
//
// # Caveats
//
//   - In memory nothing is on a loop: Await and Blocking run their function in place, a write never
//     waits, and no limit of the parser applies. Test limits, and handlers that block by mistake,
//     with Start.
//   - Hijack and Upgrade need a connection, and so Start; a WebSocket has WebSocket.
//
// # Non-goals
//
// No assertions, no golden files, no mocks: other packages have those, and a Result is easy to
// compare.
package lwantest
