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
	if p, ok := v.(*PanicError); ok { // it comes from another goroutine, with the stack that matters
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// recovering makes a panic of next a failure, so that middleware outside of it sees an ordinary 500.
func recovering(next Handler) Handler {
	return func(req *Request, resp *Response) (st Status) {
		defer func() {
			if v := recover(); v != nil {
				st = resp.failPanic(v)
			}
		}()
		if req.limits.Timeout > 0 {
			return inTime(next, req, resp)
		}
		return next(req, resp)
	}
}

// inTime gives up a good answer that comes after Limits.Timeout: a handler that neither waits nor looks at its context is
// stopped by nothing, and the limit is to mean the same for all. What middleware has set before stays.
func inTime(next Handler, req *Request, resp *Response) Status {
	before := slices.Clone(resp.fields)
	st := next(req, resp)
	if st >= 400 || resp.failed != 0 || resp.streamed || resp.after != nil || req.limits.Timeout <= 0 || req.car.elapsed() < req.limits.Timeout {
		return st
	}
	resp.Reset()
	resp.fields = append(resp.fields, before...)
	return resp.Fail(ErrTimeout)
}

// failPanic is Fail for a panic. http.ErrAbortHandler asks for the connection to be cut without a word.
func (r *Response) failPanic(v any) Status {
	if v == http.ErrAbortHandler {
		return r.Fail(ErrGone)
	}
	return r.Fail(newPanicError(v))
}

// answer runs the chain of the route for the request and ends the response.
func (t *table) answer(req *Request, resp *Response) {
	st := t.run(req, resp)
	t.conclude(req, resp, st) // the watchdog counts its hooks among the handler
	req.car.returned()
}

// run is recovering for middleware: what happens in handlers is recovered further in.
func (t *table) run(req *Request, resp *Response) (st Status) {
	defer func() {
		if v := recover(); v != nil {
			st = resp.failPanic(v)
		}
	}()
	return t.dispatch(req, resp)
}

// conclude sends what the handler has left to be sent.
func (t *table) conclude(req *Request, resp *Response, st Status) {
	st = t.outcome(req, resp, st)
	if after := resp.after; after != nil {
		resp.after = nil
		after(st < 400)
	}
	switch {
	case resp.taken: // the connection is somebody else's: hijacked, upgraded or subscribed
		req.car.cut()
	case resp.streamed:
		t.concludeStream(req, resp, st)
	default:
		t.concludeWhole(req, resp, st)
	}
	req.headOut = true
	t.report(req, resp)
}

// outcome corrects what a handler must not return.
func (t *table) outcome(req *Request, resp *Response, st Status) Status {
	switch {
	case resp.failed != 0 && st < 400:
		req.Log().Error("a handler returned a good status after Fail: is a return missing?", "route", req.Pattern(), "status", int(st), "err", resp.failure)
		if !resp.streamed { // what was written is the body of a success
			resp.replace()
			resp.ctype = ""
		}
		return resp.failed
	case !st.final():
		return resp.Fail(fmt.Errorf("lwan: %s returned %d, which is no final status", req.where(), int(st)))
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
	if st == resp.intended && st == resp.status && resp.failed == 0 {
		st = StatusOK // a whole answer of a finishing method that was too large to be held back
	}
	if st >= 400 && req.method != "HEAD" { // whose answer is complete, whatever comes of its body
		req.car.cut()
		return
	}
	t.endStream(req, resp)
}

// endStream ends a stream properly if everything of it could be sent, else it is cut.
func (t *table) endStream(req *Request, resp *Response) {
	resp.closeFilter()
	resp.drain()
	if resp.events != nil && req.cancelled() == ErrStopping {
		resp.lastWords(comeBack)
	}
	if resp.sticky == nil && resp.length >= 0 && resp.sent != resp.length && req.method != "HEAD" {
		resp.stick(fmt.Errorf("lwan: %s: body of %d bytes, Content-Length %d", req.where(), resp.sent, resp.length))
	}
	if resp.sticky == nil {
		resp.stick(req.car.endStream(resp))
	}
	if resp.sticky == nil {
		return
	}
	if resp.failure == nil {
		resp.failure = resp.sticky
		resp.failed = t.core.srv.statusOf(resp.sticky)
	}
	req.car.cut()
}

func (t *table) concludeWhole(req *Request, resp *Response, st Status) {
	if st == StatusClientGone {
		resp.status = st
		req.car.cut()
		return
	}
	st = t.fillError(req, resp, st)
	resp.intended = st
	var err error
	if !resp.streamed {
		err = resp.complete(st)
	}
	switch {
	case resp.streamed: // by the error page, BeforeHead or a filter
		resp.stick(err)
		t.endStream(req, resp)
		return
	case err != nil:
		st = t.replaceBroken(req, resp, err)
	}
	resp.status = st
	if st == StatusResetContent { // never has content (RFC 9110 section 15.3.6)
		resp.replace()
	}
	n := resp.bodyLen()
	req.car.finish(resp, st)
	resp.sent = int64(n)
}

// fillError puts the error page into an answer that needs one.
func (t *table) fillError(req *Request, resp *Response, st Status) Status {
	if st < 400 || resp.bodyLen() > 0 || resp.empty {
		return st
	}
	if page := t.core.srv.ErrorPage; page != nil {
		got := t.userErrorPage(page, req, resp, st)
		if got.final() {
			st = got
		}
	}
	if resp.bodyLen() == 0 && !resp.streamed && req.body.err != io.ErrUnexpectedEOF {
		// Else the client has ended before its body: the page would be for nobody, and thousands may end at once.
		t.core.errorPage(req, resp, st)
	}
	return st
}

// userErrorPage calls Server.ErrorPage; one that panics is logged, and the default page is sent.
func (t *table) userErrorPage(page func(*Request, *Response, Status) Status, req *Request, resp *Response, st Status) (got Status) {
	defer func() {
		if v := recover(); v != nil {
			req.Log().Error("panic in ErrorPage", "panic", v, "stack", string(debug.Stack()))
			if resp.streamed {
				resp.stick(newPanicError(v))
			}
			resp.replace()
			got = st
		}
	}()
	resp.intended = st
	return page(req, resp, st)
}

// complete makes the answer ready to be sent as a whole. The error is what must not be sent: a field, or what a filter or
// BeforeHead could not do.
func (r *Response) complete(st Status) (err error) {
	earlier := r.sticky
	defer func() {
		if v := recover(); v != nil {
			r.filter = nil
			err = newPanicError(v)
		}
	}()
	r.prepareHead(st)
	r.closeFilter()
	switch {
	case r.bad != nil:
		return r.bad
	case earlier == nil:
		return r.sticky
	}
	return nil
}

// replaceBroken answers 500 in place of a response that cannot be sent.
func (t *table) replaceBroken(req *Request, resp *Response, err error) Status {
	resp.Reset()
	resp.failure, resp.failed = err, StatusInternalServerError
	t.core.errorPage(req, resp, StatusInternalServerError)
	return StatusInternalServerError
}

// report writes the failure's line to the log.
func (t *table) report(req *Request, resp *Response) {
	if resp.failure == nil || resp.failed == StatusClientGone {
		return
	}
	level := slog.LevelDebug
	if resp.failed >= 500 && !tooSlow(resp) {
		level = slog.LevelError
	}
	args := []any{"route", req.where(), "status", int(resp.failed), "err", resp.failure}
	if p, ok := errors.AsType[*PanicError](resp.failure); ok {
		args = append(args, "stack", string(p.Stack))
	}
	req.Log().Log(context.Background(), level, "request failed", args...)
}

// tooSlow reports whether an answer failed because its client has taken nothing for Limits.Write: whoever wants to must
// not fill the log by that. The request's own time does not end an answer that has begun.
func tooSlow(resp *Response) bool { return resp.streamed && errors.Is(resp.failure, ErrTimeout) }

// observe calls an observer; one that panics must not take the connection with it.
func (c *core) observe(o Observer, req *Request, resp *Response, took time.Duration) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic in an Observer", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	o.Done(req, resp, took)
}
