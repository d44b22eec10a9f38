//go:build linux

package loop

// readyItem is a driver's token or a worker that waits for its next turn.
type readyItem struct {
	token uint64
	wt    waiter
}

// readyQueue is a ring.
type readyQueue struct {
	items   []readyItem
	head, n int
}

func (q *readyQueue) len() int { return q.n }

func (q *readyQueue) push(it readyItem) {
	if q.n == len(q.items) {
		grown := make([]readyItem, max(16, 2*q.n))
		for i := range q.n {
			grown[i] = q.items[(q.head+i)%len(q.items)]
		}
		q.items, q.head = grown, 0
	}
	q.items[(q.head+q.n)%len(q.items)] = it
	q.n++
}

func (q *readyQueue) pop() readyItem {
	it := q.items[q.head]
	q.items[q.head] = readyItem{}
	q.head = (q.head + 1) % len(q.items)
	q.n--
	return it
}

// workerQueue is a first-in first-out queue, linked through the workers.
type workerQueue struct{ head, tail *Worker }

func (q *workerQueue) push(w *Worker) {
	w.next = nil
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
}

func (q *workerQueue) pop() *Worker {
	w := q.head
	if w == nil {
		return nil
	}
	q.head = w.next
	if q.head == nil {
		q.tail = nil
	}
	w.next = nil
	return w
}

// Queued is how many tokens and workers wait for a turn. It is for code on the loop.
func (l *Loop) Queued() int { return l.ready.len() }
