package gateway

import (
	"container/list"
	"sync"
	"sync/atomic"
)

// queue is where requests wait while every member is full: first in, first out. Who lets go of a
// place at a member calls pump, which hands it on to the first that it fits.
type queue struct {
	max int // that wait

	waiting atomic.Int32 // length of line, for those who need not lock
	mu      sync.Mutex   // held for looking and linking only
	line    list.List    // of *waiter
}

// waiter is a request in the queue. Its wake is called once, after got was set; by any goroutine,
// and must not wait.
type waiter struct {
	wish *wish
	wake func()

	place *list.Element // guarded by queue.mu; nil: it is in no line
	got   pick          // guarded by queue.mu
}

// enter lines w up and reports true, unless the queue is full. try is asked once more behind it: a
// place that became free in between has been seen by nobody.
func (q *queue) enter(w *waiter, try func(w *wish) (pick, bool)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.line.Len() >= q.max {
		return false
	}
	q.waiting.Add(1)
	w.place = q.line.PushBack(w)
	q.hand(try)
	return true
}

// pump hands places to those who wait.
func (q *queue) pump(try func(w *wish) (pick, bool)) {
	if q.waiting.Load() == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hand(try)
}

// hand gives everybody in the line who finds one a place; mu is held.
func (q *queue) hand(try func(w *wish) (pick, bool)) {
	for e := q.line.Front(); e != nil; {
		w, next := e.Value.(*waiter), e.Next()
		if p, ok := try(w.wish); ok {
			w.got = p
			q.unlink(w)
			w.wake()
		}
		e = next
	}
}

func (q *queue) unlink(w *waiter) {
	q.line.Remove(w.place)
	q.waiting.Add(-1)
	w.place = nil
}

// leave takes w out of the queue, and returns what it has been handed before that.
func (q *queue) leave(w *waiter) (p pick, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.place != nil {
		q.unlink(w)
	}
	p, w.got = w.got, pick{}
	return p, p.member != nil
}
