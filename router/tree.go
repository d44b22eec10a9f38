package router

// The tree
//
// A pattern is cut at its wildcards into literals: "/users/{id}/posts" is "/users/", any segment,
// "/posts". Literals are kept in a trie whose nodes have eight children, chosen by the low three
// bits of the next byte, so that a child is found by one index and no search. Bytes collide ('/',
// 'o', '7' and 'W' all end in 111): a node reached proves nothing until its whole label has been
// compared, and children that collide are linked in a list. A chain of nodes without a choice is
// one node with a longer label.
//
// Where a wildcard follows, the node's wild points at the node that goes on behind the segment,
// with an empty label. The patterns
//
//	/users/  /users/{id}  /users/{id}/posts  /users/me  /about
//
// make
//
//	"/" ┬─ "users/" ┬─ "me" end               end:  the path may end here
//	    │   tail    └─ wild ── "" end         tail: the path may go on as it likes, or end
//	    │                      └─ "/posts" end
//	    └─ "about" end
//
// A node is pointer-free and exactly a cache line (nodes are held in one array and name each other
// by index), so a step costs one line, and the garbage collector never looks at the tree. What is
// only needed when a branch fails stands in a second array.
//
// Walking it
//
// Precedence among the patterns that match is: compare segment by segment, and literal beats {name}
// beats tail. That is a depth-first walk which tries, in each node, the literal children, then
// wild, then tail, and which takes the first leaf that knows the method. No other order can matter:
// any two patterns that match the same request are comparable (the rest are conflicts, which Build
// refuses), and the more specific one comes first in this order.
//
// A walk that fails goes back to the nearest node, upwards, that has something left to try. Which
// one that is does not depend on the path, so Build writes it down: retry.fall. Its position in the
// path is known too: the literals between have a fixed length, and where the wildcards ended stands
// in Params. So going down records nothing.
//
// The bound
//
// fall always leads forward in the depth-first order, so a walk enters each node at most once,
// whatever the path. In a node it does at most 32 comparisons of a word (as many bytes share their
// low three bits), compares one label in full, and scans one segment. Hence a walk takes time
// linear in the path's length, and no request can change the factor: it is the number of nodes at
// the same depth of wildcards that one path can reach, 1 in a table without wildcards beside
// literals. There is at most one walk for the host's patterns and one for the others, and for a
// request that has no route the same again, to gather its Allow list. A redirect is found by the
// way.

// nodeID is a node's place in the array. Place 0 is empty, so that 0 means none.
type nodeID uint32

// root is the node in which every walk begins. Its label is the first slash.
const root nodeID = 1

// node is one cache line; a test pins that.
type node struct {
	child [8]nodeID // by the low three bits of the label's first byte
	// the next child of the same parent whose first byte has the same low three bits
	next nodeID
	wild nodeID // what follows one segment of any text; only where a segment begins
	end  leafID // the path ends here
	tail leafID // the path goes on, or not; only where a segment begins
	size uint32 // length of the label
	at   uint32 // where the label begins in tree.text
	head uint64 // the label's first eight bytes, first byte lowest; zeros behind a shorter label
}

// leafID is a leaf's place in the array. 0 is a leaf without routes.
type leafID uint32

// retry says where a node is and what to try when everything below it has failed.
type retry struct {
	fall fallback
	// length of the literals from the last wildcard, or the start, to the end of the label
	offset uint32
	wilds  uint32 // wildcards before it
}

// fallback names a node and which of its ways is next: a shift keeps it one word. 0 is none.
type fallback uint32

const (
	tryTail = 0
	tryWild = 1
)

func (n nodeID) then(way fallback) fallback { return fallback(n)<<1 | way }

// tree holds the patterns of one host. It does not change once it is made.
type tree struct {
	nodes   []node
	retries []retry // of the node with the same index
	leaves  []leaf
	text    string // all labels
}

// load is the first eight bytes of s, first byte lowest. The compiler joins the bytes into one
// instruction.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// loadShort is load for what is shorter than eight bytes: zeros stand for those that are missing.
func loadShort(s string) uint64 {
	w := uint64(0)
	for i := len(s) - 1; i >= 0; i-- {
		w = w<<8 | uint64(s[i])
	}
	return w
}
