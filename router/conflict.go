package router

import (
	"slices"
	"strings"
)

// maxConflicts is how many conflicts Build lists. One mistake can make millions.
const maxConflicts = 100

// conflicts returns one *ConflictError for each pair of patterns that conflicts, in order of
// registration, and ErrMoreConflicts behind as many as are listed. Of patterns that match the same
// requests only the first is compared with the rest, since all of them would repeat what it has to
// say.
func conflicts(patterns []*pattern) []error {
	var errs []error
	hosts := map[string]*hostIndex{}
	for _, p := range patterns {
		index := hosts[p.host]
		if index == nil {
			index = &hostIndex{}
			hosts[p.host] = index
		}
		s := index.search(p)
		slices.SortFunc(s.found, func(a, b *pattern) int { return a.order - b.order })
		for _, q := range s.found {
			if len(errs) == maxConflicts {
				return append(errs, ErrMoreConflicts)
			}
			errs = append(errs, conflict(p, q))
		}
		if !s.same {
			index.add(p)
		}
	}
	return errs
}

func conflict(p, q *pattern) error {
	return &ConflictError{
		Pattern: p.text, Source: p.source,
		OtherPattern: q.text, OtherSource: q.source,
		Same: p.compare(q) == same, Example: commonRequest(p, q),
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

// commonSegment is a text for segment i that suits both: that of the more specific of the two.
// Beyond the end of the shorter pattern, which ends in a tail then, only the longer one has a say.
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
