package lwan

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golwan/golwan/lwan/internal/http1"
	"github.com/golwan/golwan/lwan/internal/logring"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/router"
)

// process is what is constant for a server, whatever it answers with.
type process struct {
	srv       *Server
	ring      *logring.Ring // between the loops and the log
	log       *slog.Logger  // for the server's own lines: it never waits
	given     *slog.Logger  // Server.Log, for the program's
	hangs     atomic.Bool   // given did not take its lines at the end
	repeats   logring.Repeats
	head      message.Limits
	chunks    http1.Chunked // a fresh one
	json      Codec
	numbers   routeBook
	goroutine *goroutines
	large     collectors
	laggards  []laggards      // by loop
	dialers   dialerSet       // that were used here
	ending    context.Context // over when draining starts
	drain     context.CancelFunc
}

// core is one configuration that a server answers with, compiled: that of its fields, or of a
// Tables. It is constant while anybody holds it, see holding.
type core struct {
	*process
	limits    Limits
	header    []transport.Field // sent with every answer that does not set the same field
	observers []Observer
	page      func(req *Request, resp *Response, st Status) Status // nil: the built-in one
	tables    []*table                                             // by endpoint
	routes    []*route
	stopping  context.Context    // over when draining starts, and some time after another one's coming
	retire    context.CancelFunc // ends it
	grace     time.Duration      // Tables.Grace
	forgot    atomic.Bool        // a return that is missing, where no route fits, was logged
	http      asHTTPServer
	life      coreLife
}

// table is a Routes, compiled.
type table struct {
	core    *core
	router  router.Table[*route]
	handler Handler         // in place of the router: what ToHTTP was given
	around  *table          // of a handler inside of net/http middleware: that of the request outside
	sites   *sites          // of hosts that have tables of their own; nil: there are none
	none    *route          // answers what no route fits, in the root's middleware
	methods string          // Allow of "OPTIONS *"
	named   map[string]bool // methods that patterns name

	// before the router is asked
	rewrites []func(req *Request) (target string, err error)
	whens    []when
}

// route is an entry, compiled.
type route struct {
	pattern string
	handler Handler // in all of its middleware
	// answers 405, OPTIONS and redirects of the route's path, in the same middleware
	miss Handler

	// its handler is NotFound, for every method: there is nothing, but for what is more specific
	nothing   bool
	anyMethod bool // it takes methods that nobody knows, too

	number       uint64       // from 1, among all of the server
	moved        atomic.Bool  // it has held a loop: both run as Blocking from now on
	limits       Limits       // at the end of the chain
	blocking     blockingKind // of the chain of the handler
	missBlocking blockingKind // and of that of miss

	forgot atomic.Bool // a return that is missing in it was logged
}

// answers returns what is to be run for a request of the route, and tells the watchdog.
func (rt *route) answers(req *Request, found bool) Handler {
	req.on.EnterUser(rt.number)
	moved := rt.moved.Load()
	if found {
		req.apart = moved || rt.blocking != notBlocking
		return rt.handler
	}
	req.apart = moved || rt.missBlocking != notBlocking
	return rt.miss
}

// compile makes a table of what was registered on the root r.
func (c *core) compile(r *Routes) (*table, error) {
	t := &table{core: c, none: &route{}, rewrites: r.rewriting()}
	t.none.miss, t.none.missBlocking = blockingChain(answerMiss, r.middleware())
	t.none.limits = limitsOf(r.middleware(), c.limits)
	c.number(t.none)
	methods := map[string]bool{}
	for _, e := range r.entries {
		mw := append(slices.Clip(e.in.middleware()), e.mw...)
		method := patternMethod(e.pattern)
		rt := &route{pattern: e.pattern, anyMethod: method == anyMethod}
		if rt.anyMethod {
			rt.pattern, method = strings.TrimLeft(e.pattern[len(anyMethod):], " \t"), ""
		}
		rt.nothing = isNotFound(e.handler) && method == ""
		rt.miss, rt.missBlocking = blockingChain(answerMiss, mw)
		rt.handler, rt.blocking = blockingChain(e.handler, mw)
		rt.limits = limitsOf(mw, c.limits)
		c.number(rt)
		t.router.Add(rt.pattern, rt, e.source)
		c.hint(e)
		methods[patternMethod(e.pattern)] = true
	}
	t.named = maps.Clone(methods)
	t.methods = allMethods(methods)
	var err error
	t.sites, err = c.compileSites(r)
	return t, errors.Join(append(c.compileWhens(r, t), t.router.Build(), err)...)
}

