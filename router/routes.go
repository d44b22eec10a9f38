package router

// routes is a compiled table without its values.
type routes struct {
	list   []route          // by routeID-1
	byHost map[string]*tree // by folded host
	plain  tree             // patterns without a host
}

// route is what a match needs to know of its pattern.
type route struct {
	id      routeID
	pattern string
	names   []string // of the wildcards, left to right
}

// compile makes trees of patterns that are known to be free of conflicts, and complete: each stands
// at its order.
func compile(patterns []*pattern) routes {
	var rs routes
	roots := map[string]*branch{"": newRoot()}
	for i, p := range patterns {
		rs.list = append(rs.list, route{id: routeID(i + 1), pattern: p.text, names: p.names()})
		if roots[p.host] == nil {
			roots[p.host] = newRoot()
		}
		roots[p.host].insert(p, routeID(i+1))
	}
	rs.plain = roots[""].compact()
	delete(roots, "")
	for host, b := range roots {
		if rs.byHost == nil {
			rs.byHost = make(map[string]*tree, len(roots))
		}
		t := b.compact()
		rs.byHost[host] = &t
	}
	return rs
}

// find looks a request up and fills p. The route is 0 with NotFound only.
func (rs *routes) find(method, host, path string, p *Params) (routeID, Kind) {
	m := identify(method)
	p.begin(path)
	if m == extension {
		p.method = method
	}
	r := routeID(0)
	if rs.byHost != nil {
		r = rs.walkHost(m, method, host, p)
	}
	if r == 0 {
		r = rs.plain.walk(m, p)
	}
	// An exact match stands. Anything else gives way to the exact match that a trailing slash
	// makes.
	if r != 0 && (p.slash == 0 || !p.inexact) {
		p.route = &rs.list[r-1]
		return r, Found
	}
	return rs.missing(method, host, path, p)
}

// walkHost looks among the patterns of one host, which come before those without a host.
func (rs *routes) walkHost(m methodID, method, host string, p *Params) routeID {
	var buf [maxHost]byte
	t := rs.byHost[string(foldInto(buf[:0], hostOf(method, host)))]
	if t == nil {
		return 0
	}
	r := t.walk(m, p)
	if r == 0 {
		p.back(0)
	}
	return r
}

// missing is find for a request without a match of its own.
func (rs *routes) missing(method, host, path string, p *Params) (routeID, Kind) {
	if p.slash != 0 {
		return p.slash, Redirect
	}
	rs.collect(method, host, path, p, 0)
	if p.gather.first != 0 {
		return p.gather.first, MethodNotAllowed
	}
	return 0, NotFound
}

// collect leaves in p.gather the methods of all patterns that match the path, or would with a slash
// appended; of those alone that are more specific than the route until, if it is not 0.
func (rs *routes) collect(method, host, path string, p *Params, until routeID) {
	p.begin(path)
	p.gather = gather{until: until}
	if rs.byHost != nil && rs.walkHost(collecting, method, host, p) != 0 {
		return
	}
	rs.plain.walk(collecting, p)
}
