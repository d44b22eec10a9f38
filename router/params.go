package router

// Params is what the wildcards of a pattern matched in the last Find, and the memory that a Find
// needs. The zero value is ready. Use one for many lookups, one lookup at a time.
//
// Values are substrings of the path that was given to Find and live as long as it does: a caller
// whose path is a view of a buffer must copy what it keeps. Only a value with an encoded slash
// (%2F) is a new string.
type Params struct {
	path  string
	route *route // nil: nothing was found
	rest  int    // where a tail begins in path; -1: the pattern has none
	n     int    // wildcards matched so far
	few   [inlineParams]span
	more  []span // those beyond few

	// Of the search alone.
	method  string  // set for extension methods only
	slash   routeID // the first route that would match if the path had a trailing slash
	inexact bool    // the route was found by a tail that matched something
	gather  gather
}

// inlineParams is how many wildcards a pattern may have before Params allocates.
const inlineParams = 8

// span is a part of the path.
type span struct{ from, to int }

// gather is what a collecting walk finds.
type gather struct {
	set   methodSet
	first routeID // of the most specific path
	// a route without a method at which the walk ends, or 0; it is not gathered itself
	until routeID
}

// add gathers the routes of a leaf, and returns until if it is among them.
func (g *gather) add(l *leaf) routeID {
	first := l.first
	if g.until != 0 && l.anyMethod == g.until {
		first = l.firstNamed()
	}
	if first != 0 {
		if g.first == 0 {
			g.first = first
		}
		g.set.merge(&l.set)
	}
	if g.until != 0 && l.anyMethod == g.until {
		return g.until
	}
	return 0
}

// Len is the number of named wildcards of the pattern, {name...} included. It is 0 unless the
// result was Found.
func (p *Params) Len() int {
	if p.route == nil {
		return 0
	}
	return len(p.route.names)
}

// At is the i-th wildcard, in the order of the pattern. It panics if i is not in [0, Len).
func (p *Params) At(i int) (name, value string) {
	return p.route.names[i], restoreSlashes(p.raw(i))
}

// Get is the value of a wildcard, "" if the pattern has none of that name. It is the decoded text,
// in which an encoded slash is a slash: what a client puts there can hold "/" and "..", so it is no
// file name until it has been checked.
func (p *Params) Get(name string) string {
	for i := range p.Len() {
		if p.route.names[i] == name {
			return restoreSlashes(p.raw(i))
		}
	}
	return ""
}

// Rest is what a trailing slash or {name...} matched: the path from behind that slash, "" if the
// pattern has no such end. An encoded slash in it is a slash.
func (p *Params) Rest() string { return restoreSlashes(p.RawRest()) }

// RawRest is Rest with EncodedSlash where the client sent %2F, for callers that must tell the two
// slashes apart, as everything must that looks for a file.
func (p *Params) RawRest() string {
	if p.route == nil || p.rest < 0 {
		return ""
	}
	return p.path[p.rest:]
}

// Rebase makes the values substrings of path, which must equal the path of the last Find: for a
// caller that has moved it.
func (p *Params) Rebase(path string) {
	if p.route != nil {
		p.path = path
	} else {
		p.path = ""
	}
}

// Clone returns a copy of p that shares no memory with it but the path; see Rebase.
func (p *Params) Clone() Params {
	c := *p
	c.more = append([]span(nil), p.more...)
	return c
}

// Reset forgets the last match, so that its path can be freed. Find does not need it.
func (p *Params) Reset() {
	p.path, p.route, p.method = "", nil, ""
	p.gather = gather{} // by itself, so that it is made where it is
}

func (p *Params) raw(i int) string {
	if i == p.n {
		return p.path[p.rest:] // the last name is that of a tail
	}
	s := p.span(i)
	return p.path[s.from:s.to]
}

func (p *Params) span(i int) span {
	if i < inlineParams {
		return p.few[i]
	}
	return p.more[i-inlineParams]
}

// begin prepares a walk.
func (p *Params) begin(path string) {
	p.path, p.route = path, nil
	p.rest, p.n = -1, 0
	p.slash, p.inexact = 0, false
}

// push records that the next wildcard matched path[from:to].
func (p *Params) push(from, to int) {
	if p.n < inlineParams {
		p.few[p.n] = span{from, to}
		p.n++
		return
	}
	p.pushMore(from, to)
}

func (p *Params) pushMore(from, to int) {
	p.more = append(p.more[:p.n-inlineParams], span{from, to})
	p.n++
}

// back drops all but the first n wildcards and returns where in the path the last of them ends.
func (p *Params) back(n int) int {
	p.n = n
	if n == 0 {
		return 0
	}
	return p.span(n - 1).to
}
