//go:build linux && !golwan_nethttp

package lwan

import (
	"context"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/evloop"
)

// aside is a Blocking handler beside its loop: the goroutine that runs it, and all that it shares with the worker that is
// parked for it. The goroutine has no socket. It has a Request and a Response that were made for it and are never used
// again, and exchanges bytes with the worker through two bounded buffers, under a mutex that is held for copying only:
//
//	goroutine                                       worker (h1aside.go)
//	Write ──copies──▶ out ──────────────takes──▶ writes to the connection
//	Read  ◀──copies── in  ◀──hands over── a second worker reads ahead, from the first Read on
//	head, hints, end of a stream, Upgrade ─────▶ does it
//
// Most handlers ask for nothing: their body came along with the head, and their answer is held back until they return.
//
// Whoever goes on after the handler's end finds everything over: see term, and over below. Nobody waits for them.
type aside struct {
	core    *core
	loop    *evloop.Loop
	host    *h1       // the worker's, and touched by it only
	seq     uint64    // of the request, in the worker's numbering
	start   time.Time // when the request's head was there
	method  string
	minor   uint8
	addr    netip.AddrPort // of the peer
	here    netip.AddrPort // our own
	proxied bool           // which is a trusted proxy, as all of the endpoint's

	// the handler's
	req   Request
	resp  Response
	term  term
	chain func() // what the goroutine runs

	// the goroutine's; the worker reads them when ended
	torn     bool // somebody was inside of the Response at the end: nothing of it may be looked at
	dead     bool // the handler ended by Goexit, or its conclusion by a panic
	exited   bool // chain ended by Goexit
	panicked any  // or by this panic

	readDone bool // the second worker has gone; the loop's
	early    bool // the body was not there when the handler was started, and is not yet; the loop's

	mu   sync.Mutex
	news sync.Cond // of mu: something below has changed

	// guarded by mu
	over    bool // the handler has returned
	failed  error
	cause   error
	done    chan struct{} // closed by cause and over, once somebody has asked for it
	bell    evloop.Bell
	resting bool // the worker waits for the bell

	in       []byte // of the body, from inPos on
	inPos    int
	inErr    error // what comes after it
	wanted   bool  // the handler has asked for more than came along
	reading  bool  // the second worker reads
	inBell   evloop.Bell
	inRests  bool // it waits until in is empty
	trailers []field
	readBy   time.Time

	out      []byte
	spare    []byte // an array that out may use
	flushing bool
	limits   Limits
	writeBy  time.Time
	interims []interim
	head     *response // to be sent, with its status
	ending   bool      // the stream has ended properly
	tail     []field   // its trailers
	cutting  bool
	whole    Status // a held answer is complete; 0: there is none
	then     func() // the worker's when the goroutine has ended
	op       func() // what the worker is to do for Upgrade and the like
	conn     *asideConn
	ended    bool // the goroutine has nothing more to say
	deserted bool // the worker has died
}

// interim is an informational response.
type interim struct {
	status Status
	fields []field
}

// asideBuffer bounds the bytes that a handler has written and its worker has not taken yet, and those of a body that were
// read ahead. Each side may hold as much again.
const asideBuffer = 128 << 10

var _ carrier = (*aside)(nil)

// run is the goroutine.
func (a *aside) run() {
	defer a.close()
	defer a.explain()
	a.exited = true
	a.chain()
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
	a.mu.Lock()
	a.over, a.ended = true, true
	a.signalDone()
	conn := a.conn
	a.news.Broadcast()
	a.ring()
	a.mu.Unlock()
	if conn != nil {
		_ = conn.Conn.Close() // it is the handler's while it runs; what it has closed itself says nothing new
	}
}

// answer runs the chain of a route to its end, and concludes the answer as it would be on a loop.
func (a *aside) answer(next Handler) {
	clean := false
	defer func() {
		if clean {
			return
		}
		if v := recover(); v != nil {
			a.died(newPanicError(v))
		} else {
			a.died(nil)
		}
	}()
	st := a.req.table.run(next, &a.req, &a.resp)
	if a.endTerm(st >= 400) {
		a.req.table.conclude(&a.req, &a.resp, st)
		a.term.close()
	} else {
		a.resp.serveAfter(false) // whoever is inside of Write does not touch it
	}
	clean = true
}

