//go:build linux && !golwan_nethttp

package h1

import (
	"bytes"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// server serves one connection after the other in one worker. It is the transport.Stream and the
// transport.Peer of its exchange; all of it is used again for each request.
//
//	in:  | answered | head of this request | its content ... | pipelined requests | free |
//	                head                   base     pos ▶                        end
//	out: answers that are not written yet: several, when requests come pipelined
type server struct {
	p    *Protocol
	x    transport.Exchange
	c    conn.Conn
	t    *loop.Task // of the worker that runs all this
	task *task      // the same, for the exchange

	in       []byte
	pos, end int
	resume   http1.Resume
	kept     *fragment // where the beginning of a request was kept since it first came
	out      []byte

	// of the request under way
	phase   phase
	last    phase // of the request before: its last one
	keep    bool  // the connection goes on after the answer
	frame   frame
	whole   bool // nothing of the program's runs any more: what is held back may wait
	content content
	dated   int   // where the Date field of the head begins in out
	lost    error // of a write: not all that was to be sent could be, and nothing may follow
	head    message.Head
	start   int   // where its head begins in in
	base    int   // and where it ends
	left    int64 // of content with Content-Length
	chunks  http1.Chunked
	trailer []transport.Field
	reader  *loop.Task // reads ahead of a handler on a goroutine; nil: nobody does
	unread  bool       // and is to stop

	addField func(name, value string) bool // appendField, bound once
	date     []byte                        // the Date field line of second dateUnix
	dateUnix int64
}

// fragment is the beginning of a request that waits for the rest.
type fragment struct {
	bytes  []byte
	resume http1.Resume
}

// backlog is pipelined requests that wait for their turn: in[pos:end]. in is a read buffer, or
// smaller.
type backlog struct {
	in       []byte
	pos, end int
}

const (
	readBuffer = 16 << 10
	flushAt    = 64 << 10 // answers that are held back to be written together
	// content up to this is copied behind its head; more is written from where it is
	inlineBody = 16 << 10
	maxKept    = 64 << 10 // a read buffer that has grown beyond is not used again
)

// runBy makes w the worker that runs all this.
func (h *server) runBy(w *loop.Worker) {
	h.t = &w.Task
	h.task = &task{Task: h.t, h: h} // a new one, as goroutines may still hold the old one
}

// serve answers requests until there is nothing left to read.
func (h *server) serve() conn.Verdict {
	h.restore()
	for answered := 0; ; {
		if h.pos < h.end {
			verdict, bad := http1.Parse(h.in[h.pos:h.end], &h.head, &h.p.Limits, &h.resume)
			switch verdict {
			case http1.Done:
				h.resume, h.kept = http1.Resume{}, nil
				if h.answer(); !h.keep {
					return h.hangUp()
				}
				if answered++; answered >= h.p.Pipelined {
					return h.yield()
				}
				continue
			case http1.Bad:
				h.refuse(bad.Status, bad.Reason)
				return h.hangUp()
			}
		}
		if h.Flush() != nil {
			return h.drop()
		}
		if verdict, more := h.fill(); !more {
			return verdict
		}
	}
}

// restore takes up what was kept of an incomplete request, or the requests that have waited for
// their turn.
func (h *server) restore() {
	h.pos, h.end, h.resume, h.kept = 0, 0, http1.Resume{}, nil
	kept := h.c.Kept()
	if b, ok := kept.(*backlog); ok && len(b.in) >= readBuffer {
		h.p.giveBuffer(h.in)
		h.in, h.pos, h.end = b.in, b.pos, b.end
		return
	}
	if len(h.in) < readBuffer {
		h.in = h.p.takeBuffer()
	}
	switch k := kept.(type) {
	case *backlog:
		h.end = copy(h.in, k.in[k.pos:k.end])
	case *fragment:
		if len(k.bytes) >= len(h.in) {
			h.in = make([]byte, 2*len(k.bytes))
		}
		h.kept, h.resume = k, k.resume
		h.end = copy(h.in, k.bytes)
	}
}

// fill reads what has come. It reports false, and how the connection goes on, when there is
// nothing.
func (h *server) fill() (conn.Verdict, bool) {
	h.makeRoom()
	n, err := h.c.TryRead(h.in[h.end:])
	switch {
	case err == transport.ErrAgain:
		return h.rest(), false
	case err != nil || n == 0: // a request that was cut short by its client needs no answer
		return h.drop(), false
	}
	h.end += n
	return 0, true
}

// makeRoom frees space behind end. The parser's limits bound how large the buffer can get.
func (h *server) makeRoom() {
	switch {
	case h.pos == h.end:
		h.pos, h.end = 0, 0
		if len(h.in) > maxKept || len(h.in) < readBuffer {
			h.in = h.p.takeBuffer()
		}
	case h.end < len(h.in):
	case h.pos > 0:
		h.end = copy(h.in, h.in[h.pos:h.end])
		h.pos = 0
	default:
		h.grow()
	}
}

// grow moves what was read to a larger buffer. The old one lives on as long as a request points
// into it.
func (h *server) grow() {
	var grown []byte
	if len(h.in) < readBuffer { // the worker has given its buffer back while it waited
		grown = h.p.takeBuffer()
	} else {
		grown = make([]byte, 2*len(h.in))
	}
	copy(grown, h.in[:h.end])
	h.in = grown
}

// rest waits for more and keeps as little as possible: nothing between two requests, the bytes of
// an incomplete one.
func (h *server) rest() conn.Verdict {
	if h.pos == h.end {
		h.c.Expire(h.p.Idle)
		return conn.Idle
	}
	if h.kept == nil {
		h.kept = new(fragment)
		h.c.Expire(h.p.Header) // for the whole head: what comes later does not move it
	}
	h.kept.bytes = append(h.kept.bytes[:0], h.in[h.pos:h.end]...)
	h.kept.resume = h.resume
	h.c.Keep(h.kept)
	return conn.Idle
}

// yield lets others have a turn before the pipelined requests that are left. They stay where they
// are, unless that would keep a large buffer for little; and the time of the connection does not
// run out while it is the others' turn.
func (h *server) yield() conn.Verdict {
	if h.Flush() != nil {
		return h.drop()
	}
	if h.pos == h.end { // what comes next may be there, but was not read
		return h.rest()
	}
	h.c.Expire(0)
	if left := h.in[h.pos:h.end]; len(left) < readBuffer/4 {
		h.c.Keep(&backlog{in: bytes.Clone(left), end: len(left)})
	} else {
		h.c.Keep(&backlog{h.in, h.pos, h.end})
		h.in, h.pos, h.end = nil, 0, 0
	}
	return conn.Again
}
