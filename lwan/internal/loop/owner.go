//go:build linux && !owner

package loop

// ownership is empty: who writes what belongs to the loop is checked with the build tag owner only.
type ownership struct{}

func (ownership) take() {}

// MustOwn is for code that writes what belongs to the loop. With the build tag owner it panics
// unless its goroutine has the loop just now.
func (l *Loop) MustOwn() {}
