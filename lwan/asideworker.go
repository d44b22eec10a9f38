package lwan

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// The worker's side of a Blocking handler: see aside. It knows the Stream and the Task of its
// exchange, and no protocol.

// errTorn is the failure of an answer that a goroutine was writing when its handler returned.
var errTorn = fmt.Errorf("%w, while another goroutine was writing its answer", ErrOver)

// lend runs the chain of the request on a goroutine, from its outermost middleware to the
// conclusion of its answer, and sends what comes out of it. From there on Request and Response are
// those of the goroutine.
func (x *exchange) lend(next Handler) {
	x.on.LeaveUser()
	if rt := x.req.route; rt != nil {
		x.req.limits = rt.limits // its middleware sets them again
	}
	a := x.newAside()
	a.next = next
	err := x.attend(a)
	if err == nil && a.torn { // nobody may look at what the goroutine has
		err = errTorn
	}
	if err != nil {
		x.inherit(a)
		x.on.EnterUser(x.number())
		x.req.table.conclude(x.req, x.resp, x.failBeside(err))
		x.on.LeaveUser()
		return
	}
	x.req, x.resp = &a.req, &a.resp
	x.sendConcluded(a)
}

// sendConcluded sends what the goroutine has concluded.
func (x *exchange) sendConcluded(a *aside) {
	switch {
	case a.cutting, a.dead && a.whole == nil: // of a dead one the connection ends, as on a loop
		x.by.Cut()
	case a.whole != nil:
		err := x.by.Head(a.whole)
		if err == nil {
			err = x.by.Write(a.content)
		}
		if err == nil {
			err = x.by.Close(a.tail)
		}
		a.failed = cmp.Or(a.failed, err)
	}
	if a.failed == nil {
		return
	}
	x.resp.state = answerCut
	if x.resp.failure == nil {
		x.resp.failure, x.resp.failed = a.failed, x.core.srv.statusOf(a.failed)
		x.req.table.report(x.req, x.resp)
	}
}

// blocking runs a Blocking handler inside of others that run on the loop.
func (x *exchange) blocking(next Handler, req *Request, resp *Response) (st Status) {
	if resp.state != answerHeld {
		return resp.Fail(fmt.Errorf("%s: a Blocking handler was called after the head of its "+
			"answer: %w",
			req.where(), ErrHeadSent))
	}
	defer x.on.EnterUser(x.on.LeaveUser())
	a := x.newAside()
	a.chain = func() {
		defer func() {
			if !a.term.end() {
				a.resp.serveAfter(false)
			}
			a.term.close()
		}()
		st = next(&a.req, &a.resp)
	}
	if err := x.attend(a); err != nil {
		return x.failBeside(err)
	}
	if a.torn {
		x.inherit(a)
		return resp.Fail(errTorn)
	}
	x.adopt(a)
	a.rethrow()
	return st
}

// readBeside runs fn on a goroutine that reads the body, and returns when fn has. ErrBusy: it was
// not run.
func (x *exchange) readBeside(fn func(body io.Reader)) error {
	a := x.newAside()
	a.chain = func() {
		defer a.term.end()
		fn(a.req.Body())
	}
	if err := x.attend(a); err != nil {
		return err
	}
	x.req.body = a.req.body
	x.req.dead.Store(a.req.dead.Load())
	a.rethrow()
	return nil
}

// rethrow ends the worker's handler as the goroutine's has ended.
func (a *aside) rethrow() {
	switch {
	case a.panicked != nil:
		panic(a.panicked)
	case a.exited:
		runtime.Goexit()
	}
}

// inherit gives the worker's Request what ends with the request, whatever has become of its answer.
func (x *exchange) inherit(a *aside) {
	from := &a.req
	x.req.defers = append(x.req.defers, from.defers...)
	x.req.values, x.req.log = slices.Clone(from.values), from.log
	x.req.form.Store(from.form.Swap(nil))
	x.req.ctx.Store(from.ctx.Load())
	if a.torn && x.req.body.length != 0 { // nobody knows how much of it was read
		x.req.body.begun, x.req.body.err = true, ErrOver
	}
}

// adopt gives the worker's Request and Response what the handler has made of its own ones.
func (x *exchange) adopt(a *aside) {
	x.inherit(a)
	from := &a.req
	if from.detour != x.req.detour {
		x.req.follow(from.detour)
		x.req.params = from.params.Clone()
	}
	x.req.table, x.req.route, x.req.limits = from.table, from.route, from.limits
	x.req.dead.Store(from.dead.Load())
	x.req.readBy, x.req.writeBy = from.readBy, from.writeBy
	x.req.told = from.told
	x.req.body, x.req.trailers = from.body, from.trailers
	if from.drainable.Load() {
		x.req.drainable.Store(true)
	}
	x.resp.response = a.resp.response
	x.resp.req = x.req
	if x.resp.sink != nil {
		x.resp.sink.r = x.resp
	}
	if x.resp.events != nil {
		x.resp.events.resp = x.resp
	}
	if a.failed != nil {
		x.resp.stick(a.failed)
	}
}

