//go:build linux && !golwan_nethttp

package lwan

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
)

// The worker's side of a Blocking handler: see aside.

// errTorn is the failure of an answer that a goroutine was writing when its handler returned.
var errTorn = fmt.Errorf("%w, while another goroutine was writing its answer", ErrOver)

// newAside makes the Request and the Response of a Blocking handler out of the worker's. Nothing in them is the worker's:
// neither the bytes of the head, nor any array that the next request is read into.
func (h *h1) newAside() *aside {
	a := &aside{
		core: h.core, loop: h.c.Loop(), host: h, seq: h.seq, start: h.start,
		method: h.req.method, minor: h.req.head.Minor, limits: h.req.limits, addr: h.peer(),
		proxied: h.trusted(),
	}
	a.news.L = &a.mu
	a.req.term, a.resp.term = &a.term, &a.term
	if rt := h.req.route; rt != nil && rt.blocking == someHTTP {
		a.here = h.local()
	}
	a.req.copyFrom(h.req, a.room[:0])
	a.req.car, a.req.resp = a, &a.resp
	a.resp.copyFrom(h.resp)
	a.resp.req = &a.req
	a.req.armed()
	return a
}

// copyFrom makes r, which is new, the request that from is, in memory of its own.
func (r *Request) copyFrom(from *Request, room []byte) {
	r.table, r.route, r.result, r.missed, r.apart = from.table, from.route, from.result, from.missed, from.apart
	r.buf = append(room, from.buf[:min(from.head.Size, len(from.buf))]...)
	r.head = from.head
	r.head.Fields = slices.Clone(from.head.Fields)
	r.method, r.limits = from.method, from.limits
	r.state.Store(from.state.Load())
	r.dead.Store(from.dead.Load())
	r.readBy, r.writeBy = from.readBy, from.writeBy
	r.told = from.told
	r.drainable.Store(from.drainable.Load())
	r.params = from.params.Clone()
	if from.head.PlainPath {
		r.path = alias(r.head.Path.Of(r.buf))
	} else {
		r.pathBuf = []byte(from.path)
		r.path = alias(r.pathBuf)
	}
	r.params.Rebase(r.path)
	r.body = from.body
	r.body.whole = slices.Clone(from.body.whole)
	r.body.unshared = true
	if f := from.form.Load(); f != nil && f.parts == nil && f.err == nil && !f.parted {
		f = nil // its text is in the worker's memory: it is decoded again
	} else {
		r.form.Store(f)
	}
	r.ctx.Store(from.ctx.Load())
	r.lost.Store(from.lost.Load())
	r.values = slices.Clone(from.values)
	r.log, r.tls = from.log, from.tls
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

// lend runs the chain of the request on a goroutine, from its outermost middleware to the conclusion of its answer, and
// sends what comes out of it. From there on Request and Response are those of the goroutine.
func (h *h1) lend(next Handler) {
	h.w.LeaveUser()
	if rt := h.req.route; rt != nil {
		h.req.limits = rt.limits // its middleware sets them again
	}
	a := h.newAside()
	a.next = next
	err := h.attend(a)
	if err == nil && a.torn { // nobody may look at what the goroutine has
		err = errTorn
	}
	if err != nil {
		h.inherit(a)
		h.entered(h.req.route)
		h.req.table.conclude(h.req, h.resp, h.resp.Fail(fmt.Errorf("%s: %w", h.req.where(), err)))
		h.returned()
		return
	}
	h.req, h.resp = &a.req, &a.resp
	if a.dead {
		h.keep = false
	}
	switch {
	case a.cutting:
		h.cut()
	case a.whole != 0:
		h.resp.sticky = nil
		h.finish(h.resp, a.whole)
		a.failed = cmp.Or(a.failed, h.resp.sticky)
		h.resp.stick(ErrOver)
	}
	if a.then != nil {
		a.then()
	}
	if a.failed == nil {
		return
	}
	h.resp.state = answerCut
	if h.resp.failure == nil {
		h.resp.failure, h.resp.failed = a.failed, h.core.srv.statusOf(a.failed)
		h.req.table.report(h.req, h.resp)
	}
}

// blocking implements carrier: for a Blocking handler inside of others that run on the loop.
func (h *h1) blocking(next Handler, req *Request, resp *Response) (st Status) {
	if resp.state != answerHeld {
		return resp.Fail(fmt.Errorf("%s: a Blocking handler was called after the head of its answer: %w", req.where(), ErrHeadSent))
	}
	defer h.w.EnterUser(h.w.LeaveUser())
	a := h.newAside()
	a.chain = func() {
		defer func() {
			if a.torn = !a.term.end(); a.torn {
				a.resp.serveAfter(false)
			}
			a.term.close()
		}()
		st = next(&a.req, &a.resp)
	}
	if err := h.attend(a); err != nil {
		return resp.Fail(fmt.Errorf("%s: %w", req.where(), err))
	}
	if a.torn {
		h.inherit(a)
		return resp.Fail(errTorn)
	}
	h.adopt(a)
	switch {
	case a.panicked != nil:
		panic(a.panicked)
	case a.exited:
		runtime.Goexit()
	}
	return st
}

// inherit gives the worker's Request what ends with the request, whatever has become of its answer.
func (h *h1) inherit(a *aside) {
	from := &a.req
	h.req.defers = append(h.req.defers, from.defers...)
	h.req.values, h.req.log = slices.Clone(from.values), from.log
	h.req.form.Store(from.form.Swap(nil))
	h.req.ctx.Store(from.ctx.Load())
	if a.torn && h.req.body.length != 0 { // nobody knows how much of it was read
		h.req.body.begun, h.req.body.err = true, ErrOver
	}
}

// adopt gives the worker's Request and Response what the handler has made of its own ones.
func (h *h1) adopt(a *aside) {
	h.inherit(a)
	from := &a.req
	h.req.table, h.req.route, h.req.limits = from.table, from.route, from.limits
	h.req.dead.Store(from.dead.Load())
	h.req.readBy, h.req.writeBy = from.readBy, from.writeBy
	h.req.told = from.told
	h.req.body = from.body
	if from.drainable.Load() {
		h.req.drainable.Store(true)
	}
	h.resp.response = a.resp.response
	h.resp.req = h.req
	if h.resp.sink != nil {
		h.resp.sink.r = h.resp
	}
	if h.resp.events != nil {
		h.resp.events.resp = h.resp
	}
	if a.failed != nil {
		h.resp.stick(a.failed)
	}
}

// attend does for the goroutine what only the loop can do, until its handler has returned.
func (h *h1) attend(a *aside) error {
	if err := h.flush(); err != nil { // the client may wait for answers before it
		return err
	}
	h.takeBody(a)
	h.collect(a)
	defer a.notEarly()
	h.aside = a
	h.w.Notice()
	if cause := h.req.cancelled(); cause != nil {
		a.cancel(cause)
	}
	if !h.core.goroutine.run(a.run) {
		h.aside = nil
		h.ahead = a.unread()
		return ErrBusy
	}
	h.req.move(a.req.buf) // a copy of the head: the read buffer is needed no more
	h.head = h.base
	h.giveBack()
	for h.serveAside(a) {
	}
	h.stopReading(a)
	h.ahead = a.unread()
	a.giveAll()
	h.aside = nil
	if a.conn != nil {
		h.c.Look()
	}
	return nil
}

// collect lets the loop wait for the body, so that a client who sends it slowly holds no goroutine: for as much of it as
// Limits.BodyFirst says, and for all that Limits.Body allows while too many handlers run whose bodies have not come.
func (h *h1) collect(a *aside) {
	if h.req.body.length > h.req.limits.Body { // it is not read
		return
	}
	h.collectUpTo(a, h.req.limits.BodyFirst)
	if a.inErr != nil {
		return
	}
	if a.early = h.core.goroutine.startEarly(); a.early {
		return
	}
	h.collectUpTo(a, min(h.req.limits.Body, maxCollected))
	if a.early = a.inErr == nil; a.early { // it is longer
		h.core.goroutine.early.Add(1)
	}
}

// collectUpTo waits until that much of the body is there, or all of it.
func (h *h1) collectUpTo(a *aside, want int64) {
	if a.inErr != nil || int64(len(a.in)) >= want {
		return
	}
	if err := h.sendContinue(); err != nil {
		a.endBody(h, err)
		return
	}
	for a.inErr == nil && int64(len(a.in)) < want {
		have := int64(len(a.in))
		if room := int(max(credit(have, want), have+firstBite)); room > maxKept/4 {
			a.in = h.core.large.grow(a.in, room)
		} else {
			a.in = slices.Grow(a.in, room-int(have))
		}
		n, err := h.readBody(a.in[have:cap(a.in)])
		a.in = a.in[:int(have)+n]
		switch {
		case err != nil:
			a.endBody(h, err)
		case h.bodyEnd && !h.req.head.Chunked:
			a.endBody(h, io.EOF)
		}
	}
}

// notEarly says that the handler waits for its body no more.
func (a *aside) notEarly() {
	if a.early {
		a.early = false
		a.core.goroutine.early.Add(-1)
	}
}

// maxCollected bounds what is collected of a body because goroutines are scarce.
const maxCollected = 1 << 20

// asideWork is what the goroutine has for the worker.
type asideWork struct {
	interims []interim
	head     *response
	out      []byte
	flushing bool
	ending   bool
	tail     []field
	op       func()
	read     bool
	ended    bool
}

// serveAside waits until the goroutine has something for the worker, and does it. It reports false when the handler has
// returned and everything is done.
func (h *h1) serveAside(a *aside) bool {
	work, some := a.take(h.w)
	if !some {
		h.w.Rest()
		return true
	}
	if err := h.send(&work); err != nil {
		a.fail(err)
	}
	if len(work.out) > 0 { // else it has not been taken
		a.giveBack(work.out)
	}
	if work.op != nil && !work.ended {
		work.op()
	}
	if work.read {
		h.startReading(a)
	}
	return !work.ended
}

// take returns what there is to do. If there is nothing, the worker is to rest: the bell is armed.
func (a *aside) take(w *loop.Worker) (work asideWork, some bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	work = asideWork{
		interims: a.interims, head: a.head, out: a.out, flushing: a.flushing, ending: a.ending, tail: a.tail, op: a.op,
		read: a.wanted && !a.reading && !a.ended, ended: a.ended,
	}
	some = len(work.interims) > 0 || work.head != nil || len(work.out) > 0 || work.flushing || work.ending ||
		work.op != nil || work.read || work.ended
	if !some {
		a.bell.Arm(w)
		a.resting = true
		return work, false
	}
	h := a.host
	h.req.limits, h.req.readBy, h.req.writeBy = a.limits, a.readBy, a.writeBy
	a.interims, a.head, a.flushing, a.ending, a.tail = nil, nil, false, false, nil
	a.reading = a.reading || work.read
	if len(work.out) > 0 {
		a.out, a.spare = a.spare, nil
		a.news.Broadcast()
	}
	return work, true
}

// giveBack lets the goroutine use the array again of what was written.
func (a *aside) giveBack(out []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spare == nil && !a.ended {
		a.spare = out[:0]
		return
	}
	a.core.large.give(out)
}

// giveAll gives back what is left of the buffers when the goroutine has ended.
func (a *aside) giveAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.core.large.give(a.out)
	a.core.large.give(a.spare)
	a.core.large.give(a.in)
	a.out, a.spare, a.in, a.inPos = nil, nil, nil, 0
}

