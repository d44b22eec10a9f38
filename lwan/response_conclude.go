package lwan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
)

var (
	errNilFailure = errors.New("lwan: Fail was called without an error")
	errGoexit     = errors.New("lwan: the handler ended by runtime.Goexit")
)

func newPanicError(v any) *PanicError {
	// it comes from another goroutine, with the stack that matters
	if p, ok := v.(*PanicError); ok {
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// recovering makes a panic of next a failure, so that middleware outside of it sees an ordinary
// 500.
func recovering(next Handler) Handler {
	return func(req *Request, resp *Response) (st Status) {
		defer func() {
			if v := recover(); v != nil {
				st = resp.failPanic(v)
			}
		}()
		if req.limits.Timeout > 0 {
			st = inTime(next, req, resp)
		} else {
			st = next(req, resp)
		}
		if resp.given != 0 {
			resp.returned(st)
		}
		return st
	}
}

// inTime gives up a good answer that comes after Limits.Timeout: a handler that neither waits nor
// looks at its context is stopped by nothing, and the limit is to mean the same for all. What
// middleware has set before stays.
func inTime(next Handler, req *Request, resp *Response) Status {
	before := slices.Clone(resp.fields)
	st := next(req, resp)
	if req.term != nil {
		if !req.term.end() { // another goroutine is in the middle of writing: the answer is cut
			return st
		}
		req.term.inherit() // middleware may go on
	}
	if st >= 400 || resp.failed != 0 || resp.state != answerHeld || resp.after != nil ||
		req.limits.Timeout <= 0 || req.elapsed() < req.limits.Timeout {
		return st
	}
	resp.Reset()
	resp.fields = append(resp.fields, before...)
	return resp.Fail(ErrTimeout)
}

// failPanic is Fail for a panic. http.ErrAbortHandler asks for the connection to be cut without a
// word.
func (r *Response) failPanic(v any) Status {
	if r.term != nil {
		if !r.term.end() { // another goroutine is in the middle of writing: the answer is cut
			p := newPanicError(v)
			r.req.ownLog().Error("panic in a handler whose answer another goroutine was writing",
				"route", r.req.where(), "panic", p.Value, "stack", string(p.Stack))
			return StatusInternalServerError
		}
		r.term.inherit() // middleware may go on
	}
	if v == http.ErrAbortHandler {
		return r.Fail(ErrGone)
	}
	return r.Fail(newPanicError(v))
}

// answerBy runs next, which find has found, and ends the response.
func (t *table) answerBy(next Handler, req *Request, resp *Response) {
	st := t.run(next, req, resp)
	if resp.endTerm(st >= 400) {
		// it may have become another table's; the watchdog counts its hooks among the handler
		req.table.conclude(req, resp, st)
		req.term.close()
	} else {
		resp.serveAfter(false) // whoever is inside of Write does not touch it
	}
	req.on.LeaveUser()
}

// run is recovering for middleware: what happens in handlers is recovered further in.
func (t *table) run(next Handler, req *Request, resp *Response) (st Status) {
	defer func() {
		if v := recover(); v != nil {
			st = resp.failPanic(v)
		}
	}()
	return next(req, resp)
}

// conclude sends what the handler has left to be sent. Afterwards the answer is over.
func (t *table) conclude(req *Request, resp *Response, st Status) {
	st = t.outcome(req, resp, st)
	resp.serveAfter(st < 400)
	switch resp.state {
	case answerHeld:
		t.concludeWhole(req, resp, st)
	case answerTaken, answerSubscribed:
		t.concludeTaken(req, resp, st)
	default:
		t.concludeStream(req, resp, st)
	}
	t.report(req, resp)
}

// serveAfter serves a subscription that has begun, once.
func (r *Response) serveAfter(alive bool) {
	if after := r.after; after != nil {
		r.after = nil
		after(r, alive)
	}
}

// abandon ends a request whose handler, or a hook, has died of err.
func (t *table) abandon(req *Request, resp *Response, err error) {
	if resp.state.over() {
		if err == ErrGone {
			return
		}
		req.ownLog().Error("the request died after its answer's end",
			"route", req.where(), "err", err)
		return
	}
	st := resp.died(err)
	req.state.Store(stateUnwinding)
	t.conclude(req, resp, st)
}

// concludeTaken lets go of a connection that is somebody else's: one that was upgraded or hijacked
// ends with its handler, and a subscription goes on, unless somebody has failed behind it.
func (t *table) concludeTaken(req *Request, resp *Response, st Status) {
	switch {
	case resp.state == answerTaken:
		if resp.socket != nil {
			resp.socket.leave(st)
		}
		resp.cut()
		resp.conclude(answerEnded)
	case st >= 400:
		resp.giveUp()
	default:
		resp.conclude(answerEnded)
	}
}

// giveUp cuts the answer.
func (r *Response) giveUp() {
	r.cut()
	r.conclude(answerCut)
}

func (r *Response) cut() { _ = r.req.outside(func() error { r.req.by.Cut(); return nil }) }

// outcome corrects what a handler must not return.
func (t *table) outcome(req *Request, resp *Response, st Status) Status {
	defer func() { resp.refailed = false }() // this failure is known
	resp.unredirect(st)
	switch {
	case resp.failed != 0 && st < 400:
		if req.firstForgotten() {
			req.ownLog().Error("a handler returned a good status after Fail: is a return missing?",
				"route", req.where(), "status", int(st), "err", resp.failure)
		}
		if resp.whole() { // what was written is the body of a success
			resp.replace()
			resp.ctype = ""
		}
		return resp.failed
	case !st.final():
		return resp.Fail(fmt.Errorf("lwan: %s returned %d, which is no final status",
			req.where(), int(st)))
	}
	return st
}

// where names the request for a log.
func (r *Request) where() string {
	if p := r.Pattern(); p != "" {
		return p
	}
	return r.method + " " + r.Path()
}

func (t *table) concludeStream(req *Request, resp *Response, st Status) {
	if st == resp.intended && st == resp.status && resp.failed == 0 || st == resp.shown {
		st = StatusOK // a whole answer of a finishing method that was too large to be held back
	}
	if st >= 400 && req.method != "HEAD" { // whose answer is complete, whatever comes of its body
		resp.giveUp()
		return
	}
	t.endStream(req, resp)
}

// endStream ends a stream properly if everything of it could be sent, else it is cut.
func (t *table) endStream(req *Request, resp *Response) {
	if resp.events != nil && req.cancelled() == ErrStopping {
		resp.lastWords(comeBack)
	}
	// what a filter writes at its end is no wait of the handler's, which must not be unwound by it
	req.dead.Store(nil)
	resp.closeFilter()
	resp.drain()
	if resp.refailed { // in a filter
		resp.giveUp()
		return
	}
	if resp.sticky == nil && resp.short() {
		resp.stick(fmt.Errorf("lwan: %s: body of %d bytes, Content-Length %d",
			req.where(), resp.sent, resp.length))
	}
	if resp.sticky == nil {
		resp.stick(req.outside(func() error { return req.by.Close(resp.trailers) }))
	}
	if resp.sticky == nil {
		resp.conclude(answerEnded)
		return
	}
	t.broke(resp)
	resp.giveUp()
}

// broke makes what has stopped the body the failure of the request.
func (t *table) broke(resp *Response) {
	if resp.failure == nil {
		resp.failure = resp.sticky
		resp.failed = t.core.srv.statusOf(resp.sticky)
	}
}

// short reports whether a stream has another length than was declared. More than that was not sent.
func (r *Response) short() bool {
	return r.length >= 0 && r.sent != r.length && r.req.method != "HEAD" && !r.status.bodyless()
}

func (t *table) concludeWhole(req *Request, resp *Response, st Status) {
	if st != StatusClientGone {
		st = t.fillError(req, resp, st)
	}
	switch resp.state { // the error page has gone on by itself
	case answerStreaming:
		if st >= 400 && st != resp.status { // it has sent another head, or failed
			resp.giveUp()
			return
		}
		t.endStream(req, resp)
		return
	case answerTaken, answerSubscribed:
		t.concludeTaken(req, resp, st)
		return
	}
	if st != StatusClientGone {
		if err := resp.complete(st); err != nil {
			st = t.replaceBroken(req, resp, err)
		}
	}
	resp.status = st
	if st == StatusClientGone {
		resp.giveUp()
		return
	}
	t.finish(req, resp, st)
}

// finish sends an answer that is whole.
func (t *table) finish(req *Request, resp *Response, st Status) {
	if st == StatusResetContent { // never has content (RFC 9110 section 15.3.6)
		resp.text, resp.body = "", resp.body[:0]
	}
	req.on.LeaveUser() // nothing of the program's runs behind this
	n := resp.bodyLen()
	resp.sticky = resp.sendWhole(st)
	resp.sent = int64(n)
	if resp.sticky != nil { // not all of it could be written
		t.broke(resp)
		resp.conclude(answerCut)
		return
	}
	resp.conclude(answerEnded)
}

// fillError puts the error page into an answer that needs one.
func (t *table) fillError(req *Request, resp *Response, st Status) Status {
	if st < 400 || resp.bodyLen() > 0 || resp.empty || resp.shown == st {
		return st
	}
	if page := t.core.page; page != nil && !resp.paged {
		resp.paged = true
		if got := t.userErrorPage(page, req, resp, st); got.final() {
			st = got
		}
	}
	if resp.state != answerHeld || st == StatusClientGone {
		resp.serveAfter(st < 400)
		return st
	}
	if resp.bodyLen() == 0 && req.body.err != io.ErrUnexpectedEOF {
		// Else the client has ended before its body: the page would be for nobody, and thousands
		// may end at once.
		t.core.errorPage(req, resp, st)
	}
	return st
}

// userErrorPage calls Server.ErrorPage; one that panics is logged, and the default page is sent.
func (t *table) userErrorPage(
	page func(*Request, *Response, Status) Status, req *Request, resp *Response, st Status,
) (got Status) {
	defer func() {
		if v := recover(); v != nil {
			req.ownLog().Error("panic in ErrorPage", "panic", v, "stack", string(debug.Stack()))
			if resp.state == answerStreaming {
				resp.stick(newPanicError(v))
			}
			resp.replace()
			got = st
		}
	}()
	resp.intended = st
	got = page(req, resp, st)
	if resp.refailed && resp.state == answerHeld {
		resp.refailed = false
		return resp.failed
	}
	return got
}

// complete makes the answer ready to be sent as a whole. The error is what must not be sent: a
// field, or what a filter or BeforeHead could not do.
func (r *Response) complete(st Status) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
		if r.state == answerHeading { // Goexit comes here, too
			r.retreat()
		}
	}()
	if st >= 400 {
		r.sticky = nil // of what the failed handler has tried
	}
	r.intended = st
	if err := r.prepareHead(st); err != nil {
		return err
	}
	r.closeFilter()
	switch n := int64(r.bodyLen()); {
	case r.refailed:
		return r.failure
	case r.sticky != nil:
		return r.sticky
	case r.length < 0 || st.bodyless() || st == StatusResetContent ||
		n == 0 && r.req.method == "HEAD":
	case n != r.length:
		return fmt.Errorf("lwan: %s: body of %d bytes, Content-Length %d",
			r.req.where(), n, r.length)
	}
	return nil
}