// number gives rt a number; the watchdog finds it once all are compiled.
func (c *core) number(rt *route) {
	rt.number = c.numbers.next()
	c.routes = append(c.routes, rt)
}

// isNotFound reports whether a route's handler is NotFound itself.
func isNotFound(h Handler) bool {
	return reflect.ValueOf(h).Pointer() == reflect.ValueOf(NotFound).Pointer()
}

func patternMethod(pattern string) string {
	if method, _, ok := strings.Cut(pattern, " "); ok {
		return method
	}
	return ""
}

// anyMethod stands in a pattern for every method, those included that nobody has registered.
const anyMethod = "*"

// allMethods is the Allow list of the whole server.
func allMethods(set map[string]bool) string {
	if set[""] || set[anyMethod] {
		for _, m := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			set[m] = true
		}
	}
	if set["GET"] {
		set["HEAD"] = true
	}
	set["OPTIONS"] = true
	delete(set, "")
	delete(set, anyMethod)
	list := make([]string, 0, len(set))
	for m := range set {
		list = append(list, m)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// dispatch finds the route and runs its chain. Routing comes first, so that all middleware knows
// the pattern; it is over when the chain runs, so that it takes none of the stack of a handler that
// waits.
func (t *table) dispatch(req *Request, resp *Response) Status {
	next := t.find(req, resp)
	if req.apart {
		return Blocking(next)(req, resp)
	}
	return next(req, resp)
}

// find finds what is to be run for the request, and whether on a goroutine (apart).
func (t *table) find(req *Request, resp *Response) Handler {
	if t.handler == nil {
		if t.sites != nil {
			t = t.sites.of(req.head.Authority.Of(req.buf), t)
			req.table = t
		}
		return t.chain(req, resp)
	}
	if req.cleanPath(resp) < 0 {
		return badPath
	}
	req.on.EnterUser(0)
	return t.handler
}

func badPath(*Request, *Response) Status { return StatusBadRequest }

// chain finds what is to be run.
func (t *table) chain(req *Request, resp *Response) Handler {
	if req.missed != 0 { // it is the connection that is wrong
		return t.none.answers(req, false)
	}
	if !req.hasPath() {
		return t.none.answers(req, false)
	}
	known := t.knows(req)
	if !known && !t.named[anyMethod] {
		req.missed = StatusNotImplemented
		return t.none.answers(req, false)
	}
	clean := req.cleanPath(resp)
	if clean < 0 {
		req.missed = StatusBadRequest
		return t.none.answers(req, false)
	}
	host := alias(req.head.Authority.Of(req.buf))
	if len(t.rewrites)+len(t.whens) > 0 {
		in, err := t.decide(req, host, clean == 1)
		if err != nil {
			t.none.answers(req, false)
			return undecided(err)
		}
		t = in
	}
	rt, found := t.router.Match(req.method, host, req.path, &req.params)
	if !found || rt.nothing {
		rt, found = t.missing(req, host)
	}
	if !known && !(found && rt.anyMethod) {
		req.missed = StatusNotImplemented
		return t.none.answers(req, false)
	}
	if clean == 0 && req.method != "CONNECT" {
		return t.redirectClean(req, rt)
	}
	if req.result.Kind == router.NotFound {
		return t.none.answers(req, false)
	}
	req.route = rt
	return rt.answers(req, found)
}

// missing finds out what is to be said of a path for which there is no handler, or one that stands
// for nothing.
func (t *table) missing(req *Request, host string) (rt *route, found bool) {
	rt, req.result = t.router.Find(req.method, host, req.path, &req.params)
	if req.result.Kind == router.Found && rt.nothing {
		other, miss := t.router.Otherwise(req.method, host, req.path, &req.params)
		if miss.Kind != router.NotFound {
			rt, req.result = other, miss
			req.params.Reset() // they are of the route that is not there
		}
	}
	return rt, req.result.Kind == router.Found
}

// hasPath reports whether there is a path to route by.
func (r *Request) hasPath() bool {
	return r.head.Form == message.OriginForm || r.head.Form == message.AbsoluteForm || r.detour != nil
}

// knows reports whether the method is one that somebody has registered: with IANA, or in a pattern
// of this table. Others get 501, also where a pattern names no method (RFC 9110 section 9.1), unless
// it is one for any.
func (t *table) knows(req *Request) bool {
	switch req.method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH":
		return true
	}
	return message.Registered(req.head.Method.Of(req.buf)) || t.named[req.method]
}