// attend does for the goroutine what only the loop can do, until its handler has returned.
func (x *exchange) attend(a *aside) error {
	if err := x.by.Flush(); err != nil { // the client may wait for answers before it
		return err
	}
	x.takeBody(a)
	x.collect(a)
	defer a.notEarly()
	x.aside = a
	if cause := x.req.cancelled(); cause != nil {
		a.cancel(cause)
	}
	if !x.core.goroutine.run(a.run) {
		x.aside = nil
		x.ahead = a.unread()
		return ErrBusy
	}
	for x.serve(a) {
	}
	x.stopReading(a)
	x.ahead = a.unread()
	a.giveAll()
	x.aside = nil
	return nil
}

// takeBody gives the goroutine what has come of the body, as far as it fits.
func (x *exchange) takeBody(a *aside) {
	a.in, x.ahead = append(a.in, x.ahead...), nil
	for a.inErr == nil && len(a.in) < asideBuffer {
		if x.readInto(a, nil) == transport.ErrAgain {
			return
		}
	}
}

// readInto reads more of the body into a.in, and notes its end. A nil on does not wait for it.
func (x *exchange) readInto(a *aside, on transport.Task) error {
	length := x.req.body.length
	if length >= 0 && int64(len(a.in)) >= length-x.req.body.read {
		a.endBody(x, io.EOF)
		return io.EOF
	}
	a.makeRoom(length)
	n, err := x.by.Read(on, a.in[len(a.in):cap(a.in)])
	a.in = a.in[:len(a.in)+n]
	a.asked = a.asked || n > 0
	if err != nil && err != transport.ErrAgain {
		a.endBody(x, err)
	}
	return err
}

// smallBody is a body that is believed before it is there: it costs no more than the handler.
const smallBody = 4 << 10

// makeRoom makes room behind what there is of the body. Of what was announced only so much is
// believed: see credit.
func (a *aside) makeRoom(length int64) {
	have := int64(len(a.in))
	if have < int64(cap(a.in)) {
		return
	}
	room := max(2*have, firstBite)
	if length > have {
		room = max(credit(have, length), have+firstBite, min(length, smallBody))
	}
	if room > maxKept/4 {
		a.in = a.core.large.grow(a.in, int(room))
	} else {
		a.in = slices.Grow(a.in, int(room-have))
	}
}

// collect lets the loop wait for the body, so that a client who sends it slowly holds no goroutine:
// for as much of it as Limits.BodyFirst says, and for all that Limits.Body allows while too many
// handlers run whose bodies have not come.
func (x *exchange) collect(a *aside) {
	if x.req.body.length > x.req.limits.Body { // it is not read
		return
	}
	x.collectUpTo(a, x.req.limits.BodyFirst)
	if a.inErr != nil {
		return
	}
	if a.early = x.core.goroutine.startEarly(); a.early {
		return
	}
	x.collectUpTo(a, min(x.req.limits.Body, maxCollected))
	if a.early = a.inErr == nil; a.early { // it is longer
		x.core.goroutine.early.Add(1)
	}
}

// collectUpTo waits until that much of the body is there, or all of it.
func (x *exchange) collectUpTo(a *aside, want int64) {
	for a.inErr == nil && int64(len(a.in)) < want {
		_ = x.readInto(a, x.on) // a.inErr has its error
	}
}

// notEarly says that the handler waits for its body no more.
func (a *aside) notEarly() {
	if a.early {
		a.early = false
		a.core.goroutine.early.Add(-1)
	}
}

// endBody says what comes behind the bytes of the body.
func (a *aside) endBody(x *exchange, err error) {
	a.notEarly()
	a.inErr = err
	a.trailers = slices.Clone(x.by.Trailer())
}

// maxCollected bounds what is collected of a body because goroutines are scarce.
const maxCollected = 1 << 20

// asideWork is what the goroutine has for the worker.
type asideWork struct {
	interims []*heldHead
	head     *heldHead
	out      []byte
	flushing bool
	ending   bool
	tail     []transport.Field
	op       func()
	read     bool
	ended    bool
}

// serve waits until the goroutine has something for the worker, and does it. It reports false when
// the handler has returned and everything is done.
func (x *exchange) serve(a *aside) bool {
	work, some := a.take()
	if !some {
		if x.arm == nil { // bound once, so that a wait allocates the less
			x.arm = func(wake func()) { x.aside.arm(wake) }
		}
		_ = x.on.Wait(x.arm, 0, transport.Woken) // nothing else ends it
		return true
	}
	if err := x.send(a, &work); err != nil {
		a.fail(err)
	}
	if len(work.out) > 0 { // else it has not been taken
		a.giveBack(work.out)
	}
	if work.op != nil && !work.ended {
		work.op()
	}
	if work.read {
		x.startReading(a)
	}
	return !work.ended
}

