//go:build linux

package conn

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBitsetAgainstMap(t *testing.T) {
	var b bitset
	model := map[int32]bool{}
	for range 20_000 {
		i := rand.Int32N(1000)
		if rand.IntN(2) == 0 {
			b.add(i)
			model[i] = true
		} else if model[i] {
			b.remove(i)
			delete(model, i)
		}
	}
	got, want := slices.Collect(b.all()), slices.Sorted(maps.Keys(model))
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestBitsetSkipsWhatIsRemovedAhead(t *testing.T) {
	var b bitset
	for i := range int32(200) {
		b.add(i)
	}
	var seen []int32
	for i := range b.all() {
		seen = append(seen, i)
		if i%2 == 0 && i < 199 {
			b.remove(i)
			b.remove(i + 1)
		}
		if i == 190 {
			break
		}
	}
	for k, i := range seen {
		if int(i) != 2*k {
			t.Fatalf("%v", seen)
		}
	}
}
