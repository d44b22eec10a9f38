//go:build linux && !golwan_nethttp && !lwandebug

package lwan

// own is the Request and the Response of a worker, into which every request of its connections is read.
type own struct {
	req  Request
	resp Response
}

// useOwn makes the worker's own ones those of the request under way.
func (h *h1) useOwn() { h.req, h.resp = &h.own.req, &h.own.resp }

// ownsRequest reports whether they are, and not those of a Blocking handler.
func (h *h1) ownsRequest() bool { return h.req == &h.own.req }

func (h *h1) poisonHead() {}

// unlike makes Request and Response others than those of the last request; see reuse_debug.go.
func (h *h1) unlike() {
	if h.req == nil {
		h.useOwn()
		h.req.home, h.resp.home = h, h
	}
}