// send writes what the goroutine has given.
func (h *h1) send(work *asideWork) error {
	for _, i := range work.interims {
		if err := h.interim(i.status, i.fields); err != nil {
			return err
		}
	}
	if head := work.head; head != nil {
		h.resp.status, h.resp.ctype, h.resp.fields = head.status, head.ctype, head.fields
		h.resp.trailers = head.trailers
		h.resp.length, h.resp.hangup, h.resp.state = head.length, head.hangup, answerStreaming
		if err := h.startStream(h.resp, head.status); err != nil {
			return err
		}
	}
	if len(work.out) > 0 {
		if err := h.streamPart(work.out, 2<<10); err != nil {
			return err
		}
	}
	if work.ending {
		h.resp.trailers = work.tail
		if err := h.endStream(h.resp); err != nil {
			return err
		}
	}
	if work.flushing {
		return h.flush()
	}
	return nil
}

// takeBody gives the goroutine what has come of the body, as far as it fits.
func (h *h1) takeBody(a *aside) {
	a.in, h.ahead = append(a.in, h.ahead...), nil
	if h.pos < h.end { // the client does not wait for 100 (Continue)
		h.go100 = false
	}
	for a.inErr == nil && len(a.in) < asideBuffer && !h.broken {
		if h.bodyEnd {
			a.endBody(h, io.EOF)
			return
		}
		n, err := h.bodyHere(func(p []byte) {
			if len(a.in)+len(p) > cap(a.in) && len(p) > heldSmall/4 {
				a.in = h.core.large.grow(a.in, len(a.in)+len(p))
			}
			a.in = append(a.in, p...)
		})
		if err != nil {
			a.endBody(h, err)
			return
		}
		if n == 0 {
			return
		}
	}
	if h.broken {
		a.endBody(h, errBadBody)
	}
}

