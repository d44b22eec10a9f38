package lwan

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// exchange is one request and its answer, whatever protocol it came by: it implements
// transport.Exchange. On a loop each worker has one, and uses it again.
type exchange struct {
	// constant
	core   *process
	tables *loopTables     // nil: no loop serves it
	sites  []endpointTable // then
	loop   transport.Loop  // nil: the handler runs on a goroutine of its own
	own    own
	via    *viaHTTP // the request as it came to net/http; nil: it did not

	runner atomic.Pointer[transport.Task] // on, for goroutines that ask whether they are it

	phase   exchangePhase
	held    *holding          // the configuration of the request; nil: none, or nobody counts
	serial  uint64            // tells the requests apart
	arm     func(wake func()) // that of the aside under way, bound once
	by      transport.Stream
	on      transport.Task
	req     *Request // own ones, or those of a Blocking handler that has returned
	resp    *Response
	aside   *aside         // the Blocking handler that runs beside the loop; nil: none
	ahead   []byte         // of the content: read for a Blocking handler that has left it
	unwatch func() bool    // of draining, where no loop tells of it; nil: nothing looks for it
	guest   guest          // what the connection was left to; nil: nothing
	handed  transport.Pipe // the connection that handOver has got, for the guest
	served  *served        // what is in place of a request and its answer; nil: nothing
	died    bool           // Died was called: its error page is not tried a second time
}

var _ transport.Exchange = (*exchange)(nil)

// endpointTable is what the requests of an endpoint find.
type endpointTable struct {
	table   *table
	trusted bool // Endpoint.TrustPeers

	security *security   // nil: in the clear
	conn     func(*Conn) // Endpoint.Conn; nil: requests come
}

// misdirected reports whether a request that has come over peer must not.
func (e *endpointTable) misdirected(req *Request, peer transport.Peer) bool {
	if e.security == nil || !e.security.strict {
		return false
	}
	state := peer.TLS()
	return state == nil || e.security.misdirected(req.Host(), state.ServerName)
}

// exchangePhase is how far an exchange has come.
//
//	over ──Begin──▶ ready ──Run | Refuse──▶ running ──conclude | Died──▶ concluded ──End──▶ over
//	                                                  concluded ──Died──▶ concluded
//
//	over       nothing of a request may be used; what ends waits has nothing to end
//	ready      Request and Response are the request's
//	running    the handler, its middleware, hooks and error page run
//	concluded  the answer has ended or is cut; observers are told, and what Defer was given runs
type exchangePhase uint8

const (
	exchangeOver exchangePhase = iota
	exchangeReady
	exchangeRunning
	exchangeConcluded
)

// live reports whether there is a handler whose waits can be ended.
func (p exchangePhase) live() bool { return p == exchangeReady || p == exchangeRunning }

// home is x, where its Request and Response are used again.
func (x *exchange) home() *exchange {
	if x.loop == nil {
		return nil
	}
	return x
}

// here reports whether the caller is the coroutine that runs the handler. It may be asked by any
// goroutine.
func (x *exchange) here() bool {
	on := x.runner.Load()
	return on != nil && (*on).Mine()
}

// runBy makes on the task that runs the exchange.
func (x *exchange) runBy(on transport.Task) {
	if !same(x.on, on) {
		x.on = on
		mine := on
		x.runner.Store(&mine)
	}
}

// same reports whether two tasks are one. All are pointers: their words say it, where == asks for
// the way to compare them first.
func same(a, b transport.Task) bool {
	type words struct{ kind, value unsafe.Pointer }
	return *(*words)(unsafe.Pointer(&a)) == *(*words)(unsafe.Pointer(&b))
}

// Begin implements transport.Exchange.
func (x *exchange) Begin(by transport.Stream, on transport.Task, h *message.Head, buf []byte) {
	x.by = by
	x.serial++
	x.runBy(on)
	if x.loop != nil {
		x.unlike()
	}
	x.phase, x.died = exchangeReady, false
	sites := x.sites
	if p := x.tables; p != nil {
		x.held = p.now
		x.held.held++
		sites = x.held.sites
	}
	at := &sites[by.Peer().Endpoint()]
	x.req.x, x.req.trusted = x, at.trusted
	x.req.begin(by, on, at.table, h, buf)
	x.resp.begin(x.req)
	if at.conn != nil {
		x.served = &served{fn: at.conn}
	}
	if at.misdirected(x.req, by.Peer()) {
		x.req.missed = StatusMisdirectedRequest
	}
	if x.via != nil {
		x.via.begin(x)
	}
}

