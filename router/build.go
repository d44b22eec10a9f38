package router

import (
	"slices"
	"strings"
)

// branch is a node while the tree is being made: labels are whole strings, and no two kids begin
// with the same byte.
type branch struct {
	label     string
	kids      []*branch
	wild      *branch
	end, tail *leaf
	weight    int // patterns at and below
}

// newRoot is an empty tree. Every path begins with a slash, so that is its label.
func newRoot() *branch { return &branch{label: "/"} }

// insert adds a pattern to the tree whose root is b.
func (b *branch) insert(p *pattern, id routeID) {
	b.weight++
	var literals strings.Builder // since the last wildcard
	for i, s := range p.segments {
		if i > 0 {
			literals.WriteByte('/') // the first slash is the root's own label
		}
		switch s.kind {
		case literal:
			literals.WriteString(s.text)
		case wildcard:
			b = b.reach(literals.String()).behind()
			literals.Reset()
		case tail:
			b = b.reach(literals.String())
			b.tail = b.tail.with(p.method, id)
			return
		}
	}
	b = b.reach(literals.String())
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

// reach finds or makes the branch that the bytes of literals lead to.
func (b *branch) reach(literals string) *branch {
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

// layout lays branches out as a tree.
type layout struct {
	tree tree
	text strings.Builder
}

// compact gives the root b and the branches below it their final form.
func (b *branch) compact() tree {
	l := &layout{
		tree: tree{nodes: make([]node, 1), retries: make([]retry, 1), leaves: make([]leaf, 1)},
	}
	l.place(b, retry{offset: uint32(len(b.label))})
	l.tree.text = l.text.String()
	return l.tree
}

// place lays out b and everything below it, depth first, so that neighbours in the tree are
// neighbours in memory. r.fall is where a walk goes on when all of b has failed.
func (l *layout) place(b *branch, r retry) nodeID {
	id := nodeID(len(l.tree.nodes))
	l.tree.nodes = append(l.tree.nodes, node{
		size: uint32(len(b.label)), at: uint32(l.text.Len()),
		head: loadShort(b.label[:min(8, len(b.label))]), end: l.leaf(b.end), tail: l.leaf(b.tail),
	})
	l.tree.retries = append(l.tree.retries, r)
	l.text.WriteString(b.label)

	// What is below falls back to b's next way; the last way, the tail, has nothing below.
	fall := r.fall
	if b.tail != nil {
		fall = id.then(tryTail)
	}
	if b.wild != nil {
		wild := l.place(b.wild, retry{fall: fall, wilds: r.wilds + 1})
		l.tree.nodes[id].wild = wild
		fall = id.then(tryWild)
	}
	// In a list of colliding children the busiest comes first.
	slices.SortStableFunc(b.kids, func(x, y *branch) int { return y.weight - x.weight })
	for _, k := range b.kids {
		kid := l.place(k, retry{
			fall: fall, offset: r.offset + uint32(len(k.label)), wilds: r.wilds,
		})
		l.link(id, kid, k.label[0])
	}
	return id
}

// link appends kid to the list of the children of id that share its slot.
func (l *layout) link(id, kid nodeID, first byte) {
	p := &l.tree.nodes[id].child[first&7]
	for *p != 0 {
		p = &l.tree.nodes[*p].next
	}
	*p = kid
}

func (l *layout) leaf(f *leaf) leafID {
	if f == nil {
		return 0
	}
	f.settle()
	l.tree.leaves = append(l.tree.leaves, *f)
	return leafID(len(l.tree.leaves) - 1)
}
