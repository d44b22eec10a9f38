//go:build linux

package loop

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTimerHeapAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var h timerHeap
	timers := make([]Timer, 300)
	model := map[*Timer]int64{}
	now := int64(0)
	for step := range 50_000 {
		tm := &timers[r.IntN(len(timers))]
		switch r.IntN(8) {
		case 0, 1:
			h.remove(tm)
			delete(model, tm)
		case 2:
			now += r.Int64N(50)
			var got, want []int64
			for p := h.pop(now); p != nil; p = h.pop(now) {
				if p.Set() || model[p] != p.when {
					t.Fatalf("seed %d, step %d: %+v popped, want %d", seed, step, p, model[p])
				}
				got = append(got, p.when)
			}
			for p, when := range model {
				if when <= now {
					want = append(want, when)
					delete(model, p)
				}
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, step %d: %v popped, want %v", seed, step, got, want)
			}
		default:
			when := now + r.Int64N(200)
			h.add(tm, when)
			model[tm] = when
		}
		if len(h) != len(model) || tm.Set() != (model[tm] != 0 || slices.Contains(h, tm)) {
			t.Fatalf("seed %d, step %d: %d timers, want %d", seed, step, len(h), len(model))
		}
	}
	for i, p := range h {
		if int(p.pos) != i+1 || i > 0 && h[(i-1)/4].when > p.when {
			t.Fatalf("seed %d: heap broken at %d", seed, i)
		}
	}
}
