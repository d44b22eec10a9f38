//go:build !lwandebug

package lwan

// Only the build tag lwandebug finds uses of a request that is over: see stale_debug.go. Without it
// these checks cost nothing.

// epitaph is what a Request or Response that is over knows of itself.
type epitaph = struct{}

func (r *Request) mustLive()          {}
func (r *Response) mustLive()         {}
func (r *Request) remember()          { r.was = epitaph{} }
func (r *Response) remember() epitaph { return epitaph{} }

// own is the Request and the Response of an exchange, into which each of its requests is read.
type own struct {
	req  Request
	resp Response
}

// useOwn makes the exchange's own ones those of the request under way.
func (x *exchange) useOwn() { x.req, x.resp = &x.own.req, &x.own.resp }

// ownsRequest reports whether they are, and not those of a Blocking handler.
func (x *exchange) ownsRequest() bool { return x.req == &x.own.req }

// unlike makes Request and Response others than those of the last request; see stale_debug.go.
func (x *exchange) unlike() {
	if x.req == nil {
		x.useOwn()
		x.req.home, x.resp.home = x.home(), x.home()
	}
}
