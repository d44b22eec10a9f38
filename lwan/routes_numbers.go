package lwan

import (
	"sync"
	"sync/atomic"
)

// routeBook finds routes by their numbers, for the watchdog, who has seen the number of a handler
// that runs, or ran a moment ago: so numbers are never used again. The zero value is empty. Each
// core adds its routes, and drops them when nobody holds it any more.
type routeBook struct {
	mu   sync.Mutex // held by who changes it
	last uint64
	all  atomic.Pointer[[][]*route] // those of each core, in the order of their numbers
}

// next is a number, from 1 on.
func (b *routeBook) next() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	return b.last
}

// add makes routes known, whose numbers follow each other.
func (b *routeBook) add(routes []*route) {
	b.change(func(all [][]*route) [][]*route { return append(all, routes) })
}

// drop forgets routes that were added.
func (b *routeBook) drop(routes []*route) {
	b.change(func(all [][]*route) (left [][]*route) {
		for _, list := range all {
			if len(list) > 0 && len(routes) > 0 && list[0] != routes[0] {
				left = append(left, list)
			}
		}
		return left
	})
}

func (b *routeBook) change(to func(all [][]*route) [][]*route) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all [][]*route
	if now := b.all.Load(); now != nil {
		all = append(all, *now...)
	}
	all = to(all)
	b.all.Store(&all)
}

// find finds a route; nil for 0, and where there is none any more.
func (b *routeBook) find(number uint64) *route {
	all := b.all.Load()
	if all == nil || number == 0 {
		return nil
	}
	for _, list := range *all {
		if i := number - list[0].number; i < uint64(len(list)) {
			return list[i]
		}
	}
	return nil
}
