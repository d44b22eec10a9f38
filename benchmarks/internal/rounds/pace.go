package rounds

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Pace is the rate at which all contenders of a case were measured.
type Pace struct {
	Case string  `json:"case"`
	Rate float64 `json:"rate"` // requests a second
	// Saturation is how many requests a second each contender has answered when it got as many as
	// it took; nil when the rate was given.
	Saturation map[string]float64 `json:"saturation,omitempty"`
}

// Slowest is the contender that the rate was made for; "" when it was given.
func (p Pace) Slowest() string {
	slowest := ""
	for _, name := range slices.Sorted(maps.Keys(p.Saturation)) {
		if slowest == "" || p.Saturation[name] < p.Saturation[slowest] {
			slowest = name
		}
	}
	return slowest
}

// findRate finds the rate of a case that has a pace. A contender that cannot be saturated is left
// out of the case.
func (r *run) findRate(ctx context.Context, c workload.Case, entries []Entry) float64 {
	p, found := r.paces[c.Pace.Key]
	if !found {
		if p.Rate = r.Rate; p.Rate == 0 {
			p.Saturation = r.saturate(ctx, c, entries)
			p.Rate = half(p.Saturation)
		}
		r.paces[c.Pace.Key] = p
	}
	if p.Case = c.Name; p.Rate > 0 {
		r.results.Paces = append(r.results.Paces, p)
	}
	return p.Rate
}

func (r *run) saturate(ctx context.Context, c workload.Case, entries []Entry) map[string]float64 {
	saturation := map[string]float64{}
	for _, e := range entries {
		r.step(ctx, c, e, "saturation", func(s workload.Subject) (string, error) {
			rate, err := c.Pace.Saturate(ctx, s)
			if err == nil && rate > 0 {
				saturation[e.Contender.Name] = rate
			}
			return fmt.Sprintf("%.0f req/s", rate), err
		})
	}
	return saturation
}

// half is half of the least, rounded down to two digits, so that it is likely to be the same in the
// next run; 0 of nothing.
func half(saturation map[string]float64) float64 {
	if len(saturation) == 0 {
		return 0
	}
	rate := slices.Min(slices.Collect(maps.Values(saturation))) / 2
	digits := math.Pow(10, max(0, math.Floor(math.Log10(rate))-1))
	return math.Floor(rate/digits) * digits
}