// cleanPath sets req.path. It returns 1 if the path was clean as it came, 0 if it had dot segments
// or doubled slashes, -1 if it is invalid.
func (r *Request) cleanPath(resp *Response) int {
	if r.detour != nil {
		r.path = alias(r.detour.path)
		return 1
	}
	raw := r.head.Path.Of(r.buf)
	if r.head.PlainPath {
		r.path = alias(raw)
		return 1
	}
	path, clean, err := message.CleanPath(r.pathBuf[:0], raw)
	r.pathBuf = path
	if err.Status != 0 {
		resp.message = err.Reason
		r.path = "/"
		return -1
	}
	r.path = alias(path)
	if !clean {
		return 0
	}
	return 1
}

// redirectClean sends a client that asked for an unclean path to the clean one, in the chain of the
// route that it would find there, as net/http.ServeMux does.
func (t *table) redirectClean(req *Request, rt *route) Handler {
	found := req.result.Kind
	if found != router.Redirect {
		req.result.Kind = router.Redirect
		// it may be the path itself, which is a view
		req.result.Location = strings.Clone(router.Escape(req.path))
	}
	if found == router.NotFound {
		return t.none.answers(req, false)
	}
	req.route = rt
	return rt.answers(req, false)
}

// answerMiss answers what the router decided without a handler.
func answerMiss(req *Request, resp *Response) Status {
	if req.missed != 0 {
		return req.missed
	}
	switch req.head.Form {
	case message.AsteriskForm: // OPTIONS *: the server as a whole (RFC 9110 section 9.3.7)
		resp.SetHeader("Allow", req.table.methods)
		return StatusNoContent
	case message.AuthorityForm:
		// a 2xx to CONNECT would make the connection a tunnel (RFC 9110 section 9.3.6)
		resp.undone = true
		return StatusNotImplemented
	}
	switch req.result.Kind {
	case router.Redirect:
		return resp.redirectPath(req.result.Location)
	case router.MethodNotAllowed:
		return answerMethod(req, resp)
	}
	return StatusNotFound
}

// answerMethod answers OPTIONS for a path that has no handler for it, and 405 for other methods
// (RFC 9110 section 15.5.6).
func answerMethod(req *Request, resp *Response) Status {
	if req.method != http.MethodOptions {
		resp.SetHeader("Allow", req.result.Allow)
		return StatusMethodNotAllowed
	}
	resp.SetHeader("Allow", req.result.Allow+", OPTIONS")
	return StatusNoContent
}

// enter makes req one of this table's: its handler came in through another one, as Build's does.
func (t *table) enter(req *Request, resp *Response) Status {
	req.table = t
	req.limits = t.core.limits
	return t.dispatch(req, resp)
}
