package router

import "hash/maphash"

// overlapIndex finds the patterns that conflict with a given one, without comparing each with each.
// It is a tree of segments, walked along all branches that the given pattern's paths could take;
// the relation of the two is carried along, so that nothing is compared twice.
type overlapIndex struct {
	literals map[string]*overlapIndex
	wild     *overlapIndex
	here     []*pattern // end in this literal or wildcard
	tails    []*pattern // go on with a tail
	ends     []*pattern // go on with {$}
	lasts    lastSet    // of all patterns in and below x
}

// lastSet is a set of last segments, as a filter: two patterns whose sets have no bit in common
// have no path in common. It keeps a walk out of branches at whose end nothing fits.
type lastSet uint64

var lastSeed = maphash.MakeSeed()

// lastOf has one bit for a pattern that ends in a literal (its length counts too), and all bits for
// others.
func lastOf(segments []segment) lastSet {
	last := segments[len(segments)-1]
	if last.kind != literal {
		return ^lastSet(0)
	}
	return 1 << ((maphash.String(lastSeed, last.text) + uint64(len(segments))) % 64)
}

// add files p under its segments.
func (x *overlapIndex) add(p *pattern) {
	last := lastOf(p.segments)
	for rest := p.segments; len(rest) > 0; rest = rest[1:] {
		x.lasts |= last
		switch rest[0].kind {
		case tail:
			x.tails = append(x.tails, p)
			return
		case slashEnd:
			x.ends = append(x.ends, p)
			return
		case wildcard:
			if x.wild == nil {
				x.wild = &overlapIndex{}
			}
			x = x.wild
		case literal:
			x = x.literal(rest[0].text)
		}
	}
	x.lasts |= last
	x.here = append(x.here, p)
}

func (x *overlapIndex) literal(text string) *overlapIndex {
	if x.literals == nil {
		x.literals = map[string]*overlapIndex{}
	}
	if x.literals[text] == nil {
		x.literals[text] = &overlapIndex{}
	}
	return x.literals[text]
}

// search is a pattern on its way through an index.
type search struct {
	last  lastSet
	found []*pattern // what conflicts with it
	same  bool       // one of them matches the same requests
}

// walk looks below x for what conflicts with the search's pattern, of which rest is still to come.
// r is how what has been passed relates to x's, methods included.
func (s *search) walk(x *overlapIndex, rest []segment, r relation) {
	if x == nil || x.lasts&s.last == 0 {
		return
	}
	if len(rest) == 0 {
		s.meet(x.here, r)
		return
	}
	if rest[0].kind == tail {
		s.meet(x.tails, r)
		s.below(x, r.and(wider))
		return
	}
	s.meet(x.tails, r.and(narrower))
	switch rest[0].kind {
	case slashEnd:
		s.meet(x.ends, r)
	case literal:
		s.walk(x.literals[rest[0].text], rest[1:], r)
		s.walk(x.wild, rest[1:], r.and(narrower))
	case wildcard:
		for _, k := range x.literals {
			s.walk(k, rest[1:], r.and(wider))
		}
		s.walk(x.wild, rest[1:], r)
	}
}

// below meets everything that a tail at x matches.
func (s *search) below(x *overlapIndex, r relation) {
	if r == wider {
		return // whatever there is, is more specific
	}
	s.meet(x.ends, r)
	for _, k := range x.literals {
		s.all(k, r)
	}
	if x.wild != nil {
		s.all(x.wild, r)
	}
}

func (s *search) all(x *overlapIndex, r relation) {
	s.meet(x.here, r)
	s.meet(x.tails, r)
	s.below(x, r)
}

// meet notes the patterns of list, all of which relate to the search's as r does, if they conflict.
func (s *search) meet(list []*pattern, r relation) {
	if r == same || r == crossing {
		s.found = append(s.found, list...)
		s.same = s.same || r == same && len(list) > 0
	}
}

// hostIndex holds the patterns of one host, by method: those of methods that have nothing to do
// with each other do not get into each other's way.
type hostIndex struct {
	byMethod map[string]*overlapIndex
	named    overlapIndex // all that have a method
}

func (h *hostIndex) add(p *pattern) {
	if h.byMethod == nil {
		h.byMethod = map[string]*overlapIndex{}
	}
	if h.byMethod[p.method] == nil {
		h.byMethod[p.method] = &overlapIndex{}
	}
	h.byMethod[p.method].add(p)
	if p.method != "" {
		h.named.add(p)
	}
}

// search looks for what conflicts with p, as compareMethods has it.
func (h *hostIndex) search(p *pattern) *search {
	s := &search{last: lastOf(p.segments)}
	s.walk(h.byMethod[p.method], p.segments, same)
	switch p.method {
	case "":
		s.walk(&h.named, p.segments, wider)
		return s
	case "GET":
		s.walk(h.byMethod["HEAD"], p.segments, wider)
	case "HEAD":
		s.walk(h.byMethod["GET"], p.segments, narrower)
	}
	s.walk(h.byMethod[""], p.segments, narrower)
	return s
}
