//go:build linux && owner

package loop

import "testing"

// TestInvariant1: who writes what belongs to a loop without having it is found out. All other tests
// that run with this build tag show that nobody does.
func TestInvariant1(t *testing.T) {
	r := run(t, Config{})
	var gate Gate
	r.run(func(w *Worker) {
		l := w.loop
		for what, change := range map[string]func(){
			"Run":    func() { l.Run(func(*Worker) {}) },
			"Queue":  func() { l.Queue(1) },
			"Set":    func() { l.Set(&Timer{}, 1) },
			"Begin":  func() { w.Begin(nil) },
			"Cancel": func() { w.Cancel(0, errCause) },
			"Gate":   func() { gate.join(&w.links[0], &w.Task) },
		} {
			found := make(chan any)
			go func() {
				defer func() { found <- recover() }()
				change()
			}()
			if <-found == nil {
				t.Errorf("%s by another goroutine is not found out", what)
			}
		}
		w.left = nil
	})
}
