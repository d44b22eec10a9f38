package stats

import "slices"

// Divide is the ratio of the medians of figures by round, with the range of the ratios of those
// rounds that have both. It is the zero Summary when there is nothing to divide by.
func Divide(of, to map[int]float64) Summary {
	median := summarizeRounds(of).Ratio(summarizeRounds(to))
	if median == 0 {
		return Summary{}
	}
	ratios := []float64{median} // it need not lie between those of the rounds
	for round, v := range of {
		if base := to[round]; base != 0 {
			ratios = append(ratios, v/base)
		}
	}
	return Summary{
		Median: median, Min: slices.Min(ratios), Max: slices.Max(ratios),
		Rounds: min(len(of), len(to)),
	}
}

func summarizeRounds(byRound map[int]float64) Summary {
	var values []float64
	for _, v := range byRound {
		values = append(values, v)
	}
	return Summarize(values)
}
