package lwan

import (
	"fmt"
	"runtime/debug"

	"github.com/golwan/golwan/router"
)

// What is decided before the routes of a table are searched: what is searched for, by Rewrite, and
// in which of its tables, by When.

// Rewrite lets fn say, before the routes of this table are searched, what is to be searched for in
// place of what was asked for: a target as Reroute takes it; "": that is not its business.
// Functions are asked in the order of the calls, those of the table around a site's first, until
// one of them says something; once for each request, and never for one that is rerouted. It counts
// as a reroute, so Internal routes are found by it. What fn sees has a clean path, and no Pattern
// and Param yet. It runs on the loop: it must not wait, nor keep what it sees. What is wrong with
// the target, fn's error and its panic are answered as by Response.Fail.
//
// The table must be a server's, an Endpoint's or a site's, and no group of it.
func (r *Routes) Rewrite(fn func(req *Request) (target string, err error)) {
	root := r.root()
	if r != root || r.cond != nil || root.sealed || fn == nil {
		root.errs = append(root.errs, fmt.Errorf("%s: Rewrite: there is no function, this is a "+
			"group or of a When, or the server has started", caller(2)))
		return
	}
	r.rewrites = append(r.rewrites, fn)
}

// When is a table that is searched before this one, for requests for which cond reports true, in
// the order of the calls. A path that it has nothing at is searched for in this one; one that it
// has is answered by it, with 405 if need be. Middleware of this table is outside of its own. cond
// is asked before routing, and again when a request is rerouted: Pattern, Param and Rest are empty
// then, and the path is clean. It runs on the loop: it must not wait, nor keep what it sees. Its
// panic is answered with 500.
//
// The table must be a server's, an Endpoint's, a site's or that of a When, and no group of it.
func (r *Routes) When(cond func(req *Request) bool) *Routes {
	sub := &Routes{outer: r, cond: cond, source: caller(2)}
	root := r.root()
	if r != root || root.sealed || cond == nil {
		root.errs = append(root.errs, fmt.Errorf("%s: When: there is no condition, this is a "+
			"group, or the server has started", sub.source))
		return sub
	}
	r.whens = append(r.whens, sub)
	return sub
}

// when is a table that counts on a condition, compiled.
type when struct {
	cond  func(req *Request) bool
	table *table
}

// rewriting are the functions of a table and the one around it.
func (r *Routes) rewriting() (all []func(req *Request) (string, error)) {
	if r.outer != nil {
		all = append(all, r.outer.rewriting()...)
	}
	return append(all, r.rewrites...)
}

// ask runs what may be the program's, before routing. Nothing that it has seen is kept.
func (r *Request) ask(fn func() error) (err error) {
	before := r.aliased
	r.on.EnterUser(0)
	defer func() {
		r.on.LeaveUser()
		r.aliased = before
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// decide asks the table's functions and conditions: it makes the request one for what it is
// rewritten to, and returns the table that is to be searched. The error is for the answer.
func (t *table) decide(req *Request, host string, clean bool) (in *table, err error) {
	in = t
	err = req.ask(func() error {
		if len(t.rewrites) > 0 && clean && req.detour == nil {
			if err := t.rewrite(req); err != nil {
				return err
			}
		}
		if found := t.holding(req, host); found != nil {
			in = found
		}
		return nil
	})
	return in, err
}

func (t *table) rewrite(req *Request) error {
	for _, fn := range t.rewrites {
		target, err := fn(req)
		if err != nil {
			return err
		}
		if target == "" {
			continue
		}
		d, err := req.divert(target)
		if err == nil {
			req.follow(d)
		}
		return err
	}
	return nil
}

// holding is the first table of which all conditions hold, and that has something at the path; nil:
// there is none.
func (t *table) holding(req *Request, host string) *table {
	for i := range t.whens {
		w := &t.whens[i]
		if !w.cond(req) {
			continue
		}
		if inner := w.table.holding(req, host); inner != nil {
			return inner
		}
		if w.table.has(req, host) {
			return w.table
		}
	}
	return nil
}

// has reports whether a table has a route for the request's path, of whatever method.
func (t *table) has(req *Request, host string) bool {
	defer func() { // nothing was found yet
		req.params.Reset()
		req.result = router.Result{}
	}()
	rt, found := t.router.Match(req.method, host, req.path, &req.params)
	if !found || rt.nothing {
		if rt, found = t.missing(req, host); !found {
			return req.result.Kind != router.NotFound
		}
	}
	return !rt.nothing
}

// undecided answers a request for which nothing could be decided.
func undecided(err error) Handler {
	return func(_ *Request, resp *Response) Status {
		return resp.Fail(fmt.Errorf("lwan: before routing: %w", err))
	}
}

// compileWhens makes tables of those that count on conditions. Methods that they name are known in
// the table around them.
func (c *core) compileWhens(r *Routes, t *table) (errs []error) {
	for _, sub := range r.whens {
		inner, err := c.compile(sub)
		errs = append(errs, append(sub.errs, err)...)
		for method := range inner.named {
			t.named[method] = true
		}
		t.whens = append(t.whens, when{sub.cond, inner})
	}
	return errs
}
