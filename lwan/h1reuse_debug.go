//go:build linux && !golwan_nethttp && lwandebug

package lwan

type (
	ownRequest  = *Request
	ownResponse = *Response
)

func (h *h1) request() *Request { return h.req }

func (h *h1) response() *Response { return h.resp }

// poisonHead is for the buffer of a request that is over. Where nothing was parsed, or the connection is out of step, it is
// not known where the head was.
func (h *h1) poisonHead() {
	if !h.broken && h.base <= len(h.in) {
		poison(h.in[h.head:h.base])
	}
}

// unlike makes Request and Response others than those of the last request, but for the head, which has been parsed.
func (h *h1) unlike() {
	last := h.req
	h.req, h.resp = new(Request), new(Response)
	if last != nil {
		h.req.head = last.head
		last.head.Fields = nil
	}
}
