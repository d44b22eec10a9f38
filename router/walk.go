package router

import "strings"

// walk looks the path of p up. It returns the first route in order of precedence that takes the
// method, or 0. Whether that match was exact, and which route a trailing slash would have led to,
// is left in p.
func (t *tree) walk(method methodID, p *Params) routeID {
	path, nodes, pos := p.path, t.nodes, 1
	if len(nodes) <= int(root) || path == "" || path[0] != '/' {
		return 0
	}
	id, n := root, &nodes[root]
walking:
	for {
		if pos == len(path) {
			if r := t.leaves[n.end].byMethod[method]; r != 0 {
				return r // most walks end here; atEnd would do the same
			}
			if r := t.atEnd(n, method, p); r != 0 {
				return r
			}
		} else {
			// w is the next eight bytes; near the end, the last eight bytes without those that are
			// behind us.
			w := uint64(0)
			if last := len(path) - 8; last >= 0 {
				i := min(pos, last)
				w = load(path[i:]) >> ((pos - i) * 8 & 63)
			} else {
				w = loadShort(path[pos:])
			}
			for k := n.child[path[pos]&7]; k != 0; {
				kid := &nodes[k]
				if t.isNext(kid, w, path[pos:]) {
					id, n, pos = k, kid, pos+int(kid.size)
					continue walking
				}
				if int(kid.size) == len(path)-pos+1 {
					t.trySlash(kid, method, p, pos)
				}
				k = kid.next
			}
			if n.wild != 0 {
				end := segmentEnd(path, pos)
				p.push(pos, end)
				id, n, pos = n.wild, &nodes[n.wild], end
				continue
			}
		}
		var r routeID
		if id, r = t.retreat(id, method, p); id == 0 {
			return r
		}
		n, pos = &nodes[id], p.back(p.n)
	}
}

// isNext reports whether rest begins with n's label. w is rest's first word. The zeros that pad w
// cannot pass for a label's EncodedSlash, because the sizes are compared as well.
func (t *tree) isNext(n *node, w uint64, rest string) bool {
	size := int(n.size)
	if size > len(rest) {
		return false
	}
	if size <= 8 {
		return (w^n.head)<<((8-size)*8&63) == 0
	}
	return w == n.head && rest[8:size] == t.label(n)[8:]
}

func (t *tree) label(n *node) string { return t.text[n.at:][:n.size] }

// segmentEnd is where the segment that begins at from ends. A loop is the fastest for segments of
// usual length; long ones are for the vector instructions of IndexByte.
func segmentEnd(path string, from int) int {
	const usual = 24
	limit := min(len(path), from+usual)
	for to := from; to < limit; to++ {
		if path[to] == '/' {
			return to
		}
	}
	return farEnd(path, limit)
}

// farEnd is segmentEnd for a segment that goes on at from, or ends there with the path.
func farEnd(path string, from int) int {
	if i := strings.IndexByte(path[from:], '/'); i >= 0 {
		return from + i
	}
	return len(path)
}

// atEnd is n's route for a path that ends there. A tail can match that end too, but comes after it:
// see retreat.
func (t *tree) atEnd(n *node, method methodID, p *Params) routeID {
	if r := t.accept(n.end, method, p); r != 0 {
		return r
	}
	for k := n.child['/'&7]; k != 0; k = t.nodes[k].next {
		if kid := &t.nodes[k]; kid.size == 1 {
			t.trySlash(kid, method, p, len(p.path))
		}
	}
	return 0
}

// trySlash notes n's route if the path, of which rest is left, would end in n with a slash
// appended.
func (t *tree) trySlash(n *node, method methodID, p *Params, pos int) {
	rest := p.path[pos:]
	if p.slash != 0 || strings.HasSuffix(p.path, "/") {
		return
	}
	if label := t.label(n); label[len(rest)] != '/' || label[:len(rest)] != rest {
		return
	}
	if p.slash = t.accept(n.end, method, p); p.slash == 0 {
		p.slash = t.accept(n.tail, method, p)
	}
}

// retreat is called when nothing below node id has matched, and neither has its wild. It returns
// the node to go on with, from the end of the last wildcard; or 0 and the route of a tail; or 0 and
// 0 when all has failed.
func (t *tree) retreat(id nodeID, method methodID, p *Params) (nodeID, routeID) {
	for fall := id.then(tryTail); ; {
		id = nodeID(fall >> 1)
		n, back := &t.nodes[id], t.retries[id]
		pos := p.back(int(back.wilds)) + int(back.offset)
		if fall&1 == tryWild {
			p.push(pos, segmentEnd(p.path, pos))
			return n.wild, 0
		}
		if r := t.accept(n.tail, method, p); r != 0 {
			p.rest, p.inexact = pos, pos < len(p.path)
			return 0, r
		}
		if fall = back.fall; fall == 0 {
			return 0, 0
		}
	}
}

// accept is the route of a leaf for the method, 0 if it has none. A walk that gathers accepts
// nothing but its end.
func (t *tree) accept(id leafID, method methodID, p *Params) routeID {
	l := &t.leaves[id]
	if r := l.byMethod[method]; r != 0 {
		return r
	}
	switch method {
	case extension:
		return l.named(p.method)
	case collecting:
		return p.gather.add(l)
	}
	return 0
}
