package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/plot"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// percentiles are the latencies that are drawn.
var percentiles = []workload.Metric{workload.P50, workload.P90, workload.P99, workload.P999}

// Plots draws the case's main metric, its latencies, and the memory, as far as they were measured;
// the keys are file names. Invalid rows are not drawn.
func (r Report) Plots() map[string]string {
	files := map[string]string{}
	for _, g := range r.Groups() {
		main := g.Case.Metrics[0]
		if bars := r.bars(g, main); len(bars.Rows) > 0 {
			files[g.Case.Name+"-"+main.Key+".svg"] = bars.SVG()
		}
		if rate := r.rate(g.Case.Name); rate > 0 {
			files[g.Case.Name+"-latency.svg"] = r.curves(g, rate).SVG()
		} else if points := r.points(g); len(points.Rows) > 0 {
			files[g.Case.Name+"-latency.svg"] = points.SVG()
		}
		if bars := r.bars(g, workload.Resident); len(bars.Rows) > 0 {
			files[g.Case.Name+"-memory.svg"] = bars.SVG()
		}
	}
	return files
}

// bars is a chart of one metric.
func (r Report) bars(g Group, m workload.Metric) plot.Bars {
	b := plot.Bars{
		Title: g.Case.Name + ": " + m.Title, Unit: g.Case.About + "; less is better",
		Digits: m.Digits,
	}
	for _, row := range g.Rows {
		s, found := row.Figures[m.Key]
		if !found || row.Invalid != "" {
			continue
		}
		b.Rows = append(b.Rows, plot.Bar{
			Label: row.Contender, Value: s.Median, Min: s.Min, Max: s.Max,
			Accent: row.Contender == r.Base,
		})
	}
	return b
}

// curves is a chart of the latencies of an open loop. The upright lines are the ranges of the
// rounds.
func (r Report) curves(g Group, rate float64) plot.Curves {
	steps := []workload.Metric{workload.P50, workload.P90, workload.P99, workload.P999,
		workload.P9999, workload.Max}
	c := plot.Curves{Title: g.Case.Name + ": latency",
		Unit: fmt.Sprintf("at %.0f requests a second, from when a request was due; logarithmic "+
			"scales; less is better", rate)}
	for _, m := range steps {
		c.Steps = append(c.Steps, percentile(m))
	}
	for _, row := range g.Rows {
		if row.Invalid != "" {
			continue
		}
		curve := plot.Curve{Label: row.Contender, Accent: row.Contender == r.Base}
		for _, m := range steps {
			s := row.Figures[m.Key]
			curve.Values, curve.Min, curve.Max = append(curve.Values, s.Median),
				append(curve.Min, s.Min), append(curve.Max, s.Max)
		}
		c.Rows = append(c.Rows, curve)
	}
	return c
}

// percentile is the name of a latency without its unit.
func percentile(m workload.Metric) string { return strings.TrimSuffix(m.Title, " µs") }

// points is a chart of the latencies that any row has; it is empty when the load generator told
// less than two.
func (r Report) points(g Group) plot.Points {
	p := plot.Points{
		Title: g.Case.Name + ": latency",
		Unit:  "under full load, on a logarithmic scale; less is better",
	}
	var told []workload.Metric
	for _, m := range percentiles {
		if slices.ContainsFunc(g.Rows, func(row Row) bool {
			return row.Invalid == "" && row.Figures[m.Key].Median > 0
		}) {
			told = append(told, m)
			p.Series = append(p.Series, percentile(m))
		}
	}
	if len(told) < 2 {
		return plot.Points{}
	}
	for _, row := range g.Rows {
		if row.Invalid != "" {
			continue
		}
		point := plot.Point{Label: row.Contender, Accent: row.Contender == r.Base}
		for _, m := range told {
			point.Values = append(point.Values, row.Figures[m.Key].Median)
		}
		if slices.Max(point.Values) > 0 {
			p.Rows = append(p.Rows, point)
		}
	}
	return p
}
