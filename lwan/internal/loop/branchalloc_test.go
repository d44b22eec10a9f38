//go:build linux && !owner

package loop

import "testing"

func TestBranchAllocatesNothing(t *testing.T) {
	r := run(t, Config{})
	r.run(func(w *Worker) {
		b := &twig{l: w.loop, fn: func(*Task) {}}
		n := testing.AllocsPerRun(100, func() {
			b.seen = b.seen[:0]
			w.loop.Branch(b)
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
