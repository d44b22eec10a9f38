// Package gateway passes requests on: to HTTP servers, to FastCGI, SCGI and uwsgi applications, and
// to programs that are started for each request ([CGI]). Backends form a [Group], which balances,
// notices which of them fail, and may start them as processes.
//
//	group := &gateway.Group{Backends: []gateway.Backend{
//		{Address: "10.0.0.1:8000"}, {Address: "10.0.0.2:8000", MaxConns: 100},
//	}}
//	srv.Mount("/app", gateway.Proxy.With(gateway.ProxyConfig{Common: gateway.Common{To: group}}))
//
// A request that is passed on holds no goroutine: connections to backends are those of the loop
// (lwan.Dialer), and what waits is parked.
//
// # What is sent
//
// The path as it was routed, encoded anew, with the mount's prefix cut or replaced, and the query
// as it was sent: what the backend sees is what the routes have seen. A slash that is encoded there
// would be another path for many a backend: 404, unless ProxyConfig.EncodedSlash. Framing is made
// anew, so no request can have another end there than here. Fields of this hop stay here (RFC 9110
// section 7.6.1), and so does Proxy; X-Forwarded-For, -Proto and -Host are set, and what a client
// says in them counts only if it is a trusted proxy (Server.TrustedProxies).
//
// A content of up to Retry.Body bytes is read first and kept; others are passed on as they come. A
// backend that answers before it has all is listened to, and gets no more of it. A program of CGI
// is started when all has come: what is longer is kept in a file without a name.
//
// # What comes back
//
// What a backend sends is passed on as it comes, and a slow client makes it wait, with one
// exception: scripts (FastCGI, SCGI, uwsgi, CGI) are few, so their answers are held in memory up to
// Limits.Buffer first. An answer whose framing is in doubt is none: 502, and its connection is not
// used again. What goes wrong in the middle cuts the answer, so that the client sees it.
//
// An [Authorizer] is middleware: a FastCGI application says whether a request goes on.
//
// X-Accel-Redirect (Common.Accel) and X-Sendfile (Common.SendFile) let a backend name what is sent
// in its place, and leave it free meanwhile; both are off unless they are asked for.
//
// A switch of protocols that ProxyConfig.Upgrade allows, as to WebSocket, joins both connections
// (Response.Tunnel), and holds no worker.
//
//	502  no connection; closed before the end of a head; a malformed head, or one over HeadBytes
//	503  no backend can be used (Retry-After says when), all are full, one is overloaded
//	504  no connection in Dialer.Timeout, nothing taken in Timeouts.Send, no head in Timeouts.Head
//
// The log has one line for each request that fails so, with the group's name and the backend's.
//
// # Failures
//
// A backend that fails MaxFails times in FailTime rests: it gets no requests, but for one, when its
// rest is over, that decides whether it comes back or rests twice as long. A group's only backend
// never rests. See [Retry] for what is sent again: never a request of which anything has reached
// the client, or whose content is gone.
//
// # Concurrency and lifetimes
//
// A Group's methods are for all goroutines. It is open from the start of the first module that uses
// it until the last one has ended, for one server at a time.
//
// # Caveats
//
//   - Kept connections are each loop's own: a backend sees up to Loops x Conns.MaxIdle idle ones.
//   - Content of requests to scripts that comes in chunks is read into memory first, up to
//     Limits.Body, as they want its length; but for CGI.
//   - Methods that the server does not know are answered with 501 before they come here.
//   - On net/http an upload that is refused early is noticed when more of it comes.
//
// # Non-goals
//
// No cache, no rewriting of contents, and no retries of what may not be sent twice.
package gateway
