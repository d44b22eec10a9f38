//go:build lwandebug

package lwan

import "fmt"

// With the build tag lwandebug a Request and its Response are not used again. The first call on one
// that was kept panics with the name of the route. Buffers are used again, but overwritten first: a
// kept slice of a method whose name ends in Bytes reads as remains.Text. Those of a Blocking
// handler on a loop are never used again, in any build: what waits says ErrOver.

// epitaph is what a Request or Response that is over knows of itself.
type epitaph struct {
	over  bool
	route string
}

// mustLive panics if the handler that r was made for has returned.
func (r *Request) mustLive() {
	if r.was.over {
		panic(fmt.Sprintf("lwan: a Request of %q was used after its handler's end", r.was.route))
	}
}

// mustLive panics if the handler that r was made for has returned.
func (r *Response) mustLive() {
	if r.was.over {
		panic(fmt.Sprintf("lwan: a Response of %q was used after its handler's end", r.was.route))
	}
}

// remember notes whose the Request was.
func (r *Request) remember() {
	r.was = epitaph{over: true, route: r.method + " " + r.path}
	if r.route != nil {
		r.was.route = r.route.pattern
	}
}

// remember returns whose the Response was.
func (r *Response) remember() epitaph {
	if r.req == nil {
		return r.was
	}
	return r.req.was
}

// own is the Request and the Response of an exchange for one request.
type own struct {
	req  *Request
	resp *Response
}

// useOwn makes the exchange's own ones those of the request under way.
func (x *exchange) useOwn() { x.req, x.resp = x.own.req, x.own.resp }

// ownsRequest reports whether they are, and not those of a Blocking handler.
func (x *exchange) ownsRequest() bool { return x.req == x.own.req }

// unlike makes Request and Response others than those of the last request.
func (x *exchange) unlike() {
	home := x.home()
	x.own = own{&Request{home: home}, &Response{home: home}}
	x.useOwn()
}
