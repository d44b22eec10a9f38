//go:build linux && !golwan_nethttp

package h1

import "github.com/golwan/golwan/lwan/internal/remains"

// poisonHead is for the buffer of a request that is over. Where nothing was parsed, or the
// connection is out of step, it is not known where the head was.
func (h *server) poisonHead() {
	if h.content != broken && h.base <= len(h.in) {
		remains.Of(h.in[h.start:h.base])
	}
}
