package lwan

import (
	"context"
	"net/http"
	"runtime"
)

// apart is a handler of net/http whose client asks for another protocol. It has a goroutine of its
// own, so that nobody waits for it once it has taken the connection.
type apart struct {
	taken  chan struct{} // closed when it has
	ended  chan struct{} // closed when it has returned; how is known then
	cancel context.CancelCauseFunc
	unlink func() bool // from the request's context

	exited   bool // by Goexit
	panicked any
}

// newApart makes ctx the context of a handler that may outlive its request.
func newApart(ctx context.Context) (*apart, context.Context) {
	a := &apart{taken: make(chan struct{}), ended: make(chan struct{})}
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.unlink = context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return a, own
}

// take is called when the connection is the handler's.
func (a *apart) take() {
	a.unlink()
	close(a.taken)
}

// call runs h until it returns, or has taken the connection.
func (x *httpExchange) call(h http.Handler, r *http.Request) {
	a := x.apart
	if a == nil {
		h.ServeHTTP(x.w, r)
		return
	}
	go x.run(h, r)
	select {
	case <-a.taken:
	case <-a.ended:
		switch {
		case a.panicked != nil:
			panic(a.panicked)
		case a.exited:
			runtime.Goexit()
		}
	}
}

// run is the handler's goroutine.
func (x *httpExchange) run(h http.Handler, r *http.Request) {
	a := x.apart
	a.exited = true
	defer func() {
		if v := recover(); v != nil {
			x.died(v)
		}
		a.unlink()
		a.cancel(context.Canceled)
		removeForm(r, x.w.log)
		close(a.ended)
	}()
	h.ServeHTTP(x.w, r)
	a.exited = false
}

// died notes a panic, which is one of the caller's, or logs it if that does not wait any more.
func (x *httpExchange) died(v any) {
	if v == http.ErrAbortHandler {
		x.apart.panicked = v
		return
	}
	p := newPanicError(v)
	x.apart.panicked = p
	select {
	case <-x.apart.taken:
		x.w.log.Error("panic in a handler that has hijacked its connection", "route", x.w.route,
			"panic", p.Value, "stack", string(p.Stack))
	default:
	}
}