// endTerm closes the Request and the Response to all but the conclusion, where that may wait or call code of the program's.
// It reports false if somebody is inside: then nothing of them may be looked at.
func (a *aside) endTerm(failed bool) bool {
	if !a.term.end() {
		a.torn = true
		return false
	}
	r := &a.resp
	if failed || r.state != answerHeld || len(r.before)+len(r.filters) > 0 || r.filter != nil {
		a.term.inherit()
	}
	return true
}

// died concludes the answer of a handler that ended by Goexit, or in whose conclusion something died.
func (a *aside) died(panicked *PanicError) {
	defer a.term.close()
	if !a.endTerm(true) {
		return
	}
	a.dead, a.resp.hangup = true, true // as on a loop, where the worker dies
	err := a.req.endOf()
	if panicked != nil {
		err = panicked
	}
	a.req.table.abandon(&a.req, &a.resp, err)
}

// ring wakes the worker; mu is held.
func (a *aside) ring() {
	if a.resting {
		a.resting = false
		a.bell.Ring()
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

// ends returns a channel that is closed at the end of the request, or of what its handler waits for.
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

// readBody implements carrier.
func (a *aside) readBody(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.readBy = a.req.readBy
	for {
		switch {
		case a.over:
			return 0, ErrOver
		case a.inPos < len(a.in):
			n := copy(p, a.in[a.inPos:])
			if a.inPos += n; a.inPos == len(a.in) {
				a.in, a.inPos = a.in[:0], 0
				a.ringReader()
			}
			return n, nil
		case a.inErr != nil:
			if a.inErr == io.EOF {
				a.req.trailers = a.trailers
			}
			return 0, a.inErr
		case a.deserted:
			return 0, a.failed
		}
		if !a.wanted {
			a.wanted = true
			a.limits = a.req.limits
			a.ring()
		}
		if !a.awaitBody() {
			return 0, ErrTimeout
		}
	}
}

// awaitBody waits until something has changed. It reports false when the handler's own deadline has passed; mu is held.
func (a *aside) awaitBody() bool {
	if a.readBy.IsZero() {
		a.news.Wait()
		return true
	}
	left := time.Until(a.readBy)
	if left <= 0 {
		return false
	}
	t := time.AfterFunc(left, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.news.Broadcast()
	})
	defer t.Stop()
	a.news.Wait()
	return true
}

// ringReader wakes the second worker; mu is held.
func (a *aside) ringReader() {
	if a.inRests {
		a.inRests = false
		a.inBell.Ring()
	}
}

// startStream implements carrier.
func (a *aside) startStream(resp *Response, st Status) error {
	head := &response{
		status: st, ctype: resp.ctype, fields: slices.Clone(resp.fields), length: resp.length, hangup: resp.hangup,
		trailers: slices.Clone(resp.trailers),
	}
	return a.tell(func() { a.head = head })
}

// noBody reports whether the answer has no content.
func (a *aside) noBody(st Status) bool { return a.method == "HEAD" || st.bodyless() }

// stream implements carrier.
func (a *aside) stream(p []byte) error {
	if a.noBody(a.resp.status) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		if err := a.refusal(); err != nil {
			return err
		}
		n := min(asideBuffer-len(a.out), len(p))
		a.out = append(a.out, p[:n]...)
		if p = p[n:]; len(a.out) >= streamPiece {
			a.limits, a.writeBy = a.req.limits, a.req.writeBy
			a.ring()
		}
		if len(p) == 0 {
			return nil
		}
		a.news.Wait()
	}
}

// streamFile implements carrier: the goroutine reads the file, so that a slow disk holds no loop.
func (a *aside) streamFile(f *os.File, off, n int64) error {
	if a.noBody(a.resp.status) {
		return nil
	}
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		m, err := f.ReadAt(buf[:min(n, int64(len(buf)))], off)
		if m > 0 {
			if err := a.stream(buf[:m]); err != nil {
				return err
			}
			off, n = off+int64(m), n-int64(m)
			continue
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// flush implements carrier. It does not wait until everything has gone: what goes wrong is told by what comes next.
func (a *aside) flush() error { return a.tell(func() { a.flushing = true }) }

// flushHeld lets what was written go before the handler waits.
func (a *aside) flushHeld() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.out) > 0 {
		a.flushing = true
		a.ring()
	}
}

