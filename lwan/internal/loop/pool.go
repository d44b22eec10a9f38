//go:build linux

package loop

// workerPool keeps the workers that rest, last in first out: the one whose stack is warm goes
// first.
type workerPool struct {
	top    *Worker
	n, low int // how many rest; the fewest since the last trim
}

// take returns a resting worker, or a new one.
func (p *workerPool) take(r *runner) *Worker {
	w := p.top
	if w == nil {
		r.loop.workers.Add(1)
		w = newWorker(r)
	} else {
		p.top, w.next = w.next, nil
		p.n--
		p.low = min(p.low, p.n)
	}
	return w
}

func (p *workerPool) put(w *Worker) {
	w.state = workerFree
	if p.n >= SpareWorkers {
		w.seat.Rests()
	}
	w.next, p.top = p.top, w
	p.n++
}

// SpareWorkers is how many resting workers a loop always keeps, with their buffers.
const SpareWorkers = 8

// trim ends an eighth of the workers that nobody needed since the last trim.
func (p *workerPool) trim(l *Loop) {
	for excess := (p.low - SpareWorkers + 7) / 8; excess > 0; excess-- {
		w := p.top
		p.top = w.next
		p.n--
		l.end(w)
	}
	p.low = p.n
}

// end lets a resting worker return. It must not be called from a handler.
func (l *Loop) end(w *Worker) {
	w.state = workerDead
	l.workers.Add(-1)
	w.stop()
}
