package cache

import (
	"sync"
	"sync/atomic"
)

// Ref keeps a value alive until Release. It is a value, so that a hit allocates nothing; its copies
// are the same reference, and the Release of one is the Release of all. The zero Ref holds nothing:
// Value returns the zero V.
type Ref[V any] struct {
	held   *held[V]
	ticket *ticket
	turn   uint64
}

// Value returns the value, which must not be used once the reference is released: it may be
// destroyed by then, and what it stands for (a descriptor number, say) may belong to another owner.
// So Value panics after Release.
func (r Ref[V]) Value() V {
	if r.ticket == nil {
		var zero V
		return zero
	}
	if r.ticket.turn.Load() != r.turn {
		panic("cache: Value of a released reference")
	}
	return r.held.value
}

// Release gives the reference back; the value is destroyed if it was the last one to a value that
// the cache no longer keeps. Only the first Release of a reference counts, any other, of any copy
// and from any goroutine, does nothing: so a deferred Release and an early one go together.
func (r Ref[V]) Release() {
	if r.ticket == nil || !r.ticket.turn.CompareAndSwap(r.turn, r.turn+1) {
		return
	}
	tickets.Put(r.ticket)
	r.held.release()
}

// A ticket tells one reference from all others. A Ref cannot know about its copies, and a count
// cannot know which reference has counted it down; but only one call can move the ticket from its
// turn to the next, and that call releases. Tickets are used again, on their next turn, to which no
// older Ref has a claim.
type ticket struct {
	turn atomic.Uint64
	// which hit counter: a ticket mostly stays with its CPU, so that counters do as well
	stripe uint32
}

var lastStripe atomic.Uint32

var tickets = sync.Pool{New: func() any { return &ticket{stripe: lastStripe.Add(1)} }}

// newRef makes the reference for a count that the caller has already taken of h.
func newRef[V any](h *held[V]) Ref[V] {
	t := tickets.Get().(*ticket)
	return Ref[V]{held: h, ticket: t, turn: t.turn.Load()}
}
