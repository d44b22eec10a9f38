//go:build linux

package conn

import (
	"math/rand/v2"
	"testing"
)

func TestRecordsDoNotMove(t *testing.T) {
	var table records
	held := map[int32]*record{}
	for i := range 5000 {
		if rand.IntN(3) > 0 {
			n := table.take()
			if held[n] != nil {
				t.Fatalf("record %d is given twice", n)
			}
			r := table.at(n)
			if *r != (record{}) {
				t.Fatalf("record %d is not clean", n)
			}
			r.what = i
			held[n] = r
			continue
		}
		for n, r := range held {
			if table.at(n) != r || r.what == nil {
				t.Fatalf("record %d has moved", n)
			}
			table.put(n)
			delete(held, n)
			break
		}
	}
	if table.used != len(held) {
		t.Errorf("%d in use, want %d", table.used, len(held))
	}
}