// replaceBroken answers in place of a response that cannot be sent: with 500, or with what a hook
// has failed with.
func (t *table) replaceBroken(req *Request, resp *Response, err error) Status {
	st := StatusInternalServerError
	if resp.refailed {
		st = resp.failed
	}
	resp.reset()
	resp.failure, resp.failed = err, st
	t.core.errorPage(req, resp, st)
	return st
}

// report writes the failure's line to the log.
func (t *table) report(req *Request, resp *Response) {
	if resp.failure == nil || req.within() { // else it is reported where the middleware ends
		return
	}
	if tooSlow(resp) {
		t.logFailureAs(slog.LevelDebug, req, resp.failure, resp.failed)
		return
	}
	t.logFailure(req, resp.failure, resp.failed)
}

// logFailure writes the line of a failure.
func (t *table) logFailure(req *Request, failure error, failed Status) {
	level := slog.LevelDebug
	if failed >= 500 {
		level = slog.LevelError
	}
	t.logFailureAs(level, req, failure, failed)
}

func (t *table) logFailureAs(level slog.Level, req *Request, failure error, failed Status) {
	if failed == StatusClientGone {
		return
	}
	args := []any{"route", req.where(), "status", int(failed), "err", failure}
	if p, ok := errors.AsType[*PanicError](failure); ok {
		args = append(args, "stack", string(p.Stack))
	}
	if kind := busyKind(failure); kind != "" && level == slog.LevelError {
		t.core.repeats.Say(req.ownLog(), req.Pattern()+" "+kind, level, "request failed", args...)
		return
	}
	req.ownLog().Log(context.Background(), level, "request failed", args...)
}

// tooSlow reports whether an answer failed because its client has taken nothing for Limits.Write:
// whoever wants to must not fill the log by that. The request's own time does not end an answer
// that has begun.
func tooSlow(resp *Response) bool {
	return resp.state == answerCut && errors.Is(resp.failure, ErrTimeout)
}

// observe calls the observers, each once.
func (c *core) observe(req *Request, resp *Response, took time.Duration) {
	for req.told < len(c.observers) {
		o := c.observers[req.told]
		req.told++
		c.tell(o, req, resp, took)
	}
}

// tell calls an observer; one that panics must not take the connection with it, and one that ends
// the goroutine not the others.
func (c *core) tell(o Observer, req *Request, resp *Response, took time.Duration) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic in an Observer", "panic", v, "stack", string(debug.Stack()))
		} else if !returned { // Goexit goes on behind this
			c.observe(req, resp, took)
		}
	}()
	o.Done(req, resp, took)
	returned = true
}
