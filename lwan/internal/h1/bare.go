//go:build linux && !golwan_nethttp

package h1

import (
	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// serveBare runs the exchange of a connection that carries no requests: the program's function has
// it until it returns, or leaves it to a session. The worker, its task and its exchange are those
// that serve HTTP otherwise, and what becomes of the connection is found out in the same way.
func (h *server) serveBare() conn.Verdict {
	h.pos, h.end, h.start, h.base = 0, 0, 0, 0
	h.resume, h.kept = http1.Resume{}, nil
	h.keep, h.content, h.left, h.trailer = false, read, 0, h.trailer[:0]
	h.head = message.Head{Fields: h.head.Fields[:0]}
	h.begin(nil)
	h.phase = bare
	h.x.Run()
	h.settle()
	return h.hangUp()
}

// Conn is the connection, for the exchange of a bare one.
func (h *server) Conn() conn.Conn { return h.c }

// takeBare is Take of a bare connection: nothing is sent before.
func (h *server) takeBare() (transport.Pipe, transport.Form, []byte, error) {
	if h.t.Dead() != nil || !h.c.Open() {
		return nil, 0, nil, transport.ErrGone
	}
	h.phase = handed
	h.c.Expire(0)
	return h.c.Pipe(), 0, nil, nil
}
