package template

import "reflect"

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
// Dynamic frames are never left out, since each value has other names; their
// runs count as one frame of the scope, whatever their length.

// level says what a call does with one frame of the scope, from the top down.
type level struct {
	drop bool
	join bool // after the drop it lies on a dynamic frame, and belongs to its run
}

// normalise gives the scope that a partial is compiled for, and what the call
// must do for it; nil for nothing.
func (c *compiler) normalise(s *scope) (*scope, []level) {
	var kept []*scope
	var levels []level
	lowest := -1
	seen := map[reflect.Type]bool{}
	for at := s; at != nil; at = at.parent {
		drop := at.typ != nil && seen[at.typ]
		if drop {
			lowest = len(levels)
		} else {
			kept = append(kept, at)
		}
		seen[at.typ] = true
		levels = append(levels, level{drop: drop})
	}
	if lowest < 0 {
		return s, nil
	}
	var inner *scope
	at := len(levels) - 1
	for i := len(kept) - 1; i >= 0; i-- {
		for levels[at].drop {
			at--
		}
		inner, levels[at].join = c.push(inner, kept[i].typ)
		at--
	}
	return inner, levels[:lowest+1]
}

// relink makes a stack without the dropped frames and gives the number of
// frames that it copied for it. The frames below are shared.
func (st *state) relink(levels []level) int {
	var few [16]*frame
	kept := few[:0]
	joins := [16]bool{}
	joined := joins[:0]
	f := st.top
	for _, l := range levels {
		for {
			last := !f.joined
			if !l.drop {
				kept = append(kept, f)
				joined = append(joined, f.joined || l.join)
			}
			f = f.parent
			if last {
				break
			}
		}
	}
	st.top = f
	for i := len(kept) - 1; i >= 0; i-- {
		st.push(kept[i].v, joined[i])
	}
	return len(kept)
}
