package router

// relation compares the sets of requests that two patterns match.
type relation uint8

const (
	same     relation = iota // the same requests
	wider                    // the first matches all of the second's, and more
	narrower                 // the second matches all of the first's, and more
	apart                    // no request in common
	crossing                 // some requests in common, some on either side
)

// and is the relation of two patterns whose parts relate as r and q: the more specific pattern must
// be at least as specific in every part.
func (r relation) and(q relation) relation {
	switch {
	case r == apart || q == apart:
		return apart
	case r == same:
		return q
	case q == same || q == r:
		return r
	}
	return crossing
}

// compare relates two patterns of one host. Patterns of different hosts never conflict: two hosts
// are apart, and a host takes precedence over none.
func (p *pattern) compare(q *pattern) relation {
	return compareMethods(p.method, q.method).and(comparePaths(p.segments, q.segments))
}

// compareMethods: no method matches all of them, and GET matches HEAD as well.
func compareMethods(p, q string) relation {
	switch {
	case p == q:
		return same
	case p == "" || p == "GET" && q == "HEAD":
		return wider
	case q == "" || q == "GET" && p == "HEAD":
		return narrower
	}
	return apart
}

func comparePaths(p, q []segment) relation {
	r := same
	n := min(len(p), len(q))
	for i := range n {
		if r = r.and(compareSegments(p[i], q[i])); r == apart {
			return apart
		}
	}
	// One is longer: what it still asks for is more than nothing, which only a tail leaves open.
	switch {
	case len(p) == len(q):
		return r
	case len(p) == n && p[n-1].kind == tail:
		return r.and(wider)
	case len(q) == n && q[n-1].kind == tail:
		return r.and(narrower)
	}
	return apart
}

func compareSegments(p, q segment) relation {
	switch {
	case p.kind == q.kind && p.kind != literal:
		return same
	case p.kind == tail:
		return wider
	case q.kind == tail:
		return narrower
	case p.kind == slashEnd || q.kind == slashEnd:
		return apart // neither a literal nor a wildcard matches the nothing after a trailing slash
	case p.kind == wildcard:
		return wider
	case q.kind == wildcard:
		return narrower
	case p.text == q.text:
		return same
	}
	return apart
}