// endBody says what comes behind the bytes of the body.
func (a *aside) endBody(h *h1, err error) {
	a.notEarly()
	a.inErr = err
	a.trailers = slices.Clone(h.req.trailers)
}

// startReading lets a second worker read the body ahead of the handler.
func (h *h1) startReading(a *aside) {
	if err := h.sendContinue(); err != nil {
		a.mu.Lock()
		a.endBody(h, err)
		a.news.Broadcast()
		a.mu.Unlock()
		a.readDone = true
		return
	}
	h.c.Loop().Run(func(w *loop.Worker) { h.readAhead(w, a) })
}

// readAhead reads the body in worker w, until it ends or the handler does.
func (h *h1) readAhead(w *loop.Worker, a *aside) {
	h.reader = w
	defer func() {
		h.reader = nil
		a.readDone = true
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ring()
	}()
	for goOn := true; goOn; {
		if h.pos == h.end { // a client that is slow holds no buffer
			limit := pause(h.req.limits.Read, h.req.readBy)
			_ = h.c.AwaitInput(&w.Task, limit) // why it has ended is found again by reading
		}
		b := h.core.large.take(asideBuffer)
		n, err := h.readBody(b[:asideBuffer])
		if errors.Is(err, conn.ErrUnread) {
			h.core.large.give(b)
			return
		}
		goOn = a.handOver(w, h, b[:n], err)
	}
}

