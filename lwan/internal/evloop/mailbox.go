//go:build linux

package evloop

import "sync/atomic"

// letter is a message to a loop: either a worker to wake, or a function to run on the loop.
type letter struct {
	next *letter
	w    *Worker
	tick uint64
	fn   func()
}

// mailbox is how everybody else speaks to a loop: many senders, one reader, no lock, so a sender that loses its
// processor holds nobody up.
type mailbox struct {
	top atomic.Pointer[letter]
}

// push adds m; the mailbox keeps it until take.
func (b *mailbox) push(m *letter) {
	for {
		old := b.top.Load()
		m.next = old
		if b.top.CompareAndSwap(old, m) {
			return
		}
	}
}

func (b *mailbox) empty() bool { return b.top.Load() == nil }

// take empties the mailbox and returns its letters in the order in which they came.
func (b *mailbox) take() (first *letter) {
	for m := b.top.Swap(nil); m != nil; {
		next := m.next
		m.next = first
		first, m = m, next
	}
	return first
}
