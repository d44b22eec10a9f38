// Package h1 speaks HTTP/1 (RFC 9112) on the connections of package conn. Each worker of a loop has
// a server, which reads and parses requests, lets a transport.Exchange answer each, and writes what
// comes out of it. It knows neither routes nor handlers.
//
// Reading order: protocol.go (what all servers share), server.go (one connection, request after
// request), request.go (one request's life), state.go (how far it has come), content.go (what is
// read of it), answer.go (what is written), close.go (how a connection ends), task.go (who waits),
// memory.go (what is held meanwhile), take.go and rawconn.go (a connection that is taken away).
package h1
