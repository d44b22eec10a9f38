//go:build linux && !golwan_nethttp && !lwandebug

package lwan

type (
	ownRequest  = Request
	ownResponse = Response
)

// request is the one that every request of the worker's connections is read into.
func (h *h1) request() *Request { return &h.req }

func (h *h1) response() *Response { return &h.resp }

func (h *h1) poisonHead() {}

// unlike makes Request and Response others than those of the last request; see reuse_debug.go.
func (h *h1) unlike() {}