// Run implements transport.Exchange.
func (x *exchange) Run() {
	x.phase = exchangeRunning
	if x.served != nil {
		x.serveConn()
		return
	}
	t := x.req.table
	next := t.find(x.req, x.resp)
	if x.req.apart && x.on.Inline() {
		x.lend(next)
	} else {
		t.answerBy(next, x.req, x.resp)
	}
	x.conclude()
}

// Refuse implements transport.Exchange.
func (x *exchange) Refuse(status int, reason string) {
	x.phase = exchangeRunning
	x.req.method = ""
	x.resp.message = reason
	x.on.EnterUser(0)
	x.req.table.conclude(x.req, x.resp, Status(status))
	x.on.LeaveUser()
	x.conclude()
}

// Died implements transport.Exchange. The stack of the one that died is gone.
func (x *exchange) Died(on transport.Task, value any, stack []byte) {
	x.runBy(on)
	if x.ownsRequest() {
		x.req.on = on
	}
	if x.served != nil {
		x.diedServed(value, stack)
		return
	}
	if x.aside != nil { // nobody waits for its goroutine any more
		x.aside.desert()
		x.aside = nil
	}
	err := x.req.endOf()
	if value != nil {
		err = &PanicError{Value: value, Stack: stack}
	}
	x.resp.undone = true
	x.on.EnterUser(x.number())
	if !x.died {
		x.died = true
		x.req.table.abandon(x.req, x.resp, err)
	} else if !x.resp.state.over() { // in what the first one called: nothing of it is tried again
		x.resp.giveUp()
	}
	x.on.LeaveUser()
	x.conclude()
}

// number is that of the route, for the watchdog.
func (x *exchange) number() uint64 {
	if rt := x.req.route; rt != nil {
		return rt.number
	}
	return 0
}

// conclude tells who waits for the end of the answer.
func (x *exchange) conclude() {
	if x.phase == exchangeConcluded { // and somebody of those has died
		return
	}
	x.phase = exchangeConcluded
	x.leave()
	switch {
	case x.guest != nil: // its end is that of the answer
		if x.req.table.core.observers != nil {
			x.guest.observed(keepRequest(x.req, x.resp))
		}
	case !x.req.within(): // else they see the request outside
		x.account()
	}
}

// account counts the request and tells the observers.
func (x *exchange) account() {
	if x.loop != nil {
		n := x.loop.Counts()
		n[countRequests]++
		n[statusClass(x.resp.status)]++
	}
	if x.via != nil && x.via.count != nil {
		x.via.count(x.resp.status)
	}
	core := x.req.table.core
	if core.observers == nil {
		return
	}
	x.on.EnterUser(x.number())
	core.observe(x.req, x.resp, x.req.elapsed())
	x.on.LeaveUser()
}

// What the exchanges of a loop count; 0 to 5: requests by class of their status, see statusClass.
const (
	countRequests   = 6
	countSubscribed = 7 // a gauge
)

// heir is what a connection is left to when the request has ended, on a loop.
type heir interface {
	// inherit takes the connection from x. nil: it could not be had, and who waits for the end of
	// what should have been has been told. It is called outside of the program's code.
	inherit(x *exchange) guest
}

// guest drives a connection that was left to it.
type guest interface {
	transport.Session
	// observed gives it what the observers are shown at its end. It has had no event before.
	observed(past *pastRequest)
	// lent gives it the configuration that it holds, until it drops it.
	lent(h *holding)
}

// leave leaves the connection to somebody else, if it is to be.
func (x *exchange) leave() {
	heir := x.resp.leaving
	if heir == nil {
		return
	}
	x.resp.leaving = nil
	if g := heir.inherit(x); g != nil {
		x.guest = g
		g.lent(x.held)
		x.held.keep(g, x.handed)
		if h := x.held; h.over { // it comes after the time that such have
			x.loop.Post(func() { h.drain(g) })
		}
	}
	x.handed = nil
}

// handOver sends the head of an answer with status st, and first behind it, and takes the
// connection from the protocol; what Take returns.
func (x *exchange) handOver(st Status, length int64, first []byte) (
	p transport.Pipe, f transport.Form, rest []byte, err error,
) {
	p, f, rest, err = x.by.Take(x.resp.describe(st, length), first)
	x.handed = p
	if err != nil {
		x.resp.failure, x.resp.failed = err, x.core.srv.statusOf(err)
	}
	return p, f, rest, err
}

