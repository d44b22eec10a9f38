package template

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// reloader finds changed files by reading them: an fs.FS need not know when a
// file was changed, and a clock that is coarse hides a quick second change.
type reloader struct {
	set   Set
	build func() (*program, error)

	mu    sync.Mutex
	units map[string]*unit // of the last attempt, good or not; guarded by mu
}

// check replaces the program if a file has changed and all of it compiles. It
// holds the lock meanwhile, so that the next rendering sees the change.
func (r *reloader) check(current *atomic.Pointer[program]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.changed() {
		return
	}
	p, err := r.build()
	r.units = p.units
	if err != nil {
		r.set.reloadFailed(err)
		return
	}
	current.Store(p)
}

// changed reads the files again.
func (r *reloader) changed() bool {
	for name, old := range r.units {
		if !old.given && !r.set.unit(name).same(old) {
			return true
		}
	}
	return false
}

// same tells whether reading gave the same as before.
func (u *unit) same(old *unit) bool {
	return u.source == old.source && u.missing == old.missing &&
		fmt.Sprint(u.failure) == fmt.Sprint(old.failure)
}
