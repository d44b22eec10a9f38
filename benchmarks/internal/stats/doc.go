// Package stats condenses repeated measurements: medians with their spread, and percentiles of
// latencies.
//
//	s := stats.Summarize([]float64{7.9, 7.6, 8.8})
//	fmt.Println(s.Median, s.Min, s.Max) // 7.9 7.6 8.8
//
// The median and the extremes are used and not the mean and the standard deviation: a few rounds on
// a machine that does other things as well have outliers to one side only, and the minimum is the
// figure that was disturbed least.
//
// A Summary is a plain value. A Histogram belongs to one goroutine.
package stats
