package logring

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// Size is how many records wait for the log at most.
const Size = 1024

// keptRecords is for how many there is room while nothing waits.
const keptRecords = 16

// Ring is a queue of records, and the goroutine that empties it, which is there only while it has
// something to do. The zero value is ready, and passes records on at once until Start.
type Ring struct {
	started atomic.Bool
	lost    atomic.Int64

	mu      sync.Mutex // held for copying only
	queue   []entry    // queue[head:] waits
	head    int
	untold  int64 // records that were lost since the log was told
	writing bool  // the goroutine is there
}

// entry is a record on its way, or a mark that Flush waits for.
type entry struct {
	to     slog.Handler
	ctx    context.Context
	record slog.Record
	passed chan struct{}
}

// Start makes the ring take records, in place of its callers' waiting for them.
func (r *Ring) Start() { r.started.Store(true) }

// Lost is how many records were lost.
func (r *Ring) Lost() int64 { return r.lost.Load() }

// Handler is h behind the ring. What is not enabled in h is not taken.
func (r *Ring) Handler(h slog.Handler) slog.Handler { return handler{r, h} }

// Flush waits until what was taken before has been handed over, or ctx is over.
func (r *Ring) Flush(ctx context.Context) error {
	passed := make(chan struct{})
	r.mu.Lock()
	r.push(entry{passed: passed})
	r.mu.Unlock()
	select {
	case <-passed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take queues a record, or loses it.
func (r *Ring) take(e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue)-r.head >= Size {
		r.untold++
		r.lost.Add(1)
		return
	}
	r.push(e)
}

// push appends to the queue, and starts the goroutine; mu is held.
func (r *Ring) push(e entry) {
	if r.head >= Size { // the goroutine is never done: move what is left, once for many
		n := copy(r.queue, r.queue[r.head:])
		clear(r.queue[n:])
		r.queue, r.head = r.queue[:n], 0
	}
	r.queue = append(r.queue, e)
	if !r.writing {
		r.writing = true
		go r.write()
	}
}

// write hands records over until there are none. A Goexit of the log's goes on behind it.
func (r *Ring) write() {
	empty := false
	defer func() {
		if !empty {
			go r.write()
		}
	}()
	for {
		e, lost, more := r.next()
		if !more {
			empty = true
			return
		}
		if e.passed != nil {
			close(e.passed)
			continue
		}
		if lost > 0 {
			r.hand(lossOf(e, lost))
		}
		r.hand(e)
	}
}

// next takes what waits first, and how many records were lost before that is said.
func (r *Ring) next() (e entry, lost int64, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.head == len(r.queue) {
		r.queue, r.head, r.writing = r.queue[:0], 0, false
		if cap(r.queue) > keptRecords {
			r.queue = nil
		}
		return entry{}, 0, false
	}
	e = r.queue[r.head]
	r.queue[r.head] = entry{}
	r.head++
	if e.passed == nil {
		lost, r.untold = r.untold, 0
	}
	return e, lost, true
}

// hand gives a record to the program's handler. One that fails, panics or ends the goroutine has
// lost it.
func (r *Ring) hand(e entry) {
	written := false
	defer func() {
		if !written {
			r.lost.Add(1)
		}
		_ = recover() // there is no log to say it to
	}()
	written = e.to.Handle(e.ctx, e.record) == nil
}

// lossOf is the record that says how many were lost, for the log that e goes to.
func lossOf(e entry, lost int64) entry {
	e.record = slog.NewRecord(e.record.Time, slog.LevelWarn,
		"lwan: the log is too slow, and records were lost", 0)
	e.record.AddAttrs(slog.Int64("lost", lost))
	return e
}
