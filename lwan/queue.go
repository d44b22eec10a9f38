package lwan

import (
	"io"
	"iter"
	"slices"
	"sync"
)

// Queue hands values from any goroutine to a handler that waits parked: no goroutine and no channel
// is held for it. The zero value works. Several handlers may wait; each value goes to one of them.
type Queue[T any] struct {
	Cap int // values that it holds at most; 0: 64. Read at each Push

	_       noCopy
	mu      sync.Mutex
	values  []T
	closed  bool
	waiting []*queueWait
}

// queueWait is a handler that waits for a value.
type queueWait struct{ wake func() }

const defaultQueue = 64

// Push adds v, from any goroutine, and never waits. It reports false if the queue is full or
// closed.
func (q *Queue[T]) Push(v T) bool {
	q.mu.Lock()
	limit := q.Cap
	if limit <= 0 {
		limit = defaultQueue
	}
	if q.closed || len(q.values) >= limit {
		q.mu.Unlock()
		return false
	}
	q.values = append(q.values, v)
	q.wakeAll()
	return true
}

// wakeAll lets all who wait look again, and gives mu back. There is rarely more than one, and one
// that has gone away must not be the only one to know of a value.
func (q *Queue[T]) wakeAll() {
	var few [4]func()
	wakes := few[:0]
	for _, w := range q.waiting {
		wakes = append(wakes, w.wake)
	}
	q.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// Pop takes the oldest value, and parks the handler until there is one. io.EOF: the queue is closed
// and empty; other errors say that the request is over.
func (q *Queue[T]) Pop(req *Request) (v T, err error) {
	me := new(queueWait)
	defer q.leave(me)
	for {
		q.mu.Lock()
		v, ok := q.take()
		closed := q.closed
		q.mu.Unlock()
		switch {
		case ok:
			return v, nil
		case closed:
			return v, io.EOF
		}
		if err := req.waitFor(func(wake func()) { q.arm(me, wake) }); err != nil {
			return v, err
		}
	}
}

// take removes the first value; mu is held.
func (q *Queue[T]) take() (v T, ok bool) {
	if len(q.values) == 0 {
		return v, false
	}
	v = q.values[0]
	clear(q.values[:1])
	if q.values = q.values[1:]; len(q.values) == 0 {
		q.values = nil
	}
	return v, true
}

// arm remembers that me waits, unless there is something already.
func (q *Queue[T]) arm(me *queueWait, wake func()) {
	q.mu.Lock()
	ready := q.closed || len(q.values) > 0
	if !slices.Contains(q.waiting, me) {
		q.waiting = append(q.waiting, me)
	}
	me.wake = wake
	q.mu.Unlock()
	if ready {
		wake()
	}
}

// leave forgets that me waits.
func (q *Queue[T]) leave(me *queueWait) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, me); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
}

// All yields values until the queue is closed and empty, or the request is over.
func (q *Queue[T]) All(req *Request) iter.Seq[T] {
	return func(yield func(T) bool) {
		req.endsWithDraining()
		for req.beginTick() {
			v, err := q.Pop(req)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// Close lets no more values in. What is in the queue is still handed out.
func (q *Queue[T]) Close() {
	q.mu.Lock()
	q.closed = true
	q.wakeAll()
}
