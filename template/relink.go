package template

import (
	"reflect"
	"slices"
)

// Inside a recursive partial the stack grows with the data: Node, Node, Node.
// If every depth were another scope there would be no end of them. But a name
// that the topmost Node does not have, the lower ones do not have either, and
// so a call leaves out every frame whose type is there again nearer the top:
//
//	page:        {{#Root}}{{>node}}{{/Root}}      Page
//	node:        {{#Kids}}{{>node}}{{/Kids}}      Node -> Page
//	inside Kids:                                  Node -> Node -> Page
//	so node is called with                        Node ->         Page
//
// A run of dynamic frames is never left out, since each value has other names.

// normalise gives the scope that a partial is compiled for, and which frames of
// the caller's it has not, from the top down; nil if it has all.
func (c *compiler) normalise(s *scope) (*scope, []bool) {
	var kept []reflect.Type
	var drops []bool
	lowest := -1
	for at := s; at != nil; at = at.parent {
		drop := slices.Contains(kept, at.typ)
		if drop {
			lowest = len(drops)
		} else {
			kept = append(kept, at.typ)
		}
		drops = append(drops, drop)
	}
	if lowest < 0 {
		return s, nil
	}
	var inner *scope
	for _, t := range slices.Backward(kept) {
		inner = c.push(inner, t)
	}
	return inner, drops[:lowest+1]
}

// relink makes a stack without the dropped frames and gives the number of
// frames that it copied for it. The frames below are shared.
func (st *state) relink(drops []bool) int {
	var few [16]*frame
	kept := few[:0]
	f := st.top
	for _, drop := range drops {
		for ; f.joined; f = f.parent {
			kept = append(kept, f)
		}
		if !drop {
			kept = append(kept, f)
		}
		f = f.parent
	}
	st.top = f
	for _, k := range slices.Backward(kept) {
		st.push(k.v, k.joined)
	}
	return len(kept)
}
