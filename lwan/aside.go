package lwan

import (
	"slices"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// aside is a Blocking handler beside its loop: the goroutine that runs it, and all that it shares
// with the worker that is parked for it. The goroutine has no socket. It has a Request and a
// Response that were made for it and are never used again, whose Stream and Task is the aside
// (asidestream.go, asidetask.go). It exchanges bytes with the worker (asideworker.go) through two
// bounded buffers, under a mutex that is held for copying only:
//
//	goroutine                                       worker
//	Write ──copies──▶ out ──────────────takes──▶ Stream.Write of the exchange
//	Read  ◀──copies── in  ◀──hands over── a second worker reads ahead, from the first Read on
//	head, hints, end of a stream, Raw ─────────▶ does it
//
// Most handlers ask for nothing: their body came along with the head, and their answer is held back
// until they return. All of it stands on the contract of package transport: it is the same for
// every protocol.
//
// Goroutines that go on after the handler's end find everything over: see term, and over below.
// Nobody waits for them.
type aside struct {
	// constant while the goroutine runs
	core   *process
	host   *exchange      // the worker's, and touched by it only
	worker transport.Task // which is parked
	serial uint64         // of the request, in its counting
	method string
	minor  uint8
	peer   peerCopy

	// the handler's
	req     Request
	resp    Response
	term    term
	next    Handler // of the whole chain; or
	chain   func()  // what else the goroutine runs
	ownHead message.Head
	room    [184]byte // for its bytes

	// the goroutine's; the worker reads them when ended
	dead     bool // the handler ended by Goexit, or its conclusion by a panic
	torn     bool // somebody was inside of the Response at the end: nothing of it may be looked at
	exited   bool // chain ended by Goexit
	panicked any  // or by this panic

	readDone bool // the second worker has gone; the loop's
	asked    bool // the client has been told to send the body, or sends it unasked; the loop's
	early    bool // the body was not there when the handler was started, and is not yet; the loop's

	mu   sync.Mutex
	news sync.Cond // of mu: something below has changed

	// guarded by mu
	over   bool // the handler has returned
	failed error
	cause  error
	done   chan struct{} // closed by cause and over, once somebody has asked for it
	wake   func()        // wakes the worker, which waits for something to do; nil: it does not

	in       []byte // of the body, from inPos on
	inPos    int
	inErr    error  // what comes after it
	wanted   bool   // the handler has asked for more than came along
	halfRead bool   // and its time was up: the connection ends with the answer, as on a loop
	reading  bool   // the second worker reads
	wakeRead func() // wakes it, which waits until in is empty; nil: it does not
	trailers []transport.Field
	readBy   time.Time

	out      []byte
	spare    []byte // an array that out may use
	flushing bool
	limits   Limits
	writeBy  time.Time
	interims []*heldHead
	head     *heldHead // to be sent
	dropped  bool      // the stream has no content; the goroutine's
	ending   bool      // it has ended properly
	tail     []transport.Field
	cutting  bool
	whole    *transport.Answer // a held answer is complete: it, and
	content  []byte            // its content, which stays as it is
	op       func()            // what the worker is to do for Raw and the like
	conn     *asideConn
	ended    bool // the goroutine has nothing more to say
	deserted bool // the worker has died
}

// heldHead is a head that waits for the worker.
type heldHead struct {
	answer transport.Answer
	fields []transport.Field
}

// holdHead copies a head: whose it is may change it at once.
func holdHead(a *transport.Answer) *heldHead {
	h := &heldHead{answer: *a}
	a.Fields(func(name, value string) bool {
		h.fields = append(h.fields, transport.Field{Name: name, Value: value})
		return true
	})
	h.answer.Fields = h.each
	return h
}

func (h *heldHead) each(yield func(name, value string) bool) {
	for _, f := range h.fields {
		if !yield(f.Name, f.Value) {
			return
		}
	}
}

// asideBuffer bounds the bytes that a handler has written and its worker has not taken yet, and
// those of a body that were read ahead. Each side may hold as much again. The buffers are lent by
// collectors, and given back at the end: only the worker has them without holding the mutex.
const asideBuffer = maxKept

// newAside makes the Request and the Response of a Blocking handler out of the worker's. Nothing in
// them is the worker's: neither the bytes of the head, nor any array that the next request is read
// into.
func (x *exchange) newAside() *aside {
	a := &aside{
		core: x.core, host: x, serial: x.serial, worker: x.on, method: x.req.method,
		minor: x.req.head.Minor, limits: x.req.limits,
	}
	a.peer.copyFrom(x.by.Peer(), x.req.route != nil && x.req.route.blocking == someHTTP)
	a.peer.asked = a
	a.news.L = &a.mu
	a.req.term, a.resp.term = &a.term, &a.term
	a.req.copyFrom(x.req, &a.ownHead, a.room[:0])
	a.req.x, a.req.by, a.req.on, a.req.beside = x, a, a, a
	a.req.peer = &a.peer
	a.req.resp = &a.resp
	a.resp.copyFrom(x.resp)
	a.resp.req = &a.req
	a.req.armed()
	return a
}

// copyFrom makes r, which is new, the request that from is, in memory of its own.
func (r *Request) copyFrom(from *Request, head *message.Head, room []byte) {
	r.table, r.route, r.result, r.detour = from.table, from.route, from.result, from.detour
	r.missed, r.apart, r.trusted, r.start = from.missed, from.apart, from.trusted, from.start
	r.buf = append(room, from.buf[:min(from.head.Size, len(from.buf))]...)
	r.head = head
	*head = *from.head
	head.Fields = slices.Clone(from.head.Fields)
	r.method, r.limits = from.method, from.limits
	r.state.Store(from.state.Load())
	r.dead.Store(from.dead.Load())
	r.readBy, r.writeBy = from.readBy, from.writeBy
	r.told = from.told
	r.drainable.Store(from.drainable.Load())
	r.params = from.params.Clone()
	if from.plainPath() {
		r.path = alias(r.head.Path.Of(r.buf))
	} else {
		r.pathBuf = []byte(from.path)
		r.path = alias(r.pathBuf)
	}
	r.params.Rebase(r.path)
	r.body = from.body
	r.body.whole, r.body.small = slices.Clone(from.body.whole), nil
	r.body.unshared = true
	if f := from.form.Load(); f != nil && f.parts == nil && f.err == nil && !f.parted {
		f = nil // its text is in the worker's memory: it is decoded again
	} else {
		r.form.Store(f)
	}
	r.ctx.Store(from.ctx.Load())
	r.lost.Store(from.lost.Load())
	r.values = slices.Clone(from.values)
	r.log = from.log
	r.trailers = slices.Clone(from.trailers)
}

// copyFrom makes r, which is new, what from is, in memory of its own.
func (r *Response) copyFrom(from *Response) {
	r.response = from.response
	r.fields, r.trailers = slices.Clone(from.fields), slices.Clone(from.trailers)
	r.body = slices.Clone(from.body)
	r.before, r.filters = slices.Clone(from.before), slices.Clone(from.filters)
	r.unshared = true
}

// run is the goroutine.
func (a *aside) run() {
	defer a.close()
	defer a.explain()
	a.exited = true
	if a.chain != nil {
		a.chain()
	} else {
		a.answer(a.next)
	}
	a.exited = false
}

// explain notes how the chain has ended, if not by itself. It runs as a deferred function.
func (a *aside) explain() {
	if !a.exited {
		return
	}
	if v := recover(); v != nil {
		a.exited = false
		a.panicked = newPanicError(v)
	}
}

// close tells everybody that the handler has returned.
func (a *aside) close() {
	a.req.closeConns()
	a.torn = a.term.ended && !a.term.alone
	a.mu.Lock()
	a.over, a.ended = true, true
	a.signalDone()
	conn := a.conn
	a.news.Broadcast()
	a.ring()
	a.mu.Unlock()
	if conn != nil {
		// it is the handler's while it runs; that the handler has closed it already is no error
		_ = conn.Conn.Close()
	}
}

// answer runs the chain of a route to its end, and concludes the answer as it would be on a loop.
func (a *aside) answer(next Handler) {
	clean := false
	defer func() {
		if !clean {
			a.died(recover())
		}
	}()
	a.req.table.answerBy(next, &a.req, &a.resp)
	clean = true
}

// died concludes the answer of a handler that ended by Goexit, or whose conclusion panicked or
// ended so.
func (a *aside) died(value any) {
	defer a.term.close()
	if !a.resp.endTerm(true) {
		return
	}
	a.dead, a.resp.undone = true, true // as on a loop, where the worker dies
	err := a.req.endOf()
	if value != nil {
		err = newPanicError(value)
	}
	a.req.table.abandon(&a.req, &a.resp, err)
}

// ring wakes the worker; mu is held.
func (a *aside) ring() {
	if wake := a.wake; wake != nil {
		a.wake = nil
		wake()
	}
}

// refusal is why nothing more can be sent; mu is held.
func (a *aside) refusal() error {
	if a.over {
		return ErrOver
	}
	return a.failed
}

// tell lets the worker know of a change.
func (a *aside) tell(change func()) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refusal(); err != nil {
		return err
	}
	change()
	a.limits, a.writeBy = a.req.limits, a.req.writeBy
	a.ring()
	return nil
}

// fail is called by the worker when the connection does not take what is written.
func (a *aside) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		a.failed = err
	}
	a.out = nil
	a.news.Broadcast()
}

// cancel ends what the handler waits for, now and later. It may be called from anywhere.
func (a *aside) cancel(cause error) {
	a.req.cancel(cause)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cause != nil {
		return
	}
	a.cause = cause
	a.signalDone()
	a.news.Broadcast()
	if a.conn != nil && cause != ErrGone { // who has left may have left something to read
		a.conn.expire()
	}
}

// signalDone closes done if somebody has it, and marks it as closed for who asks later; mu is held.
func (a *aside) signalDone() {
	if a.done != nil && !closed(a.done) {
		close(a.done)
	}
}

func closed(ch chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// ends returns a channel that is closed at the end of the request, or of what its handler waits
// for.
func (a *aside) ends() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done == nil {
		a.done = make(chan struct{})
		if a.cause != nil || a.over {
			close(a.done)
		}
	}
	return a.done
}

// why is why ends was closed.
func (a *aside) why() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cause != nil {
		return a.cause
	}
	return ErrOver
}
