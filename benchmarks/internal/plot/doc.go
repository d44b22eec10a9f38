// Package plot draws charts as SVG files, which need no fonts, scripts or styles from elsewhere,
// and are dark on pages that are (prefers-color-scheme).
//
//	plot.Bars{Title: "hello-64", Unit: "CPU µs per request", Digits: 2, Rows: []plot.Bar{
//		{Label: "golwan", Value: 7.9, Min: 7.6, Max: 8.8, Accent: true},
//		{Label: "nginx", Value: 9.6, Min: 9.1, Max: 10.2},
//	}}.SVG()
//
// Bars shows one figure for each contender with its spread, from zero. Points shows several figures
// for each on a logarithmic scale, for latencies that differ a hundredfold. Curves has a line for
// each over percentiles.
//
// The charts are plain values; SVG may be called from any goroutine. Values that are not finite, or
// negative, are drawn as zero.
package plot
