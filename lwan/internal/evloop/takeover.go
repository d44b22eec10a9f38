//go:build linux

package evloop

import "fmt"

// A handler that never comes back takes its runner with it, but not its loop. While a handler runs, the loop's state lies
// still: the handler's code does not touch it. It is the loop's beat that says so: odd while a handler runs, and whoever
// changes it from there has the loop.
//
//	handler calls into the loop, or returns:   beat odd ──CAS──▶ even      the usual case
//	watchdog, after long enough:               beat odd ──CAS──▶ even      the loop is taken over: a fresh runner turns it
//	the handler comes back after all:          its CAS fails: it asks to be let in again, and waits
//
// So a loop can have several runners, of which one turns it and the others wait for the token. A worker of a pinned runner
// can be resumed on that runner's thread only: when its turn comes, the token goes there. What is parked on a runner that
// is stuck has to wait until it is not; workers of free runners go on with any of them.

// maxRunners bounds the threads that handlers without an end can cost.
const maxRunners = 64

// Enter is called when a handler begins: until Leave the worker does not touch the loop. tag tells the watchdog which
// handler it is, in the protocol's numbering.
func (w *Worker) Enter(tag uint64) {
	l := w.loop
	l.handlers += 2
	w.beat, w.entered = l.handlers|1, tag
	l.pulse.tag.Store(tag)
	l.pulse.beat.Store(w.beat)
}

// Leave is called when the handler returns, or calls something that touches the loop. If the loop was taken over
// meanwhile, it waits for its turn. It returns what Return needs to go on with the handler.
func (w *Worker) Leave() (left uint64) {
	if w.beat == 0 {
		return 0 // it has left already, or nobody watches
	}
	l := w.loop
	beat := w.beat
	w.beat = 0
	if !l.pulse.beat.CompareAndSwap(beat, beat&^1) {
		w.readmit()
	}
	return w.entered + 1
}

// Return goes on with the handler that Leave left.
func (w *Worker) Return(left uint64) {
	if left != 0 {
		w.Enter(left - 1)
	}
}

// TakeOver gives the loop to a fresh runner, if the handler that Beat has shown still runs. It is for a watchdog.
func (l *Loop) TakeOver(beat uint64) (bool, error) {
	if len(*l.runners.Load()) >= maxRunners {
		return false, fmt.Errorf("evloop: %d handlers are stuck on loop %d; it is not taken over any more", maxRunners-1, l.id)
	}
	if !l.pulse.beat.CompareAndSwap(beat, beat&^1) {
		return false, nil
	}
	old := l.runner.Load()
	old.stuck = l.current
	l.attach(&l.current.Conn) // so that its events find it
	r := newRunner(l, old.mode)
	l.eng.runners.Add(1)
	ready := make(chan error, 1)
	go r.start(ready)
	if err := <-ready; err != nil { // the thread could not be pinned: the loop stays with the old one
		close(r.token)
		old.stuck = nil
		l.pulse.beat.Store(beat)
		return false, err
	}
	list := append([]*runner{}, *l.runners.Load()...)
	list = append(list, r)
	l.runners.Store(&list)
	l.runner.Store(r)
	l.counts.Takeovers++
	r.token <- nil
	return true, nil
}

// readmit waits, in a handler whose loop was taken over, until the loop is its runner's again.
func (w *Worker) readmit() {
	l := w.loop
	l.Do(func() {
		w.state, w.waitsForToken = workerQueued, true
		l.runq.push(w)
	})
	<-w.runner.token // it can only be for w: nobody else of this runner goes on before
	w.waitsForToken = false
	r := w.runner
	r.stuck = nil
	for p := r.delayed.pop(); p != nil; p = r.delayed.pop() {
		l.runq.push(p)
	}
	l.run(w)
}

// follow finds out who runs the loop after w: next, on this runner or on its own. It returns the worker that this runner
// has to resume, perhaps after a long time; false when the loop has ended.
func (r *runner) follow(next *Worker) (*Worker, bool) {
	if next.runner != r && r.mode == Free && !next.waitsForToken {
		next.runner = r
	}
	if next.runner == r {
		return next, true
	}
	r.loop.runner.Store(next.runner)
	next.runner.token <- next
	return r.await()
}

// await waits for the token.
func (r *runner) await() (*Worker, bool) {
	w, more := <-r.token
	if !more {
		return nil, false
	}
	if w == nil {
		w = r.pool.take(r)
	}
	return w, true
}

// runnable takes the next worker that can go on; those of a runner that is stuck have to wait for it.
func (l *Loop) runnable() *Worker {
	for {
		p := l.runq.pop()
		if p == nil {
			return nil
		}
		if r := p.runner; r.stuck != nil && r.stuck != p && r.mode != Free {
			r.delayed.push(p)
			continue
		}
		return p
	}
}

// run notes that w runs the loop now.
func (l *Loop) run(w *Worker) {
	w.state = workerRunning
	l.current = w
	l.pulse.worker.Store(w.number)
}

// dismiss ends the runners that wait for the token, when the loop has ended.
func (l *Loop) dismiss(last *runner) {
	for _, r := range *l.runners.Load() {
		if r != last {
			close(r.token)
		}
	}
}