// End implements transport.Exchange.
func (x *exchange) End() {
	if x.guest != nil { // the protocol is not told if one of those that wait for the end dies
		defer x.forget()
		x.runDefers()
		return
	}
	x.runDefers()
	x.forget()
}

// runDefers runs what Request.Defer was given, when the answer has left.
func (x *exchange) runDefers() {
	if len(x.req.defers) > 0 {
		_ = x.by.Flush() // they run after the last byte; the protocol remembers an error
		x.on.EnterUser(x.number())
		x.req.runDefers()
		x.on.LeaveUser()
	}
}

// forget makes the exchange one that has no request.
func (x *exchange) forget() {
	x.req.closeConns()
	if x.via != nil {
		x.via.end(x)
	}
	if x.unwatch != nil {
		x.unwatch()
	}
	switch {
	case x.loop == nil && !x.by.Unread(): // what a goroutine reads into must stay as it is
		x.req.retire()
	case x.ownsRequest():
		x.req.end()
		x.resp.end()
	default: // they are never used again, and nothing of them is
		x.req.retire()
		x.useOwn()
		x.req.end()
		x.resp.end()
	}
	x.ahead, x.guest, x.served = nil, nil, nil
	x.phase = exchangeOver
	if h := x.held; h != nil {
		x.held = nil
		h.release()
	}
}

// Move implements transport.Exchange.
func (x *exchange) Move(buf []byte) (free bool) {
	if !x.ownsRequest() { // it has a copy
		return true
	}
	x.req.move(buf)
	return !x.req.aliased
}

// What is kept of a body's buffer while the handler waits, and while the worker rests.
const (
	keptWhileParked = 1 << 10
	keptAtRest      = 4 << 10
)

// Shrink implements transport.Exchange.
func (x *exchange) Shrink() {
	if x.resp == nil {
		return
	}
	if x.phase != exchangeOver {
		if cap(x.resp.body) > keptWhileParked && len(x.resp.body) == 0 {
			x.resp.body = nil // and not lent to others: what was in it may be on its way
		}
		return
	}
	if cap(x.resp.body) > keptAtRest {
		x.resp.body = nil
	}
	if cap(x.req.body.whole) > keptAtRest {
		x.req.body.whole = nil
	}
}

// Pauses implements transport.Exchange.
func (x *exchange) Pauses() (read, write time.Duration) {
	// Without a loop this may be asked by a goroutine that the handler has left behind.
	if x.loop != nil && x.phase == exchangeOver {
		l := &x.tables.now.core.limits
		return l.Read, l.Write
	}
	l := &x.req.limits
	return pause(l.Read, x.req.readBy), pause(l.Write, x.req.writeBy)
}

// Left implements transport.Exchange.
func (x *exchange) Left() (left time.Duration, limited bool) {
	limit := x.req.limits.Timeout
	if limit <= 0 {
		return 0, false
	}
	return max(limit-x.req.elapsed(), 0), true
}

// Cancel implements transport.Exchange.
func (x *exchange) Cancel(cause error) {
	if x.loop != nil && !x.phase.live() { // its answer has left, and the Request is the next one's
		return
	}
	x.req.cancel(cause)
	if a := x.aside; a != nil {
		a.cancel(cause)
		if a.reading && cause != ErrGone { // who has left may have sent more before
			x.by.Unread()
		}
	}
}

// Drain implements transport.Exchange: streams without an end are ended.
func (x *exchange) Drain() (ends bool) {
	if x.loop != nil && !x.phase.live() {
		return false
	}
	if x.served != nil {
		x.served.drain()
		return false
	}
	ends = x.req.drainable.Load() || x.aside != nil && x.aside.req.drainable.Load()
	if ends {
		x.Cancel(ErrStopping)
	}
	return ends
}

// watchDraining ends the request when draining begins, where no loop asks for it. Nothing waits for
// draining itself: a channel from outside a bubble of synctest would stop its clock.
func (x *exchange) watchDraining() {
	if x.loop != nil || x.unwatch != nil {
		return
	}
	cancel := x.on.Canceller()
	x.unwatch = context.AfterFunc(x.req.table.core.stopping, func() { cancel(ErrStopping) })
}

// failBeside is the failure of a request whose Blocking handler could not be run to its end.
func (x *exchange) failBeside(err error) Status {
	return x.resp.Fail(fmt.Errorf("%s: %w", x.req.where(), err))
}
