package stats

import "slices"

// Summary is the condensed form of the values of several rounds. The zero value is that of no
// values.
type Summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Rounds int     `json:"rounds"`
}

// Summarize condenses values, which it does not change. The median of an even number of values is
// the mean of the two in the middle.
func Summarize(values []float64) Summary {
	n := len(values)
	if n == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Summary{
		Median: (sorted[(n-1)/2] + sorted[n/2]) / 2,
		Min:    sorted[0],
		Max:    sorted[n-1],
		Rounds: n,
	}
}

// Ratio is how many times the median of base the median of s is; 0 when base has none.
func (s Summary) Ratio(base Summary) float64 {
	if base.Median == 0 {
		return 0
	}
	return s.Median / base.Median
}