// endStream implements carrier.
func (a *aside) endStream(resp *Response) error {
	tail := slices.Clone(resp.trailers)
	return a.tell(func() { a.ending, a.tail = true, tail })
}

// cut implements carrier.
func (a *aside) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cutting = true
}

// finish implements carrier: the answer is complete, and sent once the goroutine has ended.
func (a *aside) finish(_ *Response, st Status) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.whole = st
}

// interim implements carrier.
func (a *aside) interim(st Status, fields []field) error {
	if a.minor == 0 { // RFC 9110 section 15.2
		return nil
	}
	return a.tell(func() { a.interims = append(a.interims, interim{st, fields}) })
}

// sleep implements carrier.
func (a *aside) sleep(d time.Duration) error {
	a.flushHeld()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-a.ends():
		return a.why()
	}
}

// wait implements carrier.
func (a *aside) wait(arm func(wake func()), limit time.Duration) error {
	a.flushHeld()
	return waitOn(arm, limit, a.ends(), a.why)
}

// outlast implements carrier.
func (a *aside) outlast(arm func(wake func())) { _ = waitOn(arm, 0, nil, nil) } // nothing else can end it

// offload implements carrier.
func (a *aside) offload(fn func()) error {
	fn()
	return nil
}

// blocking implements carrier.
func (a *aside) blocking(next Handler, req *Request, resp *Response) Status { return next(req, resp) }

// readAside implements carrier.
func (a *aside) readAside(fn func(body io.Reader)) error {
	fn(a.req.Body())
	return nil
}

// entered, returned and onLoop implement carrier.
func (a *aside) entered(*route) {}
func (a *aside) returned()      {}
func (a *aside) onLoop() bool   { return false }

// canceller implements carrier. The outer middleware of a handler that is Blocking itself may still wait on the loop when
// the handler has returned.
func (a *aside) canceller() func(cause error) {
	return func(cause error) {
		a.cancel(cause)
		a.onLoopDo(func(h *h1) {
			h.req.cancel(cause)
			h.c.Cancel(cause)
		})
	}
}

// abandoner implements carrier.
func (a *aside) abandoner() func() {
	return func() {
		a.onLoopDo(func(h *h1) {
			h.cancel(ErrGone)
			h.c.Kill(evloop.ErrGone)
		})
	}
}

// onLoopDo lets the loop do something for the request, if it is still under way then.
func (a *aside) onLoopDo(fn func(h *h1)) {
	a.loop.Do(func() {
		if h := a.host; h.seq == a.seq && h.active {
			fn(h)
		}
	})
}

// subscribe implements loopSubscriber: the subscription holds no goroutine.
func (a *aside) subscribe(resp *Response, sub *subscriber, first []byte) {
	first = slices.Clone(first)
	a.then = func() { a.host.subscribe(resp, sub, first) }
}

// parent implements carrier.
func (a *aside) parent() context.Context { return context.Background() }

// elapsed implements carrier.
func (a *aside) elapsed() time.Duration { return time.Since(a.start) }

// unwind implements carrier. A goroutine that only reads or writes for the handler, as those of net/http's Transport, is
// left alone: it gets an error.
func (a *aside) unwind() {
	if onStackOf("lwan.(*aside).run") {
		a.req.state.Store(stateUnwinding)
		runtime.Goexit()
	}
}

// drained implements carrier: the loop calls Draining.
func (a *aside) drained() <-chan struct{} {
	if a.loop.Draining() {
		return a.core.draining
	}
	return nil
}

// secure and trusted implement carrier.
func (a *aside) secure() bool  { return false }
func (a *aside) trusted() bool { return a.proxied }

// peer and local implement carrier.
func (a *aside) peer() netip.AddrPort  { return a.addr }
func (a *aside) local() netip.AddrPort { return a.here }
