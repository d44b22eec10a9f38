package drive

// fifo is a queue. Its memory is used again when it is empty. The zero value is empty.
type fifo[T any] struct {
	items []T
	first int
}

func (q *fifo[T]) push(item T) { q.items = append(q.items, item) }

func (q *fifo[T]) len() int { return len(q.items) - q.first }

// pop takes the oldest item of a queue that is not empty.
func (q *fifo[T]) pop() T {
	item := q.items[q.first]
	q.first++
	switch {
	case q.first == len(q.items):
		q.items, q.first = q.items[:0], 0
	case q.first >= 1024 && 2*q.first >= len(q.items): // half of it is of no use any more
		q.items, q.first = append(q.items[:0], q.items[q.first:]...), 0
	}
	return item
}
