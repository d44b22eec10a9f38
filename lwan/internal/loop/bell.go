//go:build linux

package loop

import "github.com/golwan/golwan/lwan/internal/transport"

// Bell wakes a worker that rests, from any goroutine. It is for a worker and goroutines that share
// something under a mutex of theirs:
//
//	worker, mutex held:      nothing to do: Arm, and note that it rests
//	worker, mutex released:  Rest
//	goroutine, mutex held:   something to do, and the worker rests: note that it does not, Ring
//
// So a bell is rung once for each time that it was armed, and an allocation is never needed. The
// zero value is ready.
type Bell struct{ letter letter }

// Arm begins a rest of w's. It is for code in w.
func (b *Bell) Arm(w *Worker) {
	wt := w.ticket(transport.Woken)
	b.letter = letter{w: wt.w, tick: wt.tick}
}

// Ring ends the rest for which the bell was armed, or will at once if it has not begun. It may be
// called from anywhere.
func (b *Bell) Ring() { b.letter.w.loop.post(&b.letter) }

// Rest parks w, after Arm, until the bell rings. Nothing else ends it.
func (w *Worker) Rest() {
	w.seat.Attach()
	w.park()
}
