package lwan

import "reflect"

// Blocking runs next on a goroutine: it may block as it likes. Everything that a handler can do
// works there too. It is a Middleware, for a route or a group: srv.Group("/api", lwan.Blocking).
// Wherever it stands among the middleware of a route, all of them run on the goroutine, from the
// outermost on: else a session store that one before it asks would hold the loop. Server.Goroutines
// bounds how many run; beyond that requests queue, and are answered with 503 when the queue is
// full.
//
// The handler starts when the request's head is there: it may answer while it reads. A client that
// sends its body slowly holds a goroutine meanwhile, unless Limits.BodyFirst says that the loop
// waits for the body first.
//
// The goroutine has a Request and a Response of its own, and no socket: it exchanges bytes with its
// loop through bounded buffers, so a Write can return before anything has left, and Flush does not
// wait; the next call returns what has gone wrong. A goroutine that the handler leaves behind gets
// ErrOver from then on, and what it is writing at that moment is cut.
func Blocking(next Handler) Handler { return blocking(next) }

// blocking makes the closure by which isBlocking knows a handler, in one place that is not inlined
// into others.
//
//go:noinline
func blocking(next Handler) Handler {
	return func(req *Request, resp *Response) Status { return beside(next, req, resp) }
}

// blockingHTTP is blocking for code of net/http, which wants to know more of the connection.
//
//go:noinline
func blockingHTTP(next Handler) Handler {
	return func(req *Request, resp *Response) Status { return beside(next, req, resp) }
}

// beside runs next on a goroutine, if the handler does not run on one already.
func beside(next Handler, req *Request, resp *Response) Status {
	switch x := req.home; {
	case x != nil && !x.here(): // nothing else of the request may be looked at
		x.core.log.Error("a Blocking handler was called by a goroutine that does not run its "+
			"request", "err", ErrForeign)
		return StatusInternalServerError
	case req.on.Inline():
		return req.x.blocking(next, req, resp)
	}
	return next(req, resp)
}

var (
	blockingCode = reflect.ValueOf(blocking(nil)).Pointer()
	httpCode     = reflect.ValueOf(blockingHTTP(nil)).Pointer()
)

// blockingKind is what of a chain runs on a goroutine.
type blockingKind uint8

const (
	notBlocking  blockingKind = iota
	someBlocking              // Blocking is in the chain, all of which runs on the goroutine then
	someHTTP                  // and code of net/http
)

// kindOf tells by which of the functions above h was made.
func kindOf(h Handler) blockingKind {
	switch reflect.ValueOf(h).Pointer() {
	case blockingCode:
		return someBlocking
	case httpCode:
		return someHTTP
	}
	return notBlocking
}

// blockingChain is chain, and tells what of it is blocking.
func blockingChain(h Handler, mw []Middleware) (Handler, blockingKind) {
	kind := kindOf(h)
	h = recovering(h)
	for i := len(mw) - 1; i >= 0; i-- {
		h = mw[i](h)
		kind = max(kind, kindOf(h))
	}
	return h, kind
}
