// Package nethttp serves exchanges through net/http: a goroutine a request, and waiting blocks it.
// It is what ToHTTP and FromHTTPMiddleware of package lwan run on, and the engine where there is no
// epoll.
//
// A [Call] is one request: the Stream, the Task and the Peer of its exchange. It fills a head with
// what net/http has parsed, and knows nothing of package lwan but the contract of package
// transport. What one handler inside of net/http middleware has of the request outside, as values
// and the route, is between two exchanges, and so package lwan's; a Call only asks its [Outer] for
// limits, and leaves it the last word.
//
// An [Engine] is a server: listeners, limits of connections, counts, the end.
//
// # Concurrency
//
// A Call is the handler's goroutine's. Read and End may be called by any; see transport.Stream and
// transport.Task.
package nethttp
