//go:build linux && !golwan_nethttp && lwandebug

package lwan

// own is the Request and the Response of a worker for one request.
type own struct {
	req  *Request
	resp *Response
}

// useOwn makes the worker's own ones those of the request under way.
func (h *h1) useOwn() { h.req, h.resp = h.own.req, h.own.resp }

// ownsRequest reports whether they are, and not those of a Blocking handler.
func (h *h1) ownsRequest() bool { return h.req == h.own.req }

// poisonHead is for the buffer of a request that is over. Where nothing was parsed, or the connection is out of step, it is
// not known where the head was.
func (h *h1) poisonHead() {
	if !h.broken && h.base <= len(h.in) {
		poison(h.in[h.head:h.base])
	}
}

// unlike makes Request and Response others than those of the last request, but for the head, which has been parsed.
func (h *h1) unlike() {
	last := h.own.req
	h.own = own{&Request{home: h}, &Response{home: h}}
	h.useOwn()
	if last != nil {
		h.req.head = last.head
		last.head.Fields = nil
	}
}