// arm lets wake be called when there is something to do: at once if there is already.
func (a *aside) arm(wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake = wake
	if a.some() {
		a.ring()
	}
}

// some reports whether there is something to do for the worker; mu is held.
func (a *aside) some() bool {
	return len(a.interims) > 0 || a.head != nil || len(a.out) > 0 || a.flushing || a.ending ||
		a.op != nil || a.toRead() || a.ended
}

// toRead reports whether the body is to be read ahead from now on; mu is held.
func (a *aside) toRead() bool { return a.wanted && !a.reading && !a.ended }

// take returns what there is to do.
func (a *aside) take() (work asideWork, some bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.some() {
		return work, false
	}
	work = asideWork{
		interims: a.interims, head: a.head, out: a.out, flushing: a.flushing, ending: a.ending,
		tail: a.tail, op: a.op, read: a.toRead(), ended: a.ended,
	}
	req := a.host.req
	req.limits, req.readBy, req.writeBy = a.limits, a.readBy, a.writeBy
	a.interims, a.head, a.flushing, a.ending = nil, nil, false, false
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
func (x *exchange) send(a *aside, work *asideWork) error {
	for _, i := range work.interims {
		if i.answer.Status == 100 {
			if a.asked { // once is enough, and a reader may have been first
				continue
			}
			a.asked = true
		}
		if err := x.by.Interim(&i.answer); err != nil {
			return err
		}
	}
	if work.head != nil {
		x.resp.status, x.resp.state = Status(work.head.answer.Status), answerStreaming
		if err := x.by.Head(&work.head.answer); err != nil {
			return err
		}
	}
	if len(work.out) > 0 {
		if err := x.by.Write(work.out); err != nil {
			return err
		}
	}
	if work.ending {
		if err := x.by.Close(work.tail); err != nil {
			return err
		}
	}
	if work.flushing {
		return x.by.Flush()
	}
	return nil
}

// startReading lets a second worker read the body ahead of the handler. A client that waits for 100
// (Continue) is told by the first one: the second one writes nothing.
func (x *exchange) startReading(a *aside) {
	if x.req.head.Expect100 && !a.asked && !x.resp.state.headOut() {
		a.asked = true
		if err := x.by.Interim(&transport.Answer{Status: 100, Fields: noFields}); err != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.endBody(x, err)
			a.readDone = true
			a.news.Broadcast()
			return
		}
	}
	x.loop.Go(func(on transport.Task) { x.readAhead(on, a) })
}

func noFields(func(name, value string) bool) {}

// readAhead reads the body by on, until it ends or the handler does.
func (x *exchange) readAhead(on transport.Task, a *aside) {
	defer func() {
		a.readDone = true
		a.mu.Lock()
		defer a.mu.Unlock()
		a.ring()
	}()
	for goOn := true; goOn; {
		_, err := x.by.Read(on, nil) // a client that is slow holds no buffer
		if err != nil {
			a.handOver(x, on, nil, err)
			return
		}
		b := x.core.large.take(asideBuffer)
		n, err := x.by.Read(on, b[:asideBuffer])
		goOn = a.handOver(x, on, b[:n], err)
	}
}

// handOver gives the handler what was read, once it has taken what was there before. It reports
// false when nothing more will come, or nobody will take it.
func (a *aside) handOver(x *exchange, on transport.Task, b []byte, err error) bool {
	if errors.Is(err, ErrOver) { // nobody wants it
		a.core.large.give(b)
		return false
	}
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
			if err != nil {
				a.endBody(x, err)
			}
			a.news.Broadcast()
			a.mu.Unlock()
			a.core.large.give(used)
			return err == nil
		}
		a.mu.Unlock()
		_ = on.Wait(a.armReader, 0, transport.Woken) // nothing else ends it
	}
}

// armReader lets wake be called when the handler has taken what was read, or has returned: at once
// if it has already.
func (a *aside) armReader(wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wakeRead = wake
	if a.over || a.inPos == len(a.in) {
		a.ringReader()
	}
}

// ringReader wakes the second worker; mu is held.
func (a *aside) ringReader() {
	if wake := a.wakeRead; wake != nil {
		a.wakeRead = nil
		wake()
	}
}

// stopReading waits until the second worker has gone.
func (x *exchange) stopReading(a *aside) {
	if !a.reading || a.readDone {
		return
	}
	x.by.Unread()
	a.mu.Lock()
	a.ringReader()
	a.mu.Unlock()
	for !a.readDone {
		_ = x.on.Wait(a.armLast, 0, transport.Woken)
	}
}

// armLast is arm when only the second worker can have something to tell: it may have gone while
// this one sent what it held back, as it does before it waits.
func (a *aside) armLast(wake func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake = wake
	if a.readDone {
		a.ring()
	}
}
