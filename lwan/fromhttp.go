package lwan

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// FromHTTP serves a net/http handler, on a goroutine as Blocking does. It sees the full path; use
// http.StripPrefix as always. Fields that middleware outside of it has set are in its
// ResponseWriter's Header, and the values of the route's wildcards in PathValue. The ResponseWriter
// is a Flusher, a Hijacker and an io.ReaderFrom, and http.ResponseController works on it:
// deadlines, full duplex. Informational responses, trailers and streaming bodies are as with
// net/http; so is the context, which knows http.ServerContextKey and http.LocalAddrContextKey. The
// body is bounded by Limits.Body; what goes beyond is an *http.MaxBytesError.
//
// Goroutines that h leaves running when it returns find the request over: its body returns
// http.ErrBodyReadAfterClose, its ResponseWriter an error that is http.ErrHandlerTimeout. A
// hijacked connection is the handler's for as long as it likes. Where the client has asked for an
// upgrade, as for a WebSocket, the request is over when its connection is hijacked: h goes on, as
// does its context, and neither the stop of the server nor middleware outside waits for it.
//
// A panic of h is an answer of status 500, where net/http closes the connection;
// http.ErrAbortHandler cuts the answer. The http.Server in the context knows Addr, ErrorLog and
// RegisterOnShutdown, and does nothing else. FromHTTP(nil) is nil, which is an error where it is
// registered.
func FromHTTP(h http.Handler) Handler {
	if h == nil {
		return nil
	}
	return blockingHTTP(func(req *Request, resp *Response) Status {
		return newHTTPExchange(req, resp).serve(h)
	})
}

// httpExchange is one request as net/http code gets it. None of it is used again, as a goroutine of
// that code may keep it for as long as it lives; and none of it touches Request or Response after
// the handler's end.
type httpExchange struct {
	req  *Request
	resp *Response
	w    *httpWriter
	body *httpBody // nil: the request has none
	pass *passage  // nil: not of FromHTTPMiddleware

	apart *apart // nil: the client wants no other protocol
}

func newHTTPExchange(req *Request, resp *Response) *httpExchange {
	x := &httpExchange{req: req, resp: resp, w: newHTTPWriter(req, resp)}
	if req.body.length != 0 {
		x.body = &httpBody{by: req.by, on: req.on, req: req, begun: req.body.begun}
		x.w.body = x.body
	}
	return x
}

// serve runs h and ends the answer.
func (x *httpExchange) serve(h http.Handler) (st Status) {
	r, err := x.request()
	if err != nil {
		return x.resp.Fail(err)
	}
	defer func() { // however h has ended
		v := recover()
		x.end(r)
		switch {
		case v != nil:
			st = x.failed(v)
		case x.pass != nil:
			x.pass.conclude(x.resp, st)
		}
	}()
	x.call(h, r)
	if x.pass != nil && x.pass.isCut() {
		panic(http.ErrAbortHandler)
	}
	return x.w.finish()
}

// failed answers a panic of the handler, or of what it serves.
func (x *httpExchange) failed(v any) Status {
	if v != http.ErrAbortHandler {
		panic(newPanicError(v)) // with the stack that it has here
	}
	st := x.resp.failPanic(v)
	if x.pass != nil {
		x.pass.explain(x.resp)
	}
	return st
}

// end takes the request away from whoever still has it.
func (x *httpExchange) end(r *http.Request) {
	x.w.end()
	if x.body != nil {
		x.body.end()
	}
	if x.pass != nil {
		x.pass.end(x.req, x.resp)
	}
	if x.apart == nil { // else h may still be at work
		removeForm(r, x.w.log)
	}
}

// asHTTPServer is the http.Server that net/http code finds in its context.
type asHTTPServer struct {
	once   sync.Once
	server *http.Server
}

// httpServer makes the server on first use.
func (c *core) httpServer() *http.Server {
	c.http.once.Do(func() { c.http.server = newHTTPServer(c) })
	return c.http.server
}

// localAddr is the address that the request came to; a unix socket has no useful name.
func (r *Request) localAddr() net.Addr {
	var ap netip.AddrPort
	_ = r.outside(func() error { ap = r.peer.Local(); return nil })
	if ap.IsValid() {
		return net.TCPAddrFromAddrPort(ap)
	}
	return &net.UnixAddr{Net: "unix"}
}
