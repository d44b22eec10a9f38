//go:build linux && owner

package loop

import (
	"fmt"
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/goid"
)

// ownership says which goroutine has the loop: the coroutine of its worker, or for a moment the one
// that takes the loop over.
type ownership struct{ by atomic.Uintptr }

func (o *ownership) take() { o.by.Store(goid.Self()) }

// MustOwn is for code that writes what belongs to the loop. It panics unless its goroutine has the
// loop just now.
func (l *Loop) MustOwn() {
	if by, here := l.ownership.by.Load(), goid.Self(); by != 0 && by != here {
		panic(fmt.Sprintf("loop %d: goroutine %x changes what %x has", l.id, here, by))
	}
}
