package stats

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func ExampleSummarize() {
	golwan := Summarize([]float64{7.9, 7.6, 8.8})
	other := Summarize([]float64{16, 15.6, 15.8, 15.7})
	fmt.Printf("%.2f (%.1f-%.1f), other %.2f times\n",
		golwan.Median, golwan.Min, golwan.Max, other.Ratio(golwan))
	// Output: 7.90 (7.6-8.8), other 1.99 times
}

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want Summary
	}{
		{nil, Summary{}},
		{[]float64{3}, Summary{3, 3, 3, 1}},
		{[]float64{4, 1}, Summary{2.5, 1, 4, 2}},
		{[]float64{9, 1, 5}, Summary{5, 1, 9, 3}},
		{[]float64{9, 1, 5, 6}, Summary{5.5, 1, 9, 4}},
	} {
		before := slices.Clone(c.in)
		if got := Summarize(c.in); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.in, got, c.want)
		}
		if !slices.Equal(before, c.in) {
			t.Errorf("%v was changed to %v", before, c.in)
		}
	}
	if r := (Summary{Median: 2}).Ratio(Summary{}); r != 0 {
		t.Errorf("ratio to nothing: %v", r)
	}
}

// TestPercentileIsCloseToTheSortedOne compares with a sorted list of the same durations.
func TestPercentileIsCloseToTheSortedOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var h Histogram
		all := make([]time.Duration, 1+random.IntN(3000))
		for i := range all {
			all[i] = time.Duration(random.ExpFloat64() * float64(random.IntN(1e9)))
			h.Record(all[i])
		}
		slices.Sort(all)
		for _, p := range []float64{0, 50, 90, 99, 99.9, 100} {
			exact := all[min(int(p/100*float64(len(all))), len(all)-1)]
			if got := h.Percentile(p); got < exact || got > exact+exact/divisions+1 {
				t.Fatalf("p%v of %d: %d, want %d or little more", p, len(all), got, exact)
			}
		}
		if h.Max() != all[len(all)-1] || h.Total() != int64(len(all)) {
			t.Fatalf("max %v, total %d", h.Max(), h.Total())
		}
	}
}

func TestBucketsCoverEveryDuration(t *testing.T) {
	last := -1
	for _, d := range []time.Duration{
		0, 1, divisions - 1, divisions, divisions + 1, 2*divisions - 1, 2 * divisions, 1e6, 1e9,
		1 << 40, 1<<63 - 1,
	} {
		b := bucket(d)
		if b < last || b >= len(Histogram{}.counts) || upper(b) < d || b > 0 && upper(b-1) >= d {
			t.Errorf("%d: bucket %d ends at %d", d, b, upper(b))
		}
		last = b
	}
}

func TestHistogramOfNothingAndOfNegatives(t *testing.T) {
	var h Histogram
	if h.Percentile(50) != 0 {
		t.Error("percentile of nothing")
	}
	h.Record(-time.Second)
	if h.Percentile(50) != 0 || h.Total() != 1 {
		t.Error("a negative duration is not counted as 0")
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Record(12345) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	d := time.Duration(0)
	for b.Loop() {
		h.Record(d)
		d = (d*5 + 12345) & (1<<30 - 1)
	}
}

func TestDivide(t *testing.T) {
	for name, c := range map[string]struct {
		of, to map[int]float64
		want   Summary
	}{
		"round by round": {map[int]float64{1: 2, 2: 6, 3: 3}, map[int]float64{1: 4, 2: 4, 3: 6},
			Summary{0.75, 0.5, 1.5, 3}},
		"one is missing": {map[int]float64{1: 2, 2: 6}, map[int]float64{2: 4},
			Summary{1, 1, 1.5, 1}},
		"by nothing": {map[int]float64{1: 2}, nil, Summary{}},
		"by zero":    {map[int]float64{1: 2}, map[int]float64{1: 0}, Summary{}},
		"nothing":    {nil, map[int]float64{1: 2}, Summary{}},
	} {
		if got := Divide(c.of, c.to); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
