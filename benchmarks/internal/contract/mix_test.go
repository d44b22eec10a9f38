package contract_test

import (
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

func TestMix(t *testing.T) {
	for feature, want := range map[contract.Feature]map[string]int{
		contract.Mix:      {"/": 80, "/files/1k.txt": 12, "/files/100k.txt": 3, "/wait": 5},
		contract.MixStill: {"/": 80, "/files/1k.txt": 12, "/files/100k.txt": 3},
	} {
		got, since := map[string]int{}, 0
		for _, r := range contract.Requests(feature) {
			got[r.Target]++
			if since++; r.Target == "/wait" {
				if since < 8 {
					t.Errorf("%s: %d requests between two that wait: they are not spread",
						feature, since)
				}
				since = 0
			}
		}
		for target, n := range want {
			if got[target] != n {
				t.Errorf("%s: %d of %s, want %d", feature, got[target], target, n)
			}
			delete(got, target)
		}
		if len(got) > 0 {
			t.Errorf("%s: %v as well", feature, got)
		}
	}
}
