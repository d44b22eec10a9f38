package lwan

import (
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/goid"
)

// A Request with its Response may be used while its handler runs. What a goroutine gets that goes
// on, since the handler has started and forgotten it, depends on where the handler runs:
//
//   - On a loop both belong to the worker, which uses them again for the next request. Whatever
//     waits, or reads a body, asks first whether its caller is the coroutine of that worker (here),
//     and looks at nothing else of the request before: another goroutine gets ErrForeign.
//   - On a goroutine of its own (Blocking) the handler has a Request and a Response that were made
//     for it and are never used again. A goroutine that enters them after the end gets ErrOver; so
//     does one that is inside at the end, in a Write that waits, and then the answer is cut: the
//     client must not take half of what was written for all of it.
//   - On net/http they belong to the call, and are left to the collector.

// term is the time in which a Request and its Response that were made for one Blocking handler may
// be used. A nil term never ends.
type term struct {
	state atomic.Int64 // how many are inside, and termOver
	// number of the goroutine that may still enter: the handler's own, which concludes the answer
	heir atomic.Uint64

	// the handler's goroutine's
	ended, alone bool // end was called, and its result
}

// termOver is a bit of state that is out of the way of the count.
const termOver = 1 << 40

// enter is to be called before anything is used that others use at the handler's end. It reports
// false when that has come.
func (t *term) enter() bool {
	if t == nil {
		return true
	}
	if t.state.Add(1) < termOver {
		return true
	}
	if t.bars() {
		t.state.Add(-1)
		return false
	}
	return true
}

// leave is to be called when enter has reported true.
func (t *term) leave() {
	if t != nil {
		t.state.Add(-1)
	}
}

// end ends the term, and reports whether nobody was inside: then nobody is from now on. It is
// called by the handler's goroutine, when the handler has returned, or as soon as it has panicked.
func (t *term) end() (alone bool) {
	if !t.ended {
		t.ended, t.alone = true, t.state.Add(termOver) == termOver
	}
	return t.alone
}

// inherit lets the calling goroutine, the handler's, enter after the end.
func (t *term) inherit() {
	if t.heir.Load() == 0 {
		t.heir.Store(goid.Current())
	}
}

// close takes inherit back.
func (t *term) close() {
	if t != nil {
		t.heir.Store(0)
	}
}

// over reports whether the term has ended.
func (t *term) over() bool { return t != nil && t.state.Load() >= termOver }

// bars reports whether the caller could not enter.
func (t *term) bars() bool {
	if !t.over() {
		return false
	}
	heir := t.heir.Load()
	return heir == 0 || heir != goid.Current()
}

// endTerm closes the Request and the Response to all but the conclusion, where that may wait or
// call code of the program's. It reports false if somebody is inside: then nothing of them may be
// looked at.
func (r *Response) endTerm(failed bool) bool {
	if r.term == nil {
		return true
	}
	if !r.term.end() {
		return false
	}
	hooks := len(r.before)+len(r.filters) > 0 || r.filter != nil
	if failed || r.state != answerHeld || hooks {
		r.term.inherit()
	}
	return true
}
