// Package ecosystem holds golwan against libraries that are written for net/http: each of them must
// mean the same on both. It is a module of its own, so that nobody who uses golwan or its
// benchmarks gets them.
//
// A library is tried in four ways: with net/http's server, whole in lwan.FromHTTP, as middleware of
// a route whose handler is one of net/http (lwan.FromHTTPMiddleware), and around handlers of ours.
// What the clients get, and what the library has seen (log lines, spans, counters), is written down
// and compared.
//
// Clients of databases are tried in handlers of ours: which of them wait parked, and which need
// lwan.Blocking, stands in backends_test.go.
package ecosystem
