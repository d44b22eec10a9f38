package lwan

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golwan/golwan/router"
)

// FromHTTPMiddleware adapts net/http middleware. It means what it means with net/http:
// FromHTTP(mw(ToHTTP(next))). So what next answers passes through the ResponseWriter that mw passes
// on, and next sees the request that mw passes on: method, URL, fields, body, form, context,
// Pattern and PathValue, RemoteAddr. The route has been found by then, whatever mw makes of the
// path; Rest of a pattern that ends with a slash follows it.
//
// What it wraps runs on a goroutine, and has a Request and Response of its own: mw may give it up
// and answer itself, as http.TimeoutHandler does. What next has set on its request (Key, SetLog,
// Defer) and what Err says of it is seen outside when mw returns, if next has returned by then;
// else next's end is that of a request that nobody waits for.
//
// A panic of next is an answer of status 500 already when mw gets it. An answer that next gives up
// panics with http.ErrAbortHandler, as with net/http; on a goroutine of mw's own, where that might
// end the process, the answer is cut when mw returns. FromHTTPMiddleware(nil) is nil, which is an
// error where it is registered.
func FromHTTPMiddleware(mw func(http.Handler) http.Handler) Middleware {
	if mw == nil {
		return nil
	}
	return func(next Handler) Handler {
		outer := mw(passOn(next))
		if outer == nil {
			return func(_ *Request, resp *Response) Status { return resp.Fail(errNoMiddleware) }
		}
		return blockingHTTP(func(req *Request, resp *Response) Status {
			x := newHTTPExchange(req, resp)
			x.pass = newPassage(req)
			x.w.pass = x.pass
			return x.serve(outer)
		})
	}
}

var errNoMiddleware = errors.New("lwan: FromHTTPMiddleware was given a function that returns nil")

// passOn is next as the middleware sees it.
func passOn(next Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pass := passageOf(w, r)
		if pass == nil {
			slog.Error("lwan: net/http middleware has passed on a request and a ResponseWriter "+
				"that both know nothing of the server's", "path", r.URL.Path)
			http.Error(w, http.StatusText(http.StatusInternalServerError),
				http.StatusInternalServerError)
			return
		}
		t := &table{
			core: pass.table.core, methods: pass.table.methods,
			named: pass.table.named, handler: next, around: pass.table,
		}
		c := newHTTPCall(w, r, t, pass)
		// an address that the middleware has found is the client's
		c.via.trusted = pass.trusted && c.Addr() == pass.peer
		c.Serve()
	})
}

// passage leads a request through net/http middleware and back.
type passage struct {
	// constant: what the handler inside finds as it is outside
	table      *table
	route      *route
	result     router.Result
	missed     Status
	limits     Limits
	values     []keyValue
	log        *slog.Logger
	start      time.Time
	path, rest string // as Request.path and Params.RawRest
	peer       netip.AddrPort
	trusted    bool // as Request.trusted
	giveUp     func()

	mu   sync.Mutex // guards the fields below
	over bool       // the middleware has returned
	cut  bool       // an answer was given up on another goroutine than the middleware's
	// handlers inside that have returned; those that have not by the end of the middleware are on
	// their own
	ended []*insideCall

	// of the middleware's goroutine
	failure error // of a handler inside
	failed  Status
}

func newPassage(req *Request) *passage {
	return &passage{
		table: req.table, route: req.route, result: req.result, missed: req.missed,
		limits: req.limits, values: slices.Clone(req.values), log: req.log,
		start: time.Now().Add(-req.elapsed()),
		path:  strings.Clone(req.path), rest: strings.Clone(req.rawRest()),
		peer: req.address(), trusted: req.trusted, giveUp: req.on.Killer(),
	}
}

type passKeyType struct{}

// passKey is where the context has the passage.
var passKey passKeyType

// passageOf finds the passage that a request belongs to: in its context; if that is another one, by
// its body or by the ResponseWriter, whatever is around it.
func passageOf(w http.ResponseWriter, r *http.Request) *passage {
	if pass, ok := r.Context().Value(passKey).(*passage); ok {
		return pass
	}
	for w != nil {
		if own, ok := w.(*httpWriter); ok {
			return own.pass
		}
		around, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = around.Unwrap()
	}
	return nil
}

// begin makes the request of a handler inside one of the passage's.
func (p *passage) begin(req *Request) {
	// else the middleware has found another one
	if req.route == nil || p.route != nil && req.route.pattern == p.route.pattern {
		req.route, req.result, req.missed = p.route, p.result, p.missed
	}
	req.limits, req.log = p.limits, p.log
	req.values = slices.Clone(p.values)
	if b, ok := req.via.r.Body.(*httpBody); ok {
		req.body.begun = b.hasBegun() // what the middleware has read is not there any more
	}
}

// tail is Rest of a handler inside. A tail without a name follows the path that the middleware
// passes on.
func (p *passage) tail(req *Request) string {
	pattern := req.Pattern()
	switch {
	case req.path == p.path:
		return p.rest
	case strings.HasSuffix(pattern, "/"):
		if rest, ok := strings.CutPrefix(req.path, strings.TrimSuffix(p.path, p.rest)); ok {
			return rest
		}
		return strings.TrimPrefix(req.path, "/")
	}
	return p.rest
}

// leave is the end of a handler inside. It reports false if the middleware has given it up.
func (p *passage) leave(c *insideCall) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.ended = append(p.ended, c)
	}
	return !p.over
}

// end is that of the middleware: what the handlers inside have left becomes the request's.
func (p *passage) end(req *Request, resp *Response) {
	p.mu.Lock()
	p.over = true
	ended := p.ended
	p.ended = nil
	p.mu.Unlock()
	for _, c := range ended {
		for _, kv := range c.x.req.values {
			req.setValue(kv)
		}
		if c.x.req.log != nil {
			req.log = c.x.req.log
		}
		if c.x.resp.failure != nil {
			p.failure, p.failed = c.x.resp.failure, c.x.resp.failed
		}
		if len(c.x.req.defers) > 0 {
			req.Defer(c.call.Over)
		} else {
			c.call.Over()
		}
	}
}

// conclude says why the answer has that status, if a handler inside has failed; else the log says
// that it has.
func (p *passage) conclude(resp *Response, st Status) {
	switch {
	case p.failure == nil:
	case st >= 400 && !resp.state.headOut():
		resp.failure, resp.failed = p.failure, st
	default:
		resp.req.table.logFailure(resp.req, p.failure, p.failed)
	}
}

// explain makes the failure of the handler inside that of an answer which fails because of it.
func (p *passage) explain(resp *Response) {
	if p.failure != nil {
		resp.failure, resp.failed = p.failure, p.failed
	}
}

// abandon ends what the request outside writes, while it is under way.
func (p *passage) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.giveUp()
	}
}

// abort gives up the answer of a handler inside.
func (p *passage) abort() {
	if recovered() {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
}

func (p *passage) isCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut
}

// recovered reports whether a panic of the caller is known to be recovered: on the goroutine of the
// middleware, or one that http.TimeoutHandler has started.
func recovered() bool {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		switch {
		case strings.HasSuffix(f.Function, "lwan.(*httpExchange).call"),
			strings.HasSuffix(f.Function, "lwan.(*httpExchange).run"),
			strings.HasPrefix(f.Function, "net/http.(*timeoutHandler)."):
			return true
		case !more:
			return false
		}
	}
}
