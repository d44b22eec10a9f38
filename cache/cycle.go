package cache

import (
	"sync"
	"sync/atomic"
)

// waitGraph knows which creations wait for which: an edge leads from a flight to one that its
// Create waits for. A Get that would close a circle is refused. Only a Get that is called from
// Create looks at it, so its mutex is no other's concern; it is never held together with Cache.mu.
type waitGraph[K comparable, V any] struct {
	mu sync.Mutex
	// Guarded by mu.
	search uint64          // number of the last search
	stack  []*flight[K, V] // of the search, kept for the next one
}

// vertex is the part of a flight that the graph needs.
type vertex[K comparable, V any] struct {
	// Atomic: Create has returned. It waits for nothing, and nothing waits for it much longer.
	over atomic.Bool

	// Guarded by waitGraph.mu.
	needs map[*flight[K, V]]int // waited for, by so many Gets
	seen  uint64                // the last search that came by
}

// enter adds the edge from from to f, or reports false if that would close a circle. Time is linear
// in what f needs.
func (g *waitGraph[K, V]) enter(from, f *flight[K, V]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reaches(f, from) {
		return false
	}
	if from.needs == nil {
		from.needs = map[*flight[K, V]]int{}
	}
	from.needs[f]++
	return true
}

// reaches reports whether f is target or needs it, be it through others. mu is held.
func (g *waitGraph[K, V]) reaches(f, target *flight[K, V]) bool {
	g.search++
	defer func() {
		clear(g.stack)
		g.stack = g.stack[:0]
	}()
	g.visit(f)
	for len(g.stack) > 0 {
		last := len(g.stack) - 1
		at := g.stack[last]
		g.stack = g.stack[:last]
		if at == target {
			return true
		}
		for next := range at.needs {
			g.visit(next)
		}
		if before := at.after.Load(); before != nil {
			g.visit(before)
		}
	}
	return false
}

// visit puts f on the stack, unless the search has been there or f is over. mu is held.
func (g *waitGraph[K, V]) visit(f *flight[K, V]) {
	if f.seen == g.search || f.over.Load() {
		return
	}
	f.seen = g.search
	g.stack = append(g.stack, f)
}

// leave takes an edge back that enter has added.
func (g *waitGraph[K, V]) leave(from, f *flight[K, V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if from.needs[f]--; from.needs[f] == 0 {
		delete(from.needs, f)
	}
}
