package cache

import "sync/atomic"

// An entry is one value, or one failure, of one key. A value goes through
//
//	          insert             remove                      last release
//	made ─────────────► kept ─────────────► floating ──────────────────────► destroyed
//	  │                   │   (referenced)     ▲                                 ▲
//	  │ not to be kept    │                    │                                 │
//	  └───────────────────┼────────────────────┘                                 │
//	                      └──────────────────────────────────────────────────────┘
//	                            remove (not referenced)
//
// A reader that finds an entry in the table first counts itself into state and looks at what the
// addition returned: as long as dead is not in it the count is a reference. dead is set once the
// entry is out of the table, so a reader that meets it has only to look again.
type entry[K comparable, V any] struct {
	held[V]

	// Constant once the entry is in the table.
	cache *Cache[K, V]
	key   K
	hash  uint64
	size  int64
	err   error // a failure: there is no value, nobody refers to it, state is not used

	// Guarded by Cache.mu.
	links [2]link[K, V] // by life and turn
}

// held is the part of an entry that a Ref needs: it does not depend on the type of the key.
type held[V any] struct {
	state atomic.Uint64
	value V
	owner interface{ unreferenced() } // the entry
}

// What state is made of.
const (
	references = 1<<32 - 1 // counted; a reader adds itself before it knows whether it may
	visited    = 1 << 32   // hit since the hand of the eviction last passed
	due        = 1 << 33   // the next hit starts the refresh
	dead       = 1 << 34   // out of the table
	destroyed  = 1 << 35   // Destroy was, or is being, called; never without dead

	// flags are what a hit looks at: visited alone means that there is nothing to do but to count.
	flags = visited | due | dead | destroyed
)

// release takes back a reference, or the count of a reader that came too late.
func (h *held[V]) release() {
	if s := h.state.Add(^uint64(0)); s&(references|dead) == dead && h.end() {
		h.owner.unreferenced()
	}
}

// end reports whether the caller is the one to destroy the value: the first to see it dead and
// without references. Late readers may still come and go, so that the count passes zero more than
// once.
func (h *held[V]) end() bool {
	return h.state.Or(destroyed)&destroyed == 0
}

// kill ends the time in which readers may take references, and reports whether the caller has to
// destroy the value. The entry is not in the table any more.
func (h *held[V]) kill() bool {
	return h.state.Or(dead)&references == 0 && h.end()
}

// kept reports whether e is in the table. Cache.mu is held.
func (e *entry[K, V]) kept() bool { return e != nil && e.links[life].queue != nil }

func (e *entry[K, V]) unreferenced() { e.cache.destroy(e) }
