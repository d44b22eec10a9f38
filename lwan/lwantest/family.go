package lwantest

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// family is the goroutines that descend from some. The runtime knows the parent of each goroutine,
// so tests that run in parallel are told apart; it forgets goroutines that are gone, so a family
// has to be looked at in time.
type family struct {
	mu       sync.Mutex
	members  map[int]bool // by number; those that are gone too
	forgiven bool
}

// families are what handlers in memory start: of testing.TB to *family.
var families sync.Map

// familyOf is what handlers of t start in memory. Whether they have ended is looked at once, at the
// end of the test: a handler may leave work to a goroutine that ends a little later.
func familyOf(t testing.TB) *family {
	if f, ok := families.Load(t); ok {
		return f.(*family)
	}
	f := new(family)
	if other, ok := families.LoadOrStore(t, f); ok {
		return other.(*family)
	}
	t.Cleanup(func() {
		families.Delete(t)
		var left []string
		if !await(patience, func() bool { left = f.alive(); return f.forgiven || len(left) == 0 }) {
			t.Errorf("lwantest: goroutines that a handler has started still run:\n\n%s",
				strings.Join(left, "\n\n"))
		}
	})
	return f
}

// join makes the calling goroutine a member.
func (f *family) join() {
	id := currentID()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.members == nil {
		f.members = map[int]bool{}
	}
	f.members[id] = true
}

// forgive makes the end of the test not look at f.
func (f *family) forgive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgiven = true
}

// alive lists the stacks of the members that exist, but for pooled ones, after it has added the
// members' children.
func (f *family) alive() (stacks []string) {
	all, err := allGoroutines()
	if err != nil {
		return []string{err.Error()}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for grown := true; grown; {
		grown = false
		for _, g := range all {
			if f.members[g.creator] && !f.members[g.id] {
				f.members[g.id], grown = true, true
			}
		}
	}
	for _, g := range all {
		if f.members[g.id] && !pooled(g.stack) {
			stacks = append(stacks, g.stack)
		}
	}
	return stacks
}

// pooled reports whether a goroutine belongs to something that others use too, and that ends by
// itself: a database with its connections, or a resting goroutine of the server's own pool.
func pooled(stack string) bool {
	return strings.Contains(stack, "database/sql.(*DB).") ||
		strings.Contains(stack, "lwan.(*goroutines).next(")
}

// patience is how long what was told to end may take for it.
const patience = 5 * time.Second

// await asks done, once at least, until it is true or patience is over.
func await(patience time.Duration, done func() bool) bool {
	until := time.Now().Add(patience)
	for pause := 100 * time.Microsecond; !done(); pause = min(2*pause, 50*time.Millisecond) {
		if !time.Now().Before(until) {
			return false
		}
		time.Sleep(pause)
	}
	return true
}
