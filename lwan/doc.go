// Package lwan serves HTTP: handlers are plain functions that read top to bottom, and one event
// loop per CPU runs them.
//
//	func hello(req *lwan.Request, resp *lwan.Response) lwan.Status {
//		return resp.Text(200, "Hello, "+cmp.Or(req.Query("name"), "world")+"!\n")
//	}
//
//	func main() {
//		srv := &lwan.Server{Addr: ":8080"}
//		srv.Handle("GET /hello", hello)
//		if err := lwan.Run(srv); err != nil { // until SIGTERM, then drains and returns nil
//			log.Fatal(err)
//		}
//	}
//
// A request that never waits is read, answered and written by its loop without a goroutine or a
// coroutine of its own. A handler that waits is parked with its stack, and the loop goes on with
// others.
//
// # Handlers
//
// A [Handler] gets what came in and what goes out, and returns the [Status]. The answer is held
// back until then, so that middleware may still change it, or until it is larger than
// Limits.Buffer. Methods of [Response] that finish an answer return the status: return
// resp.JSON(200, v). For an error there is return resp.Fail(err), which finds the status in the
// error (an [Error], any StatusCode() int, Server.ErrorStatus), keeps the error for the log and
// shows the client none of it but an Error's Message and Fields. A status of 400 and above without
// a body gets an error page: HTML, JSON or text, as the client's Accept says.
//
// Patterns are those of net/http.ServeMux. [Middleware] wraps handlers, and always gets a status
// back, panics included. It runs after routing, so that Request.Pattern is known, and also for the
// 404, 405 and OPTIONS of its group's paths. A [Module] is a reusable part of a site with a
// configuration and a life.
//
// # Waiting
//
// These park the handler: reading the body (Request.Body, BodyBytes, Form, FormAs, PeekForm, Parts,
// ReadJSON),
// writing once the answer streams (Response.Flush, SendFile, [Events]), Request.Sleep and Every,
// [Await], and a [Queue]. All of them return an error, or are a sequence that ends. ErrGone,
// ErrTimeout and ErrStopping mean that the request is dead: return. A handler that waits on a dead
// request once more has ignored the error, and is unwound by runtime.Goexit, with its defers run.
//
// A client that closes its side while a handler waits counts as one that has left, although it may
// still be reading (RFC 9112 section 9.6): nobody can tell the two apart before something is
// written, and who sleeps, or streams without an end, would go on for nobody. What such a handler
// writes all the same is sent. A handler that does not wait is not disturbed, and [UnlessGone] is
// for those who wait for a bounded time.
//
// Anything else that blocks (a channel, a mutex that is held for long, a file, a database, DNS)
// blocks its loop, with all the connections that it has. There are two ways out:
//
//   - [Await] runs a function on a goroutine while the handler is parked. It fits where a handler mostly computes.
//   - [Blocking] is a middleware that runs the whole handler on a goroutine, where it may block as it likes. It is the
//     right default for code that talks to a database: srv.Group("/api", lwan.Blocking).
//
// Both hold a goroutine, of Server.Goroutines. A wait of unbounded length is better spent in a
// [Queue], or in a [Topic], whose subscribers hold nothing but their connection.
//
// # WebSockets
//
// [Response.WebSocket] makes the connection of a request a [WebSocket]: the handler calls Receive
// and Send, both of which park, until one of them returns an error, and returns. On a loop it does
// one thing at a time; a handler that has to send while it waits for messages is [Blocking], with a
// goroutine for each. [Response.Upgrade] is for other protocols.
//
// # The watchdog
//
// A handler that holds its loop all the same, for longer than Server.StallAfter (20 ms), is found:
// its thread has computed for so long, or its goroutine waits for something. So is a route whose
// handlers do so in pieces: a loop that is held for half of a second without computing is looked
// at, and those who have the largest share are found waiting. The log names the route, once, with
// the stack and what it waits for; OnStall is told; the loop gets no new connections meanwhile; and
// from the next request on the route runs as Blocking, with all of its middleware, unless
// KeepInline is set.
//
// After Server.TakeOverAfter (200 ms) another thread goes on with the loop. The handler is let in
// again when it comes back, and its answer is sent. What was parked on the stuck thread waits for
// it: a coroutine cannot leave a pinned thread; if the clients leave meanwhile their connections
// are closed. With ThreadsFree it goes on too; but one that computes is not found there, since no
// thread tells for how long it did.
//
// All code of the program's is watched: middleware, also that around 404, 405, 501, OPTIONS and
// redirects, ErrorPage, BeforeHead, filters, observers, Defer and OnEnd. Hooks are not moved; one
// that blocks again loses the loop at once.
//
// What cannot be rescued: a handler that never returns keeps its stack, its thread if that is
// pinned, and its connection until the server stops, whose error names it (64 threads of a loop may
// be stuck at a time, or wait for what is parked on them); and a mutex that one parked handler
// holds and another one of the same pinned thread wants is a deadlock of these two: the log names
// the mutex, and the routes that are parked.
//
// # Lifetimes
//
// Request, Response and what they give out belong to one handler call and end with it: both are
// used again for the next request. Exceptions, which may be kept: strings, which are copies; what
// [Param], [Query], [QueryAs], [FormAs] (but for files) and [ReadJSON] return; and Request.Context with its values. A method whose name
// ends in Bytes returns a view of a buffer, valid until the handler returns. What the answer needs
// after that, as a reference to a cache entry, is released by Request.Defer, which runs when the
// last byte has gone to the kernel; [Cached] does so.
//
// # Concurrency
//
// Many handlers run at the same time, on several loops and goroutines: what they share needs the
// usual care. One Request belongs to one handler and is not for other goroutines; only a function
// given to Await may use it, without waiting. A goroutine that a handler starts may keep the
// context and must not touch req or resp. A Server does not change once it has started. Topic,
// Topics and Queue may be used from everywhere.
//
// # Stopping and restarting
//
// [Run] drains at SIGTERM and SIGINT, Server.Run when its context ends. Nobody new is let in, and
// who is connected is answered, accepted or not; answers say "Connection: close", event streams
// end, idle connections are closed, at once or after Server.DrainIdle. What is left after
// Server.DrainTimeout is cut, and a second signal does that at once.
//
// At SIGUSR2 Run puts a new process in its place, of the program as it is by then, which inherits
// the listening sockets: see
// [Server.Restart]. No request is lost, and if the new process does not come to serve, this one
// goes on and logs why.
//
//   - Modules are opened in the new process while they are still open here, and what Go runs runs twice for a moment. What
//     only one process can have, as a lock on a file or an address that is no Endpoint, makes the restart fail.
//   - The process gets another number. systemd is told, and knows when the new one serves, with Type=notify and
//     ExecReload=/bin/kill -USR2 $MAINPID. The first process of a container cannot be restarted so: the container ends with it.
//   - Sockets that systemd holds ("systemd:name") stay open between two processes: there a plain restart of the unit refuses
//     nobody either, and who connects in between waits.
//   - A change of the addresses counts: what is not configured any more is closed, with those who wait in its queue. A socket
//     whose address is only written in another way is not recognised, and in use for the new process.
//   - A connection that is closed after being idle can meet a request that was just sent. It is not answered, and the client sees
//     the connection end before any answer: it may send the request again (RFC 9112 section 9.3.1).
//
// # Limits
//
// Every bound is a field, of [Server], [Limits] or [WebSocketConfig], and says there what its
// default is and what happens beyond it. Zero means the default, negative none. The README has a
// table of all.
//
// A connection over MaxConns or MaxConnsPerAddr is answered with 503 and Retry-After, also if it
// has sent its request already; up to 128 of those are waited for at a time, a flood beyond that is
// closed at once. When the process has no descriptor left for a new connection, the connections
// that have been idle longest are closed for it; Stats.GivenUp counts them. Limits.Timeout ends the
// context and what the handler waits for; a handler that does neither is answered with 503 when it
// returns.
//
// These are fixed: the header of a part has 32 KiB, an Accept is read up to 1 KiB, and the values
// of a multipart form take 10 MiB together.
//
// # Fields on several lines
//
// All lines of a field are one field (RFC 9110 section 5.3). What that is, when they are several,
// is the same for each look-up by name (Request.Header and HeaderBytes, and all that this module
// does by itself); HeaderAll and Headers show the lines.
//
//	one list, joined with commas   Connection, Expect, Upgrade, Accept, Accept-Charset, Accept-Encoding, Accept-Language,
//	                               Access-Control-Request-Headers, Cache-Control, Content-Encoding, Content-Language,
//	                               Forwarded, If-Match, If-None-Match, If-Range, Keep-Alive, Pragma, Priority,
//	                               Proxy-Connection, Sec-CH-UA, Sec-WebSocket-Extensions, Sec-WebSocket-Protocol, TE,
//	                               Trailer, Via, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto; Cookie, with
//	                               semicolons
//	refused with 400               Host, Content-Length, Transfer-Encoding, Access-Control-Request-Method, Authorization,
//	                               Content-Disposition, Content-Range, Content-Type, Origin, Proxy-Authorization,
//	                               Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site, Sec-Fetch-User, Sec-WebSocket-Key,
//	                               Sec-WebSocket-Version
//	as if there were none          HTTP2-Settings, If-Modified-Since, If-Unmodified-Since, Range, Traceparent
//	the first                      all others
//
// Two lines of If-Range are no validator, so that the whole is sent.
//
// # Misuse: what is caught, and what cannot be
//
// Caught, with an answer of 500 as long as the head has not left (then the stream is cut), and a
// line in the log that names the route:
//
//   - A panic, also in a function of [Await], in Defer, in middleware, in BeforeHead and in a Filter; runtime.Goexit.
//   - A response field, cookie, trailer or hint with CR, LF or NUL, a field of framing, a Content-Length that is no number
//     or does not hold. What Redirect and SetCookie are given is encoded. An event's ID or name with a line break is an error of
//     Send, and its data may have any number of lines.
//   - Fail without an error, a good status after Fail, a status that is none.
//   - A handler that ignores that its request is over, and waits again: it is unwound.
//   - A handler that sleeps or computes on its loop: the watchdog. One that blocks for ever loses its loop.
//   - An answer of any size: beyond Limits.Buffer it streams, and a client that takes nothing is cut off.
//   - A wait by a goroutine that does not run the handler, and a stream or upgraded connection that was kept past its
//     handler's end: ErrForeign, or net.ErrClosed.
//
// Not caught, since nobody can see it without a cost for each request:
//
//   - A Request, Response, Form or slice of a Bytes method that is used after the handler's end, or by two goroutines at a
//     time, may show what belongs to another request. As long as the worker has no other one it is empty, writing says
//     ErrOver, and what is set is lost: it reaches no other request. Tests find such a use with the build tag lwandebug, under
//     which neither Request nor Response is used again: each call on one that is over panics and names its route, and bytes
//     that were kept read "lwan: these bytes were valid until the handler returned". The race detector finds the rest.
//   - What ends the process in any Go program: a panic of a goroutine that the handler has started itself, concurrent writes to
//     a map, a stack or heap without end, os.Exit.
//   - A mutex that is held while its holder parks (see Caveats), and what cannot be rescued of "The watchdog".
//
// # Security
//
// Every request is held to RFC 9112, and what two parties could read in two ways is refused: no
// input ends the process, is answered with what belongs to another, or takes more than the limits
// allow. The defaults are meant to be safe for a server that anybody can reach; only
// Limits.Timeout, MaxConnsPerAddr and MaxRequests are off.
//
//   - A response field with CR, LF or NUL in it is not sent; the request fails with 500.
//   - The text of an error never reaches the client, except as the Message of an Error, and what ReadJSON's Validate
//     returns. Error pages escape all they show.
//   - Request.Host, cookies, and file names and types of forms are what the client claims. RemoteAddr and Scheme believe
//     X-Forwarded-For and -Proto from Server.TrustedProxies only, and from an Endpoint's peers with TrustPeers.
//   - A slash that was sent as %2F is data. It separates nothing when routes are found, Request.Path shows it as "%2F", and
//     Request.Param as "/". So a parameter may hold "../": it is no file name until it was checked; os.Root does that.
//   - What clients should percent-encode in a target and send bare (UTF-8, "{", "|" and the like) is as if it were encoded: Target
//     shows it so. Controls, blanks, and in a path "#" and "\", are refused.
//   - ReadJSON takes a body without Content-Type. A browser can be made to send such a body from another site with
//     the user's cookies: use SameSite cookies, and handlers.CrossOrigin.
//   - Numbers from [Param] and [Query] are finite: NaN, which passes every comparison with a limit, is not valid.
//   - Only an Endpoint with TLS or Certs is encrypted. With a proxy in front that does it, say in
//     TrustedProxies which; Request.Scheme tells what the client has used.
//   - MaxConns, MaxConnsPerAddr, HeaderTimeout and Limits.Read and Write bound what one client can take from the others. They
//     do not tell a client from an attacker: rate limits by user or route are for middleware or the proxy.
//
// Report a vulnerability in private, through "Report a vulnerability" on the Security page of the
// repository, with the version, the bytes that were sent and what came of it.
//
// # Caveats
//
//   - A mutex must not be held across anything that parks. The handler that wants it next would block the loop on which the
//     first has to go on.
//   - A handler that locks its OS thread, or that parks inside a callback from C, has to be Blocking.
//   - A client that closes its writing side counts as gone for a handler that waits, as most such clients are. What was
//     answered without waiting it still gets.
//   - After the head has left, a status of 400 and above cuts the connection, since that is all that is left to tell the
//     client that something is missing.
//   - Request.Defer and Observers run on the loop and must not block.
//
// # Not here
//
// Rewriting before routing, making URLs from patterns, and validation by struct tags (a Validate
// method does it).
package lwan
