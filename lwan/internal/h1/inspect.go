//go:build linux && !golwan_nethttp

package h1

// Inspected is what tests may see of a transport.Stream of this package. It is for code on the
// loop.
type Inspected interface {
	Held() int   // bytes of the read buffer that the worker has
	Fd() int     // the connection's descriptor
	Sent() int64 // bytes that the loop has written so far, to all connections
}

var _ Inspected = (*server)(nil)

func (h *server) Held() int   { return len(h.in) }
func (h *server) Fd() int     { return h.c.Fd() }
func (h *server) Sent() int64 { return h.c.Counts().BytesOut }
