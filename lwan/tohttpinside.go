package lwan

import "github.com/golwan/golwan/lwan/internal/nethttp"

// insideCall is the call of a handler inside of FromHTTPMiddleware: it implements nethttp.Outer.
// What the two requests have of each other is between their exchanges, so it is here.
type insideCall struct {
	pass *passage
	x    *exchange
	call *nethttp.Call
}

var _ nethttp.Outer = (*insideCall)(nil)

// Keep implements nethttp.Outer: observers are told of the request outside.
func (i *insideCall) Keep(cut bool) bool {
	if i.pass.leave(i) {
		if cut {
			i.pass.abort()
		}
		return true
	}
	if resp := i.x.resp; resp.failure != nil { // nobody else will say it
		i.x.req.table.logFailure(i.x.req, resp.failure, resp.failed)
	}
	return false
}

// Abandon implements nethttp.Outer.
func (i *insideCall) Abandon() { i.pass.abandon() }

// WritesAsOutside implements nethttp.Outer.
func (i *insideCall) WritesAsOutside() bool {
	return i.x.req.limits.Write == i.pass.limits.Write && i.x.req.writeBy.IsZero()
}

// ReadsAsOutside implements nethttp.Outer.
func (i *insideCall) ReadsAsOutside() bool {
	return i.x.req.limits.Read == i.pass.limits.Read && i.x.req.readBy.IsZero()
}
