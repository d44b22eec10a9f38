package lwan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/nethttp"
	"github.com/golwan/golwan/router"
)

// ErrRerouted is what a request fails with that is rerouted for the eleventh time: 500.
var ErrRerouted = errors.New("lwan: the request was rerouted too often")

// maxReroutes bounds how deep the handlers of one request are inside of each other.
const maxReroutes = 10

// detour is what a request asks for since it was rerouted, in place of its target. It is constant,
// and each one has memory of its own: the handler may hold views of the one before.
type detour struct {
	times    int
	path     []byte // decoded and cleaned
	query    []byte
	hasQuery bool
}

// Reroute answers the request as if target, a path and perhaps a query in the syntax of URIs, had
// been asked for: the routes of the request's table, its site's if there are sites, are searched
// again, and the route that is found runs, in all of its middleware, inside of the handler and the
// middleware that run now. So what protects a part of the site protects it from reroutes, too. A
// route that is Blocking runs as such. It must be the last thing that a handler does:
//
//	return req.Reroute(resp, "/errors/sorry.html")
//
// Path, Rest, Query, Param and Pattern are those of target from then on, and Target stays what was
// sent. A target without "?" keeps the query. It is decoded once and cleaned, as the path of a
// request is; what no request could ask for is an error (500). The method stays, and the body is
// what is left of it: ContentLength is the length of that. What was written so far is dropped, and
// fields stay; once the head has left it fails with ErrHeadSent. A request can be rerouted 10
// times, then it fails with ErrRerouted.
func (r *Request) Reroute(resp *Response, target string) Status {
	r.mustLive()
	if err := r.turnTo(resp, target); err != nil {
		return resp.Fail(err)
	}
	return r.goOn(resp)
}

// RerouteGet is Reroute with GET, or HEAD if that is the request's method, and without content: for
// what is sent in place of the handler's own answer, as a file is that an application names. When
// it returns, method and content are those of the request again, as for an access log.
func (r *Request) RerouteGet(resp *Response, target string) Status {
	r.mustLive()
	if err := r.turnTo(resp, target); err != nil {
		return resp.Fail(err)
	}
	defer r.gets()()
	return r.goOn(resp)
}

// turnTo makes the request one for a target.
func (r *Request) turnTo(resp *Response, target string) error {
	d, err := r.divert(target)
	if err == nil && !resp.whole() {
		err = ErrHeadSent
	}
	if err != nil {
		return err
	}
	resp.unanswer()
	r.follow(d)
	return nil
}

// gets makes the request a GET without content, unless it is a HEAD, until back is called.
func (r *Request) gets() (back func()) {
	method, content := r.method, r.body
	if r.method != "HEAD" {
		r.method = "GET"
	}
	r.body = body{full: true, err: io.EOF}
	return func() { r.method, r.body = method, content }
}

// divert reads a target.
func (r *Request) divert(target string) (*detour, error) {
	d := &detour{times: 1}
	if r.detour != nil {
		d.times += r.detour.times
	}
	if d.times > maxReroutes {
		return nil, fmt.Errorf("%w: to %q at last", ErrRerouted, target)
	}
	text := []byte(target)
	var marks message.TargetMarks
	if len(text) == 0 || text[0] != '/' || marks.Scan(text, 0) != len(text) {
		return nil, fmt.Errorf("lwan: rerouted to %q, which is no path with a query", target)
	}
	var raw []byte
	raw, d.query, d.hasQuery = bytes.Cut(text, []byte("?"))
	if !d.hasQuery {
		query, has := r.rawQuery()
		d.query, d.hasQuery = bytes.Clone(query), has
	}
	path, _, bad := message.CleanPath(nil, raw)
	if bad.Status != 0 {
		return nil, fmt.Errorf("lwan: rerouted to %q: %s", target, bad.Reason)
	}
	d.path = path
	return d, nil
}

// target is path and query in the syntax of URIs.
func (d *detour) target() string {
	path := router.Escape(string(d.path))
	if !d.hasQuery {
		return path
	}
	return path + "?" + string(message.AppendTarget(nil, d.query))
}

// follow makes the request one for what a detour says; nil: for its target again.
func (r *Request) follow(d *detour) {
	r.detour, r.route, r.missed = d, nil, 0
	r.result = router.Result{}
	r.pathText = ""
	r.query.reset()
	r.params.Reset()
	if d != nil {
		r.path = alias(d.path)
	}
}

// goOn runs the route that is found.
func (r *Request) goOn(resp *Response) Status {
	next, err := r.rerouted(resp)
	if err != nil {
		return resp.Fail(err)
	}
	if !r.apart || !r.on.Inline() {
		return next(r, resp)
	}
	if r.route != nil { // its middleware runs only when the goroutine does
		r.limits.BodyFirst = r.route.limits.BodyFirst
	}
	return r.x.blocking(next, r, resp)
}

var errNoRoutes = errors.New("lwan: there are no routes: the handler runs without a server")

// rerouted finds what is to be run, in the table that the request was found in.
func (r *Request) rerouted(resp *Response) (Handler, error) {
	t := r.table
	for t.around != nil {
		t = t.around
	}
	if t.handler != nil {
		return nil, errNoRoutes
	}
	r.table = t
	return t.chain(r, resp), nil
}

// RoutedTarget is the path and the query that the routes were searched for: what Reroute was given
// last, cleaned and encoded, else those of Target, as they were sent. It is what a gateway passes
// on.
func (r *Request) RoutedTarget() string {
	r.mustLive()
	if r.detour != nil {
		return r.detour.target()
	}
	path := r.head.Path
	if r.head.HasQuery {
		path.End = r.head.Query.End
	}
	if target := r.canonical(path); target != "" && target[0] == '/' {
		return target
	} else if r.hasPath() { // "http://host?query": of an empty path
		return "/" + target
	}
	return r.Target()
}

// AppendRoutedQuery appends the query of RoutedTarget with its "?", or nothing if it has none.
func (r *Request) AppendRoutedQuery(dst []byte) []byte {
	r.mustLive()
	query := r.head.Query.Of(r.buf)
	if d := r.detour; d != nil {
		if !d.hasQuery {
			return dst
		}
		query = d.query
	} else if !r.head.HasQuery {
		return dst
	}
	dst = append(dst, '?')
	if r.detour == nil && !r.head.BareTarget {
		return append(dst, query...)
	}
	return message.AppendTarget(dst, query)
}

// showDetour makes the URL of a request for net/http code that of the detour.
func (r *Request) showDetour(to *http.Request) error {
	if r.detour == nil {
		return nil
	}
	u, err := url.ParseRequestURI(r.detour.target())
	if err != nil {
		return err
	}
	u.RawPath = nethttp.EncodedPath(u)
	to.URL = u
	to.Method, to.ContentLength = r.method, r.ContentLength()
	return nil
}

// rawQuery is the query of what is asked for, encoded, and whether there is one.
func (r *Request) rawQuery() (query []byte, ok bool) {
	if d := r.detour; d != nil {
		return d.query, d.hasQuery
	}
	return r.head.Query.Of(r.buf), r.head.HasQuery
}

// plainPath reports whether the path is a part of buf.
func (r *Request) plainPath() bool { return r.head.PlainPath && r.detour == nil }

// Internal is middleware for routes that clients cannot ask for: they get 404, whatever the method,
// and only Request.Reroute finds the route.
//
//	srv.Handle("/protected/", send, lwan.Internal)
func Internal(next Handler) Handler {
	return func(req *Request, resp *Response) Status {
		if req.detour == nil {
			return StatusNotFound
		}
		return next(req, resp)
	}
}
