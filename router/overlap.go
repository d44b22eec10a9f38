package router

import (
	"maps"
	"slices"
)

// overlapIndex finds the patterns that have a path in common with a given one, without comparing each with each. It is
// a tree of segments, walked along all branches that the given pattern's paths could take.
type overlapIndex struct {
	literals map[string]*overlapIndex
	wild     *overlapIndex
	here     []*pattern // end in this literal or wildcard
	tails    []*pattern // go on with a tail
	ends     []*pattern // go on with {$}
}

// add files p under those of its segments that are still to come.
func (x *overlapIndex) add(p *pattern, rest []segment) {
	if len(rest) == 0 {
		x.here = append(x.here, p)
		return
	}
	switch rest[0].kind {
	case tail:
		x.tails = append(x.tails, p)
	case slashEnd:
		x.ends = append(x.ends, p)
	case wildcard:
		if x.wild == nil {
			x.wild = &overlapIndex{}
		}
		x.wild.add(p, rest[1:])
	case literal:
		x.literal(rest[0].text).add(p, rest[1:])
	}
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

// overlapping appends the filed patterns that have a path in common with rest.
func (x *overlapIndex) overlapping(rest []segment, found []*pattern) []*pattern {
	if x == nil {
		return found
	}
	if len(rest) == 0 {
		return append(found, x.here...)
	}
	found = append(found, x.tails...)
	switch rest[0].kind {
	case slashEnd:
		return append(found, x.ends...)
	case literal:
		found = x.literals[rest[0].text].overlapping(rest[1:], found)
		return x.wild.overlapping(rest[1:], found)
	case wildcard:
		for k := range maps.Values(x.literals) {
			found = k.overlapping(rest[1:], found)
		}
		return x.wild.overlapping(rest[1:], found)
	}
	return x.below(append(found, x.ends...))
}

// below appends everything under x, for a pattern whose tail matches it all.
func (x *overlapIndex) below(found []*pattern) []*pattern {
	kids := slices.Collect(maps.Values(x.literals))
	if x.wild != nil {
		kids = append(kids, x.wild)
	}
	for _, k := range kids {
		found = append(append(append(found, k.here...), k.tails...), k.ends...)
		found = k.below(found)
	}
	return found
}
