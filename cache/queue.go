package cache

import (
	"math"
	"time"
)

// A queue is a list of entries in the order in which they came. All of them stay equally long, so
// that order is also the one in which they leave: no heap, no search. It is guarded by Cache.mu.
type queue[K comparable, V any] struct {
	which  int   // the link of the entries that it uses: life or turn
	age    int64 // how long entries stay, in ns; never ends if it is as large as forever
	slack  int64 // entries leave up to so much early, if another does
	newest *entry[K, V]
	oldest *entry[K, V]
	len    int
}

// link is the place of an entry in a queue.
type link[K comparable, V any] struct {
	queue *queue[K, V] // nil: in none
	newer *entry[K, V]
	older *entry[K, V]
	since int64
}

// An entry can be in two queues: one that ends its life, and one at whose end it is its turn to be
// refreshed.
const (
	life = iota
	turn
)

const (
	// forever is more than a century, and half of what an int64 holds: adding it to a time does not
	// overflow.
	forever  = math.MaxInt64 / 2
	maxSlack = int64(time.Second)
)

// newQueue returns a queue whose entries stay for age; zero and less: for good.
func newQueue[K comparable, V any](which int, age time.Duration) *queue[K, V] {
	q := &queue[K, V]{which: which, age: int64(age)}
	if age <= 0 {
		q.age = forever
	}
	q.slack = min(q.age/256, maxSlack)
	return q
}

func (q *queue[K, V]) push(e *entry[K, V], now int64) {
	e.links[q.which] = link[K, V]{queue: q, older: q.newest, since: now}
	if q.newest != nil {
		q.newest.links[q.which].newer = e
	} else {
		q.oldest = e
	}
	q.newest = e
	q.len++
}

// leave takes e out of the queue that it is in by that link, if any.
func (e *entry[K, V]) leave(which int) {
	l := e.links[which]
	q := l.queue
	if q == nil {
		return
	}
	if l.newer != nil {
		l.newer.links[which].older = l.older
	} else {
		q.newest = l.older
	}
	if l.older != nil {
		l.older.links[which].newer = l.newer
	} else {
		q.oldest = l.newer
	}
	q.len--
	e.links[which] = link[K, V]{}
}

// over returns the oldest entry if its time is over, or so nearly that it can go with those before
// it.
func (q *queue[K, V]) over(now int64) *entry[K, V] {
	if e := q.oldest; e != nil && q.end()-q.slack <= now {
		return e
	}
	return nil
}

// end returns when the time of the oldest entry is over: forever and later, if never.
func (q *queue[K, V]) end() int64 {
	if q.oldest == nil || q.age >= forever {
		return math.MaxInt64
	}
	return q.oldest.links[q.which].since + q.age
}
