//go:build linux

package loop

import "sync/atomic"

// letter is a message to a loop: either a worker to wake, or a function to run on the loop.
type letter struct {
	next *letter
	w    *Worker
	tick uint64
	fn   func()
}

// mailbox is how everybody else speaks to a loop: many senders, one reader, no lock, so a sender
// that loses its processor holds nobody up.
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

// Post runs fn on the loop, soon; from any goroutine. It must not wait.
func (l *Loop) Post(fn func()) { l.post(&letter{fn: fn}) }

func (l *Loop) post(m *letter) {
	l.mail.push(m)
	if !l.sleeping.Load() {
		return
	}
	l.wakers.Add(1)
	if l.sleeping.CompareAndSwap(true, false) {
		l.poller.Wake()
	}
	l.wakers.Add(-1)
}

// readMail reads what has come, to the end: what a function of a letter posts is read in the next
// turn. The letters that are still to be read are kept in the loop, so a function that panics does
// not take them along.
func (l *Loop) readMail() {
	if l.inbox == nil && !l.mail.empty() {
		l.inbox = l.mail.take()
	}
	for l.inbox != nil {
		m := l.inbox
		l.inbox, m.next = m.next, nil
		if m.fn != nil {
			m.fn()
		} else {
			l.wake(waiter{m.w, m.tick})
		}
	}
}
