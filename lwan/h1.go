//go:build linux && !golwan_nethttp

package lwan

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// h1 speaks HTTP/1 in one worker: it reads, parses, runs the chain and writes. It is the carrier of its Request and
// Response, which are used again for each request.
//
//	in:  | answered | head of this request | its body ... | pipelined requests | free |
//	                pos at parse           ^ pos after it                     end
//	out: answers that are not written yet: several, when requests come pipelined
type h1 struct {
	core *core
	eng  *loopEngine
	w    *loop.Worker
	c    conn.Conn
	lane int
	req  *Request // own ones, or those of a Blocking handler that has returned
	resp *Response
	own  own

	aside  *aside       // the Blocking handler that runs beside the loop, or nil
	reader *loop.Worker // reads the body for it, or nil

	in       []byte
	pos, end int
	resume   http1.Resume
	held     *fragment // where the beginning of a request was kept since it first came
	out      []byte

	// of the request under way
	seq     uint64 // tells it from the others: for cancellers that come late
	active  bool
	head    int // where it begins in in
	base    int // and where its head ends
	start   int64
	left    int64 // of a body with Content-Length
	chunks  http1.Chunked
	bodyEnd bool        // the body was read to its end
	broken  bool        // or cannot be: the connection is not in step any more
	go100   bool        // the client waits for 100 (Continue)
	ahead   []byte      // of the body: read for a Blocking handler that has left it
	keep    bool        // the connection goes on after the answer
	cutoff  bool        // the answer was given up
	lost    error       // of a write: not all that was to be sent could be, and nothing may follow
	chunked bool        // the answer's stream is chunked
	toEnd   bool        // or ends with the connection
	away    bool        // the connection is driven by somebody else: Hijack
	noBody  bool        // the answer's stream has no content: HEAD, 204, 304
	guest   *topicGuest // the subscription that the connection is left to, or nil

	date     []byte // the Date field line of second dateUnix
	dateUnix int64
}

// fragment is the beginning of a request that waits for the rest.
type fragment struct {
	bytes  []byte
	resume http1.Resume
}

// backlog is pipelined requests that wait for their turn: in[pos:end]. in is a read buffer, or smaller.
type backlog struct {
	in       []byte
	pos, end int
}

const (
	readBuffer = 16 << 10
	flushAt    = 64 << 10 // answers that are held back to be written together
	inlineBody = 16 << 10 // a body up to this is copied behind its head; a larger one is written from where it is
)

// serve answers requests until there is nothing left to read.
func (h *h1) serve(c conn.Conn) conn.Verdict {
	h.c, h.lane = c, c.Lane()
	h.restore()
	for answered := 0; ; {
		if h.pos < h.end {
			switch verdict, bad := http1.Parse(h.in[h.pos:h.end], &h.req.head, &h.core.head, &h.resume); verdict {
			case http1.Done:
				h.resume, h.held = http1.Resume{}, nil
				if h.exchange(); !h.keep {
					return h.hangUp()
				}
				if answered++; answered >= h.eng.pipelined && h.pos < h.end {
					return h.yield()
				}
				continue
			case http1.Bad:
				h.refuse(Status(bad.Status), bad.Reason)
				return h.hangUp()
			}
		}
		if h.flush() != nil {
			return h.drop()
		}
		if verdict, more := h.fill(); !more {
			return verdict
		}
	}
}

// restore takes up what was kept of an incomplete request, or the requests that have waited for their turn.
func (h *h1) restore() {
	h.pos, h.end, h.resume, h.held = 0, 0, http1.Resume{}, nil
	kept := h.c.Kept()
	if b, ok := kept.(*backlog); ok && len(b.in) >= readBuffer {
		h.eng.giveBuffer(h.in)
		h.in, h.pos, h.end = b.in, b.pos, b.end
		return
	}
	if len(h.in) < readBuffer {
		h.in = h.eng.takeBuffer()
	}
	switch k := kept.(type) {
	case *backlog:
		h.end = copy(h.in, k.in[k.pos:k.end])
	case *fragment:
		if len(k.bytes) >= len(h.in) {
			h.in = make([]byte, 2*len(k.bytes))
		}
		h.held, h.resume = k, k.resume
		h.end = copy(h.in, k.bytes)
	}
}

