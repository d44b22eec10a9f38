package files

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// compare is an order: the same rows come out the same whatever order they came in, and the other
// direction is the reverse, directories apart.
func TestOrders(t *testing.T) {
	rows := make([]row, 200)
	for i := range rows {
		rows[i] = row{
			name: string(rune('A'+rand.IntN(58))) + string(rune('a'+i%26)) + string(rune('0'+i/26)),
			size: rand.Int64N(5), modified: rand.Int64N(5), dir: rand.IntN(4) == 0,
		}
	}
	for o := range order(orders) {
		var want []row
		for range 5 {
			rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			d := &directory{rows: rows}
			var got []row
			for _, i := range d.sorted(o) {
				got = append(got, rows[i])
			}
			if want != nil && !slices.Equal(got, want) {
				t.Fatalf("order %d depends on where rows come from", o)
			}
			want = got
		}
		if !slices.IsSortedFunc(want, func(a, b row) int { return o.compare(&a, &b) }) {
			t.Errorf("order %d is not sorted", o)
		}
		seenFile := false
		for _, r := range want {
			if r.dir && seenFile {
				t.Errorf("order %d: a directory behind a file", o)
			}
			seenFile = seenFile || !r.dir
		}
	}
	for _, o := range []order{byName, bySize, byTime} {
		if orderOf(columnNames[o/2], "desc") != o|descending ||
			orderOf(columnNames[o/2], "asc") != o || orderOf(columnNames[o/2], "") != o {
			t.Errorf("order %d is not found by its name", o)
		}
	}
}
