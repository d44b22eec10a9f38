// Package report condenses what was measured into tables, files and plots.
//
//	r := report.Report{Machine: machine, Cases: cases, Base: "golwan", Results: results, ...}
//	fmt.Print(r.Markdown())
//	err := r.Save("results/2026-01-31T12-00-00")
//
// Save writes report.md (what Markdown returns), results.csv (one line for each figure of each
// round), environment.csv and commands.csv (machine, versions, dates; what was run), report.json
// (everything, and what Load reads) and an SVG file for each plot. Compare puts two reports side by
// side, and Publish puts one into a page.
//
// A row is valid only if every round was: a server that answers wrongly once is not fast. Ratios
// are those of the medians of the first metric of a case to that of the base contender.
//
// A Report is a plain value, to be filled before its methods are called; they do not change it.
package report
