package lwan

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
)

// Routes is a table of patterns with middleware; a Server embeds one. Nothing here panics: syntax
// errors and conflicts, with file:line of both places, come out of Build, Run and ListenAndServe as
// one error. Register everything before the server starts. The zero value is an empty table.
type Routes struct {
	_ noCopy

	parent *Routes
	prefix string // of the whole path, host included
	mw     []Middleware
	module string
	owner  *openModule // the module that it is part of; nil: none

	// of a root: everything registered on it and its groups, in order
	entries []*entry
	mounts  []*mount
	sites   []*Routes
	whens   []*Routes // that are searched first, on a condition
	errs    []error
	sealed  bool

	rewrites []func(req *Request) (target string, err error) // asked before anything is searched

	// of a site, or a table of a When
	outer  *Routes // the root that it is a site of, or the table around it
	cond   func(req *Request) bool
	hosts  []string
	source string
}

// entry is a registered pattern.
type entry struct {
	in      *Routes
	pattern string // prefix included
	handler Handler
	mw      []Middleware
	source  string
}

// Route describes one registered pattern.
type Route struct {
	Pattern string // full, with the prefix of its group or mount
	Module  string // name of the module that registered it, or ""
	Source  string // file:line of the registration
}

func (r *Routes) root() *Routes {
	for r.parent != nil {
		r = r.parent
	}
	return r
}

// Handle registers h for a pattern in the syntax of net/http.ServeMux: "[METHOD ][HOST]/PATH" with
// {name}, {name...} and {$}. mw runs inside the group's middleware, the first is outermost.
// METHOD may be "*", for a proxy: then h gets every method, also one that nobody has registered,
// which is answered with 501 elsewhere; without METHOD it gets those that are known.
//
// Wildcards of other routers, such as ":id" or "*", are literals here; the log says so when the
// server starts.
//
// In a group or module a pattern without a path, "" or "METHOD ", is the prefix itself: below
// /health, "GET " is "GET /health" and "GET /{$}" is "GET /health/". Where only the second is
// registered, the first is redirected to it. The prefix "/" is the one path "/".
func (r *Routes) Handle(pattern string, h Handler, mw ...Middleware) {
	r.handle(pattern, h, mw, caller(2))
}

func (r *Routes) handle(pattern string, h Handler, mw []Middleware, source string) {
	root := r.root()
	full, err := pattern, error(nil)
	if r.parent != nil {
		full, err = joinPattern(r.prefix, pattern)
	}
	switch {
	case root.sealed:
		err = errors.New("the server has started")
	case h == nil:
		err = errors.New("the handler is nil")
	case slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }):
		err = errors.New("a middleware is nil")
	}
	if err != nil {
		root.errs = append(root.errs, fmt.Errorf("%s: route %q: %w", source, pattern, err))
		return
	}
	root.entries = append(root.entries, &entry{
		in: r, pattern: full, handler: h, mw: mw, source: source,
	})
}

// caller is the place, skip frames up, that registers something.
func caller(skip int) string {
	_, file, line, ok := runtime.Caller(skip)
	if !ok {
		return "unknown place"
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// joinPattern puts prefix ("host/path", "/path" or "") before the path of pattern, which may be
// empty.
func joinPattern(prefix, pattern string) (string, error) {
	method, rest, ok := strings.Cut(pattern, " ")
	if !ok {
		method, rest = "", pattern
	} else {
		method, rest = method+" ", strings.TrimLeft(rest, " \t")
	}
	slash := strings.IndexByte(rest, '/')
	switch {
	case rest == "" && strings.Contains(prefix, "/"):
		return method + prefix, nil
	case rest == "":
		return method + prefix + "/{$}", nil
	case prefix == "":
		return pattern, nil
	case slash < 0:
		return "", errors.New("the pattern has no path")
	}
	if host := rest[:slash]; host != "" {
		if prefix[0] != '/' {
			return "", fmt.Errorf("both the pattern and its group %q name a host", prefix)
		}
		return method + host + prefix + rest[slash:], nil
	}
	return method + prefix + rest, nil
}

// Use adds middleware to all routes of this table and its groups, whatever the order of calls. It
// runs after routing, and for 404, 405 and OPTIONS too: those of a path that exists run in the
// chain of that path's route, so that CORS on a group works.
func (r *Routes) Use(mw ...Middleware) {
	if r.root().sealed || slices.ContainsFunc(mw, func(m Middleware) bool { return m == nil }) {
		r.root().errs = append(r.root().errs,
			fmt.Errorf("%s: Use: a middleware is nil, or the server has started", caller(2)))
		return
	}
	r.mw = append(r.mw, mw...)
}

// Group makes a table below prefix ("", "/api", "host/api") with middleware of its own, inside that
// of r.
func (r *Routes) Group(prefix string, mw ...Middleware) *Routes {
	g := &Routes{parent: r, module: r.module, owner: r.owner}
	full, err := joinPrefix(r.prefix, prefix)
	if err != nil {
		r.root().errs = append(r.root().errs,
			fmt.Errorf("%s: group %q: %w", caller(2), prefix, err))
	}
	g.prefix = full
	g.Use(mw...)
	return g
}

func joinPrefix(outer, prefix string) (string, error) {
	prefix = strings.TrimSuffix(prefix, "/")
	switch {
	case prefix == "":
		return outer, nil
	case strings.ContainsAny(prefix, " \t"):
		return outer, errors.New("a prefix has no method")
	case prefix[0] != '/' && outer != "":
		return outer, errors.New("a prefix inside another one must begin with a slash")
	}
	return outer + prefix, nil
}

// middleware is that of the table and all around it, outermost first.
func (r *Routes) middleware() []Middleware {
	switch {
	case r.outer != nil:
		return append(slices.Clip(r.outer.middleware()), r.mw...)
	case r.parent == nil:
		return r.mw
	}
	return append(slices.Clip(r.parent.middleware()), r.mw...)
}

// List walks over what is registered, in order; the routes of mounted modules are there once the
// server is built.
func (r *Routes) List() iter.Seq[Route] {
	return func(yield func(Route) bool) {
		for _, e := range r.root().entries {
			if e.in.within(r) &&
				!yield(Route{Pattern: e.pattern, Module: e.in.module, Source: e.source}) {
				return
			}
		}
	}
}

func (r *Routes) within(table *Routes) bool {
	for ; r != nil; r = r.parent {
		if r == table {
			return true
		}
	}
	return false
}
