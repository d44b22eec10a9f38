//go:build linux && !golwan_nethttp

package h1

import (
	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// answer answers the request whose head was just parsed.
func (h *server) answer() {
	buf := h.in[h.pos:h.end]
	h.start, h.base = h.pos, h.pos+h.head.Size
	h.pos, h.trailer = h.base, h.trailer[:0]
	h.left = max(h.head.ContentLength, 0)
	h.keep, h.content = h.head.KeepAlive, coming
	switch {
	case h.head.Chunked:
		h.chunks = h.p.Chunks
	case h.left == 0:
		h.content = read
	}
	if h.head.Expect100 && h.content == coming {
		h.content = awaited
	}
	if most := h.p.Requests; most > 0 {
		n := h.c.Count() + 1
		h.c.SetCount(n)
		h.keep = h.keep && n < most
	}
	h.begin(buf)
	h.x.Run()
	h.settle()
}

// begin begins the exchange of the request.
func (h *server) begin(buf []byte) {
	h.phase, h.frame, h.lost = held, noContent, nil
	h.x.Begin(h, h.task, &h.head, buf)
	h.t.Begin(h.x)
}

// refuse answers an invalid request. The connection is closed behind it: nobody knows where the
// next one begins.
func (h *server) refuse(status int, reason string) {
	h.keep, h.content = false, broken
	h.start, h.base = h.pos, h.pos
	h.head = message.Head{Fields: h.head.Fields[:0], ContentLength: -1}
	h.begin(nil)
	h.x.Refuse(status, reason)
	h.settle()
}

// expire answers an incomplete request with 408, and a silent connection not at all.
func (h *server) expire() conn.Verdict {
	f, _ := h.c.Kept().(*fragment)
	if f == nil {
		return conn.Close
	}
	h.pos, h.end, h.resume, h.kept = 0, 0, http1.Resume{}, nil
	h.refuse(408, "the request did not arrive in time")
	return h.hangUp()
}

// settle ends the request, and leaves the connection as the next one is to find it.
func (h *server) settle() {
	h.x.End()
	h.readAgain() // nobody reads ahead of the next handler yet, whose connection it may not be
	h.last, h.phase = h.phase, idle
	if h.last == handed {
		h.out = h.out[:0]
		return
	}
	h.poisonHead()
	h.start = h.base // nobody needs the head any more
	h.renew()
	if h.keep && h.content != read {
		h.discardContent()
	}
	if len(h.out) >= flushAt {
		_ = h.Flush() // an error ends the connection: losing notes it
	}
}

// renew takes back what has ended this request only. A client that has closed its side is answered
// what it has sent before, as long as that need not wait.
func (h *server) renew() {
	switch h.t.Cause() {
	case nil, transport.ErrGone:
	case transport.ErrTimeout: // this request's time
	default:
		h.keep = false
	}
	if h.t.Dead() != nil {
		h.keep = false
	}
	h.t.End()
}

// died concludes a request whose handler ended by Goexit, on purpose (a dead request was unwound)
// or not, or in which a panic of our own got through. w is another worker than that which is dead.
func (h *server) died(w *loop.Worker, value any, stack []byte) conn.Verdict {
	if h.phase == idle {
		h.p.Log.Error("lwan: panic outside of a handler", "panic", value, "stack", string(stack))
		return conn.Close
	}
	h.keep, h.reader = false, nil
	h.runBy(w)
	h.t.Begin(h.x)
	h.x.Died(h.task, value, stack)
	h.last = h.phase
	verdict := h.sever()
	h.x.End()
	h.t.End()
	h.phase = idle
	return verdict
}
