//go:build linux && !golwan_nethttp

package lwan

import (
	"net/netip"
	"sync"
	"time"

	"github.com/golwan/golwan/lwan/internal/loop"
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
	loop    *loop.Loop
	host    *h1    // the worker's, and touched by it only
	seq     uint64 // of the request, in the worker's numbering
	start   int64  // when the request's head was there, on the loop's clock
	method  string
	minor   uint8
	addr    netip.AddrPort // of the peer
	here    netip.AddrPort // our own, if it is known
	proxied bool           // which is a trusted proxy, as all of the endpoint's

	// the handler's
	req   Request
	resp  Response
	term  term
	next  Handler   // of the whole chain; or
	chain func()    // what else the goroutine runs
	room  [184]byte // for the request's head

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
	bell    loop.Bell
	resting bool // the worker waits for the bell

	in       []byte // of the body, from inPos on
	inPos    int
	inErr    error // what comes after it
	wanted   bool  // the handler has asked for more than came along
	reading  bool  // the second worker reads
	inBell   loop.Bell
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
// read ahead. Each side may hold as much again. The buffers are lent by collectors, and given back at the end: nobody but
// the worker has them other than under the mutex.
const asideBuffer = maxKept

var _ carrier = (*aside)(nil)

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
