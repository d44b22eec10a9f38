//go:build lwandebug

package lwan

import "fmt"

// With the build tag lwandebug a Request and its Response are not used again. Whoever has kept one finds out at the first
// call, which panics with the name of the route. Buffers are used again, but overwritten first: a kept slice of a method
// whose name ends in Bytes reads as remains. Those of a Blocking handler on a loop are never used again, in any build: what
// waits says ErrOver.

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

// remains is what is left of bytes that nobody may look at any more.
const remains = "lwan: these bytes were valid until the handler returned. "

// poison makes bytes unmistakable that nobody may look at any more.
func poison(b []byte) {
	for n := 0; n < len(b); {
		n += copy(b[n:], remains)
	}
}