// handOver gives the handler what was read, once it has taken what was there before. It reports false when there is
// nothing more to come, or nobody to take it.
func (a *aside) handOver(w *loop.Worker, h *h1, b []byte, err error) bool {
	for {
		a.mu.Lock()
		switch {
		case a.over:
			a.in = append(a.in, b...) // for whom the request is of now
			a.mu.Unlock()
			a.core.large.give(b)
			return false
		case a.inPos == len(a.in):
			used := a.in
			a.in, a.inPos = b, 0
			if err != nil || h.bodyEnd && !h.req.head.Chunked {
				a.endBody(h, cmp.Or(err, io.EOF))
			}
			a.news.Broadcast()
			a.mu.Unlock()
			a.core.large.give(used)
			return a.inErr == nil
		}
		a.inBell.Arm(w)
		a.inRests = true
		a.mu.Unlock()
		w.Rest()
	}
}

// stopReading waits until the second worker has gone.
func (h *h1) stopReading(a *aside) {
	if !a.reading || a.readDone {
		return
	}
	h.c.StopReading()
	a.mu.Lock()
	a.ringReader()
	a.mu.Unlock()
	for !a.readDone {
		a.mu.Lock()
		a.bell.Arm(h.w)
		a.resting = true
		a.mu.Unlock()
		h.w.Rest()
	}
	h.c.ReadAgain()
}
