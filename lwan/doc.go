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
// Middleware has a type of its own, [Middleware], and go doc lists some of it with other types, by
// what it returns: [Blocking], [Internal], [WithLimits], [WithPace], [FromHTTPMiddleware]. Package
// handlers has more. [NotFound] and what [FromHTTP] returns are handlers.
//
// # Waiting
//
// These park the handler: reading the body (Request.Body, BodyBytes, Form, [FormAs], PeekForm,
// Parts, [ReadJSON]), writing once the answer streams (Response.Flush, SendFile, [Events]),
// Request.Sleep and Every, [Await], a [Queue], a [WebSocket], and a [Conn] of a [Dialer]. All of
// them return an error, or are a sequence that ends. ErrGone, ErrTimeout and ErrStopping mean that
// the request is dead: return.
//
// Anything else that blocks (a channel, a mutex that is held for long, a file, a database, DNS)
// blocks its loop, with all the connections that it has, until the watchdog gives the loop to
// another thread. There are two ways out:
//
//   - [Await] runs a function on a goroutine while the handler is parked.
//   - [Blocking] is middleware that runs the whole handler on a goroutine. It is the right default
//     for code that talks to a database: srv.Group("/api", lwan.Blocking).
//
// Both hold a goroutine, of Server.Goroutines. A wait of unbounded length is better spent in a
// [Queue], or in a [Topic], whose subscribers hold nothing but their connection.
//
// # Lifetimes and concurrency
//
// Request, Response and what they give out belong to one handler call and end with it: both are
// used again for the next request. Exceptions, which may be kept: strings, which are copies; what
// [Param], [Query], [QueryAs], [FormAs] (but for files) and [ReadJSON] return; and Request.Context
// with its values. A method whose name ends in Bytes returns a view, valid until the handler
// returns. One Request belongs to one handler, and is not for other goroutines.
//
// A mutex must not be held across anything that parks.
//
// # Stopping
//
// [Run] drains at SIGTERM and SIGINT, Server.Run when its context ends: who is connected is
// answered, event streams end, and what is left after Server.DrainTimeout is cut. At SIGUSR2 a new
// process takes the sockets over: see [Server.Restart].
//
// # Limits
//
// Every bound is a field, of [Server], [Limits] or [WebSocketConfig], and says there what its
// default is and what happens beyond it. Zero means the default, negative none.
//
// # More
//
// The folder docs beside this file answers one question each: waiting.md (what parks, where Blocking
// goes, the watchdog), lifetimes.md (what may be kept; which misuse is caught), streams.md,
// limits.md (all of them, in a table), fields.md (fields on several lines), security.md, proxies.md
// (behind nginx and others), stopping.md (stopping and restarting), coming.md (from net/http, gin,
// echo and fiber), recipes.md (sessions, uploads, and so on), machines.md (how far one machine goes,
// and what comes then) and source.md (reading the source).
//
// # Not here
//
// URLs made from patterns, validation by struct tags (a Validate method does it), and an ORM, a queue
// of jobs or anything else that needs no HTTP. HTTP/3 is in a module of its own, http3 beside this.
package lwan
