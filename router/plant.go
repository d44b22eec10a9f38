package router

import (
	"slices"
	"strings"
)

// branch is a node while the tree is being made: labels are whole strings, and no two kids begin with the same byte.
type branch struct {
	label     string
	kids      []*branch
	wild      *branch
	end, tail *leaf
	weight    int // patterns at and below
}

// newStart is an empty tree. Every path begins with a slash, so that is its label.
func newStart() *branch { return &branch{label: "/"} }

// plant adds a pattern to the tree whose start is b.
func (b *branch) plant(p *pattern, id routeID) {
	b.weight++
	literals := ""
	for i, s := range p.segments {
		if i > 0 {
			literals += "/" // the first slash is the start's own label
		}
		switch s.kind {
		case literal:
			literals += s.text
		case wildcard:
			b = b.grow(literals).behind()
			literals = ""
		case tail:
			b = b.grow(literals)
			b.tail = b.tail.with(p.method, id)
			return
		}
	}
	b = b.grow(literals)
	b.end = b.end.with(p.method, id)
}

// with adds a route to a leaf, which may not be there yet.
func (l *leaf) with(method string, id routeID) *leaf {
	if l == nil {
		l = &leaf{}
	}
	l.add(method, id)
	return l
}

// behind is the branch that goes on after a wildcard.
func (b *branch) behind() *branch {
	if b.wild == nil {
		b.wild = &branch{}
	}
	b.wild.weight++
	return b.wild
}

// grow finds or makes the branch that is reached by the bytes of literals.
func (b *branch) grow(literals string) *branch {
	for literals != "" {
		kid := b.kid(literals[0])
		if kid == nil {
			kid = &branch{label: literals}
			b.kids = append(b.kids, kid)
		}
		n := commonPrefix(kid.label, literals)
		if n < len(kid.label) {
			kid.split(n)
		}
		kid.weight++
		b, literals = kid, literals[n:]
	}
	return b
}

func (b *branch) kid(first byte) *branch {
	for _, k := range b.kids {
		if k.label[0] == first {
			return k
		}
	}
	return nil
}

// split moves everything behind the first n bytes of the label into a kid.
func (b *branch) split(n int) {
	lower := *b
	lower.label = b.label[n:]
	*b = branch{label: b.label[:n], kids: []*branch{&lower}, weight: b.weight}
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// gardener turns branches into a tree.
type gardener struct {
	tree tree
	text strings.Builder
}

// lay gives start and the branches below it their final form.
func (start *branch) lay() tree {
	g := &gardener{}
	g.tree.leaves = append(g.tree.leaves, leaf{})
	g.tree.nodes = append(g.tree.nodes, node{})
	g.tree.retries = append(g.tree.retries, retry{})
	g.place(start, retry{offset: uint32(len(start.label))})
	g.tree.text = g.text.String()
	return g.tree
}

// place lays b and everything below it, in the order in which a walk comes by, so that neighbours in the tree are
// neighbours in memory.
func (g *gardener) place(b *branch, r retry) nodeID {
	id := nodeID(len(g.tree.nodes))
	g.tree.nodes = append(g.tree.nodes, node{
		size: uint32(len(b.label)), at: uint32(g.text.Len()), head: loadShort(b.label[:min(8, len(b.label))]),
		end: g.leaf(b.end), tail: g.leaf(b.tail),
	})
	g.tree.retries = append(g.tree.retries, r)
	g.text.WriteString(b.label)

	fall := r.fall
	if b.tail != nil {
		fall = id.then(tryTail)
	}
	if b.wild != nil {
		wild := g.place(b.wild, retry{fall: fall, wilds: r.wilds + 1})
		g.tree.nodes[id].wild = wild
		fall = id.then(tryWild)
	}
	// In a list of colliding children the busiest comes first.
	slices.SortStableFunc(b.kids, func(x, y *branch) int { return y.weight - x.weight })
	for _, k := range b.kids {
		kid := g.place(k, retry{fall: fall, offset: r.offset + uint32(len(k.label)), wilds: r.wilds})
		g.link(id, kid, k.label[0])
	}
	return id
}

// link appends kid to the list of the children of id that share its slot.
func (g *gardener) link(id, kid nodeID, first byte) {
	p := &g.tree.nodes[id].child[first&7]
	for *p != 0 {
		p = &g.tree.nodes[*p].next
	}
	*p = kid
}

func (g *gardener) leaf(l *leaf) leafID {
	if l == nil {
		return 0
	}
	l.settle()
	g.tree.leaves = append(g.tree.leaves, *l)
	return leafID(len(g.tree.leaves) - 1)
}