// fill reads what has come. It reports false, and what is to become of the connection, when there is nothing.
func (h *h1) fill() (conn.Verdict, bool) {
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
func (h *h1) makeRoom() {
	switch {
	case h.pos == h.end:
		h.pos, h.end = 0, 0
		if len(h.in) > maxKept || len(h.in) < readBuffer {
			h.in = h.eng.takeBuffer()
		}
	case h.end < len(h.in):
	case h.pos > 0:
		h.end = copy(h.in, h.in[h.pos:h.end])
		h.pos = 0
	default:
		h.grow()
	}
}

// grow moves what was read to a larger buffer. The old one lives on as long as a request points into it.
func (h *h1) grow() {
	var grown []byte
	if len(h.in) < readBuffer { // the worker has given its buffer back while it waited
		grown = h.eng.takeBuffer()
	} else {
		grown = make([]byte, 2*len(h.in))
	}
	copy(grown, h.in[:h.end])
	h.in = grown
}

// rest waits for more with as little as possible: nothing between two requests, the bytes of an incomplete one.
func (h *h1) rest() conn.Verdict {
	if h.pos == h.end {
		h.c.Expire(h.eng.idle)
		return conn.Idle
	}
	if h.held == nil {
		h.held = new(fragment)
		h.c.Expire(h.eng.header) // for the whole head: what comes later does not move it
	}
	h.held.bytes = append(h.held.bytes[:0], h.in[h.pos:h.end]...)
	h.held.resume = h.resume
	h.c.Keep(h.held)
	return conn.Idle
}

// yield lets others have a turn before the pipelined requests that are left. They stay where they are, unless that would
// keep a large buffer for little; and the time of the connection does not run out while it is the others' turn.
func (h *h1) yield() conn.Verdict {
	if h.flush() != nil {
		return h.drop()
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

// hangUp closes the connection behind its last answer. If the client may still be sending, that must not destroy what it
// has not read yet; only one that asked for the end is known not to.
func (h *h1) hangUp() conn.Verdict {
	if h.guest != nil {
		return h.handOver()
	}
	if h.cutoff || h.flush() != nil {
		return h.sever()
	}
	if asked := !h.req.head.KeepAlive; asked && h.bodyEnd && !h.broken && h.pos == h.end {
		return conn.Close
	}
	return conn.Linger
}

// sever ends the connection behind an answer that was given up. What is held back of it, and of answers before it, is
// written as far as the kernel takes it at once; and the client, which may still be sending, can read that. Only where the
// end of the connection is that of the answer, so that it would look complete, it is reset.
func (h *h1) sever() conn.Verdict {
	if len(h.out) > 0 && h.lost == nil {
		_, _ = h.c.TryWrite(h.out)
	}
	h.out = h.out[:0]
	switch {
	case h.away:
		return conn.Close
	case h.toEnd:
		// The error has no other meaning than that the peer is gone already.
		_ = unix.SetsockoptLinger(h.c.Fd(), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		return conn.Close
	}
	return conn.Linger
}

// drop closes the connection at once.
func (h *h1) drop() conn.Verdict {
	h.out = h.out[:0]
	return conn.Close
}

// exchange answers the request whose head was just parsed.
func (h *h1) exchange() {
	size := h.req.head.Size
	buf := h.in[h.pos:h.end]
	h.pos += size
	h.begin(buf)
	t := h.req.table
	next := t.find(h.req, h.resp)
	if h.req.apart {
		h.lend(next)
	} else {
		t.answerBy(next, h.req, h.resp)
	}
	h.settle()
}

// begin prepares everything for the request whose head is in buf.
func (h *h1) begin(buf []byte) {
	h.seq++
	h.active = true
	h.unlike()
	h.head, h.base, h.start = h.pos-h.req.head.Size, h.pos, h.c.Loop().Now()
	head := &h.req.head
	h.left = max(head.ContentLength, 0)
	h.bodyEnd = h.left == 0 && !head.Chunked
	if head.Chunked {
		h.chunks = h.core.chunks
	}
	h.broken, h.cutoff, h.chunked, h.toEnd, h.away, h.lost = false, false, false, false, false, nil
	h.go100 = head.Expect100 && !h.bodyEnd
	h.keep = head.KeepAlive
	if most := h.eng.requests; most > 0 {
		n := h.c.Count() + 1
		h.c.SetCount(n)
		h.keep = h.keep && n < most
	}
	h.req.begin(h, h.eng.tables[h.lane], buf)
	h.resp.begin(h.req)
	h.w.Begin(h)
}

// settle ends the request: the observers, what Defer was given, the rest of its body.
func (h *h1) settle() {
	switch {
	case h.guest != nil:
		h.guest.account(h) // for its end
	case h.active: // else it has died in Defer
		h.account()
	}
	h.active = false
	if len(h.req.defers) > 0 {
		h.flush() // they run after the last byte; an error is seen by the next flush
		h.entered(h.req.route)
		h.req.runDefers()
		h.returned()
	}
	if h.ownsRequest() {
		h.req.end()
		h.resp.end()
	} else { // they are never used again, and nothing of them is
		h.req.retire()
		h.useOwn()
		h.req.end()
		h.resp.end()
	}
	h.ahead = nil
	h.poisonHead()
	h.renew()
	if !h.bodyEnd && h.keep {
		h.drainBody()
	}
	if len(h.out) >= flushAt && h.flush() != nil {
		h.keep, h.cutoff = false, true
	}
}

// renew leaves the connection as the next request is to find it.
func (h *h1) renew() {
	switch h.w.Cause() {
	case nil:
	case ErrGone: // it has closed its side only: what it has sent before is answered as long as that need not wait
	case ErrTimeout: // this request's time
	default:
		h.keep = false
	}
	h.w.End()
}

// account counts the request and tells the observers.
func (h *h1) account() {
	if h.req.told == 0 {
		n := h.c.Loop().Counts()
		n[countRequests]++
		n[statusClass(h.resp.status)]++
	}
	if h.core.observers == nil {
		return
	}
	h.entered(h.req.route)
	h.core.observe(h.req, h.resp, h.elapsed())
	h.returned()
}

// The protocol's own counts of a loop.
const (
	countRequests = 6 // 0 to 5: by class of the status, see statusClass
)

// refuse answers what is no valid request. The connection is closed behind it: nobody knows where the next one begins.
func (h *h1) refuse(st Status, reason string) {
	h.seq++
	h.active = true
	h.unlike()
	h.start = h.c.Loop().Now()
	h.bodyEnd, h.broken, h.keep, h.go100 = false, true, false, false
	h.cutoff, h.toEnd, h.away, h.lost = false, false, false, nil
	h.req.head = message.Head{Fields: h.req.head.Fields[:0], ContentLength: -1}
	h.req.begin(h, h.eng.tables[h.lane], nil)
	h.req.method = ""
	h.resp.begin(h.req)
	h.resp.message = reason
	h.w.Begin(h)
	h.entered(nil)
	h.req.table.conclude(h.req, h.resp, st)
	h.returned()
	h.settle()
}

// expire ends a connection whose time is up: an incomplete request gets 408, a silent connection nothing.
func (h *h1) expire(c conn.Conn) conn.Verdict {
	f, _ := c.Kept().(*fragment)
	if f == nil {
		return conn.Close
	}
	h.c, h.lane = c, c.Lane()
	h.pos, h.end, h.resume, h.held = 0, 0, http1.Resume{}, nil
	h.refuse(StatusRequestTimeout, "the request did not arrive in time")
	return h.hangUp()
}

// Cancel implements loop.Owner: the client has closed its side, or the connection is killed, so nobody waits for what
// the handler waits for; or its time is up.
func (h *h1) Cancel(cause error) {
	if h.active { // else its answer has left, and the Request is the next one's
		h.cancel(h.errorOf(cause))
	}
}

// Drain implements loop.Owner: streams without an end are ended.
func (h *h1) Drain() (ends bool) {
	ends = h.req.drainable.Load() || h.aside != nil && h.aside.req.drainable.Load()
	if ends {
		h.cancel(ErrStopping)
	}
	return ends
}

// cancel ends what the request waits for, on the loop or beside it.
func (h *h1) cancel(cause error) {
	h.req.cancel(cause)
	if h.aside != nil {
		h.aside.cancel(cause)
	}
}

// died concludes, in worker w, what the handler left that ended by Goexit, on purpose (a dead request was unwound) or
// not; or a panic of our own got through. Its own worker's stack is gone.
func (h *h1) died(w *loop.Worker, value any, stack []byte) conn.Verdict {
	h.w = w
	if h.active {
		w.Begin(h)
	}
	if g := h.guest; g != nil { // it died after its subscription had begun, as in Request.Defer
		h.guest = nil
		g.tell(ErrDropped)
	}
	if h.req.state.Load() == stateOver {
		h.core.log.Error("lwan: panic outside of a handler", "panic", value, "stack", string(stack))
		return conn.Close
	}
	h.keep = false
	if h.aside != nil { // nobody waits for its goroutine any more
		h.aside.desert()
		h.aside = nil
	}
	h.entered(h.req.route)
	err := h.req.endOf()
	if value != nil {
		err = &PanicError{Value: value, Stack: stack}
	}
	h.req.table.abandon(h.req, h.resp, err)
	h.returned()
	verdict := h.sever()
	h.bodyEnd = true
	h.settle()
	return verdict
}
