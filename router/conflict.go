package router

import (
	"maps"
	"slices"
	"strings"
)

// shelf finds the patterns whose paths have a path in common with a given one, without comparing each with each: it
// is a tree of segments, walked along all branches that the given pattern could meet.
type shelf struct {
	literals map[string]*shelf
	wild     *shelf
	here     []*pattern // end in this literal or wildcard
	tails    []*pattern // go on with a tail
	ends     []*pattern // go on with {$}
}

// put files p under the segments that are still to come.
func (s *shelf) put(p *pattern, rest []segment) {
	if len(rest) == 0 {
		s.here = append(s.here, p)
		return
	}
	switch rest[0].kind {
	case tail:
		s.tails = append(s.tails, p)
	case slashEnd:
		s.ends = append(s.ends, p)
	case wildcard:
		if s.wild == nil {
			s.wild = &shelf{}
		}
		s.wild.put(p, rest[1:])
	case literal:
		s.literal(rest[0].text).put(p, rest[1:])
	}
}

func (s *shelf) literal(text string) *shelf {
	if s.literals == nil {
		s.literals = map[string]*shelf{}
	}
	if s.literals[text] == nil {
		s.literals[text] = &shelf{}
	}
	return s.literals[text]
}

// meet appends the filed patterns that have a path in common with rest.
func (s *shelf) meet(rest []segment, found []*pattern) []*pattern {
	if s == nil {
		return found
	}
	if len(rest) == 0 {
		return append(found, s.here...)
	}
	found = append(found, s.tails...)
	switch rest[0].kind {
	case slashEnd:
		return append(found, s.ends...)
	case literal:
		found = s.literals[rest[0].text].meet(rest[1:], found)
		return s.wild.meet(rest[1:], found)
	case wildcard:
		for k := range maps.Values(s.literals) {
			found = k.meet(rest[1:], found)
		}
		return s.wild.meet(rest[1:], found)
	}
	return s.below(append(found, s.ends...))
}

// below appends everything under s, for a pattern whose tail matches it all.
func (s *shelf) below(found []*pattern) []*pattern {
	kids := slices.Collect(maps.Values(s.literals))
	if s.wild != nil {
		kids = append(kids, s.wild)
	}
	for _, k := range kids {
		found = append(append(append(found, k.here...), k.tails...), k.ends...)
		found = k.below(found)
	}
	return found
}

// conflicts compares all patterns and returns one *ConflictError for each pair that conflicts, in order of
// registration. Of patterns that match the same requests only the first is compared with the rest, since all of them
// would repeat what it has to say.
func conflicts(patterns []*pattern) []error {
	var errs []error
	hosts := map[string]*shelf{}
	for _, p := range patterns {
		s := hosts[p.host]
		if s == nil {
			s = &shelf{}
			hosts[p.host] = s
		}
		found := s.meet(p.segments, nil)
		slices.SortFunc(found, func(a, b *pattern) int { return a.order - b.order })
		again := false
		for _, q := range found {
			r := p.compare(q)
			if r == same || r == crossing {
				errs = append(errs, conflict(p, q, r))
			}
			again = again || r == same
		}
		if !again {
			s.put(p, p.segments)
		}
	}
	return errs
}

func conflict(p, q *pattern, r relation) error {
	return &ConflictError{
		Pattern: p.text, Source: p.source,
		OtherPattern: q.text, OtherSource: q.source,
		Same: r == same, Example: commonRequest(p, q),
	}
}

// commonRequest makes up a request that both patterns match.
func commonRequest(p, q *pattern) string {
	method := p.method
	if method == "" || method == "GET" && q.method == "HEAD" {
		method = q.method
	}
	if method == "" {
		method = "GET"
	}
	var path strings.Builder
	for i := range max(len(p.segments), len(q.segments)) {
		path.WriteByte('/')
		path.WriteString(commonSegment(p, q, i))
	}
	return method + " " + p.host + Escape(path.String())
}

// commonSegment is a text for segment i that suits both: that of the more specific of the two. Beyond the end of the
// shorter pattern, which ends in a tail then, only the longer one has a say.
func commonSegment(p, q *pattern, i int) string {
	if i >= len(p.segments) || i < len(q.segments) && q.segments[i].kind == literal {
		p, q = q, p
	}
	s := p.segments[i]
	if s.kind == tail && i < len(q.segments) {
		s = q.segments[i]
	}
	switch s.kind {
	case literal, wildcard:
		return s.text
	}
	return ""
}
