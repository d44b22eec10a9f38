package router

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"
)

// TestNodeIsACacheLine pins what the speed of a walk rests on.
func TestNodeIsACacheLine(t *testing.T) {
	if n := unsafe.Sizeof(node{}); n != 64 {
		t.Errorf("a node has %d bytes", n)
	}
	for f := range reflect.TypeFor[node]().Fields() {
		switch f.Type.Kind() {
		case reflect.Uint32, reflect.Uint64, reflect.Array:
		default:
			t.Errorf("field %s is a %v: the collector would look at the nodes", f.Name, f.Type)
		}
	}
	for seed := range uint64(50) {
		tree := randomTree(seed)
		if address := uintptr(unsafe.Pointer(&tree.nodes[0])); address%64 != 0 {
			t.Errorf("%d nodes begin at %#x, in the middle of a cache line",
				len(tree.nodes), address)
		}
	}
}

func randomTree(seed uint64) *tree {
	m := byteMaker{rand.New(rand.NewPCG(seed, 3))}
	root := newRoot()
	for i := range 1 + m.IntN(60) {
		p, err := parse(m.pattern(), "")
		if err != nil {
			panic(err)
		}
		root.insert(p, routeID(i+1))
	}
	t := root.compact()
	return &t
}

// clock gives each step of a walk that fails everywhere its place in the order of precedence.
type clock struct {
	t          *testing.T
	tree       *tree
	now        int
	wild, tail map[nodeID]int // when the node's wild and tail are tried
}

// visit goes through id and everything below it, and checks that a failure goes on to something
// that is still to come. That is why a walk enters each node once, and why it ends.
func (c *clock) visit(id nodeID, offset, wilds uint32, check bool) {
	n, back := &c.tree.nodes[id], c.tree.retries[id]
	c.now++
	if back.offset != offset || back.wilds != wilds {
		c.t.Errorf("node %d stands at %d after %d wildcards, not at %d after %d",
			id, offset, wilds, back.offset, back.wilds)
	}
	for slot, k := range n.child {
		for ; k != 0; k = c.tree.nodes[k].next {
			kid := &c.tree.nodes[k]
			if int(c.tree.label(kid)[0]&7) != slot {
				c.t.Errorf("label %q hangs in slot %d", c.tree.label(kid), slot)
			}
			c.visit(k, offset+kid.size, wilds, check)
		}
	}
	if n.wild != 0 {
		c.now++
		c.wild[id] = c.now
		c.visit(n.wild, 0, wilds+1, check)
	}
	if n.tail != 0 {
		c.now++
		c.tail[id] = c.now
	}
	if !check || back.fall == 0 {
		return
	}
	next, seen := c.tail[nodeID(back.fall>>1)], c.now
	if back.fall&1 == tryWild {
		next = c.wild[nodeID(back.fall>>1)]
	}
	if next <= seen {
		c.t.Errorf("node %d, done at %d, falls back to %d", id, seen, next)
	}
}

func TestFallbackLeadsForward(t *testing.T) {
	for seed := range uint64(300) {
		tree := randomTree(seed)
		c := &clock{t: t, tree: tree, wild: map[nodeID]int{}, tail: map[nodeID]int{}}
		c.visit(root, 1, 0, false) // when everything happens
		c.now = 0
		c.visit(root, 1, 0, true)
	}
}

// TestCollisions: bytes with the same low three bits share a slot, so that only comparing in full
// tells them apart.
func TestCollisions(t *testing.T) {
	table := tableOf(t, "/hello", "/hell/{x}", "/x/{y}/h", "/x/{y}/p")
	for path, want := range map[string]Kind{
		"/hello": Found, "/pello": NotFound, "/xello": NotFound, "/hellg": NotFound,
		"/hellw": NotFound, "/hell7a": NotFound, "/hell/a": Found, "/\x00ello": NotFound,
		"/hello\x00": NotFound, "/hell\x00a": NotFound, "/x/y/h": Found, "/x/y/p": Found,
		"/x/y/x": NotFound, "7hello": NotFound, "": NotFound, "*": NotFound,
	} {
		var p Params
		if _, res := table.Find("GET", "", path, &p); res.Kind != want {
			t.Errorf("%q: %v, want %v", path, res.Kind, want)
		}
	}
}

// TestEveryByte builds a node with all children that it can have.
func TestEveryByte(t *testing.T) {
	var patterns []string
	for c := 1; c < 256; c++ {
		patterns = append(patterns, fmt.Sprintf("/%%%02Xx", c)) // %2F is the one for EncodedSlash
	}
	table := tableOf(t, patterns...)
	var p Params
	for c := range 256 {
		path := "/" + string([]byte{byte(c)}) + "x"
		v, res := table.Find("GET", "", path, &p)
		if c == '/' {
			if res.Kind != NotFound {
				t.Errorf("%q: %v", path, res)
			}
		} else if res.Kind != Found || decodePath(v) != path {
			t.Errorf("%q: %q, %v", path, v, res.Kind)
		}
	}
}
