package router

import (
	"errors"
	"iter"
)

// Table maps patterns to values of type V. The zero value is an empty table. Add all patterns and
// then Build, from one goroutine; after a Build that succeeded the table does not change any more,
// and any number of goroutines may use Find, Allow and All at once. A Table must not be copied.
type Table[V any] struct {
	added  []addition // in order of registration
	values []V        // of added
	late   []addition // came after Build; nothing but Add and Build touches it
	built  bool
	routes routes
}

// addition is what Add was given.
type addition struct{ pattern, source string }

// Add registers v for a pattern, "[METHOD ][HOST]/[PATH]" as in net/http.ServeMux. source, usually
// "file:line", says where that happens and is for error messages alone. Add never fails: what is
// wrong is returned by Build.
func (t *Table[V]) Add(pattern string, v V, source string) {
	if t.built {
		t.late = append(t.late, addition{pattern, source})
		return
	}
	t.added = append(t.added, addition{pattern, source})
	t.values = append(t.values, v)
}

// Build compiles the table. It returns all that is wrong, joined: a *SyntaxError for each pattern
// that cannot be read, a *ConflictError for each two patterns of which neither takes precedence, or
// the first 100 of these and ErrMoreConflicts. Until a Build has succeeded, Find finds nothing.
// After it, further calls return a *LateError for each Add that came too late, and nil without one.
func (t *Table[V]) Build() error {
	var errs []error
	if t.built {
		for _, a := range t.late {
			errs = append(errs, &LateError{Pattern: a.pattern, Source: a.source})
		}
		return errors.Join(errs...)
	}
	patterns := make([]*pattern, 0, len(t.added))
	for i, a := range t.added {
		p, err := parse(a.pattern, a.source)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.order = i
		patterns = append(patterns, p)
	}
	if errs = append(errs, conflicts(patterns)...); len(errs) > 0 {
		return errors.Join(errs...)
	}
	t.routes = compile(patterns)
	t.built = true
	return nil
}

// Find looks a request up.
//
// method is case-sensitive. host is the request's host as it was sent, with or without a port, in
// any case. path is decoded and clean (see Clean), with EncodedSlash for an encoded slash; for
// CONNECT host and path are taken as they are. A path that does not begin with a slash, such as the
// "*" of OPTIONS, is not found: a server answers such a request without asking here, and likewise
// CONNECT to an authority, which has no path at all.
//
// params must not be nil. It holds the wildcards afterwards; they are empty unless the result is
// Found. Find does not allocate for a request that is found.
func (t *Table[V]) Find(method, host, path string, params *Params) (V, Result) {
	id, kind := t.routes.find(method, host, path, params)
	if kind != Found {
		return t.miss(id, kind, host, path, params)
	}
	return t.values[id-1], Result{Kind: Found, Pattern: params.route.pattern}
}

// Match is Find for who wants no more than the value: ok says that the Kind is Found. Where it is
// false, Find tells why.
func (t *Table[V]) Match(method, host, path string, params *Params) (v V, ok bool) {
	id, kind := t.routes.find(method, host, path, params)
	if kind != Found {
		return v, false
	}
	return t.values[id-1], true
}

// miss explains why no route was found.
func (t *Table[V]) miss(
	id routeID, kind Kind, host, path string, params *Params,
) (v V, res Result) {
	res.Kind = kind
	switch kind {
	case Redirect:
		res.Location = Escape(path + "/")
	case MethodNotAllowed:
		res.Allow = params.gather.set.String()
	}
	if id == 0 {
		return v, res
	}
	res.Pattern = t.added[id-1].pattern
	return t.values[id-1], res
}

// Allow lists the methods that the patterns matching a path name, sorted, as the value of an Allow
// field; HEAD is among them where GET is. anyMethod reports that a pattern without a method matches
// as well, which takes every method. The path and host are as for Find. An automatic answer to
// OPTIONS does not need it: where Find says MethodNotAllowed, Result.Allow is the same list.
func (t *Table[V]) Allow(host, path string) (methods string, anyMethod bool) {
	var p Params
	t.routes.collect("", host, path, &p, 0)
	return p.gather.set.String(), p.gather.set.any()
}

// Otherwise is what Find would have said of the path if the route that it found, for a pattern
// without a method, and all less specific ones were not there: MethodNotAllowed where there are
// others for the path, else NotFound. It is for a route that stands for nothing and only keeps a
// wider one out. found is what that Find was given, and stays as it is.
func (t *Table[V]) Otherwise(method, host, path string, found *Params) (v V, res Result) {
	if found.route == nil {
		return v, Result{Kind: NotFound}
	}
	var p Params
	t.routes.collect(method, host, path, &p, found.route.id)
	if p.gather.set.String() == "" { // none, or one that only a slash would lead to
		return v, Result{Kind: NotFound}
	}
	return t.miss(p.gather.first, MethodNotAllowed, host, path, &p)
}

// All lists the patterns in order of registration, with those that Build refused.
func (t *Table[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for i, a := range t.added {
			if !yield(a.pattern, t.values[i]) {
				return
			}
		}
	}
}
