package report

import (
	"cmp"
	"slices"

	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/stats"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Group is a case with a row for each contender that was measured, the best one first and the
// invalid ones last.
type Group struct {
	Case Case
	Rows []Row
}

// Row is a contender in a case.
type Row struct {
	Contender string
	Figures   map[string]stats.Summary // by the key of the metric
	// of the first metric to the base's, see stats.Divide; the zero value when there is none
	Ratio   stats.Summary
	Invalid string // why the figures must not be used

	main map[int]float64 // the first metric by round
}

// Groups condenses the results. A case without any is left out.
func (r Report) Groups() []Group {
	var groups []Group
	for _, c := range r.Cases {
		g := Group{Case: c, Rows: r.rows(c)}
		if len(g.Rows) > 0 {
			groups = append(groups, g)
		}
	}
	return groups
}

// rows collects the records of a case by contender.
func (r Report) rows(c Case) []Row {
	records := map[string][]rounds.Record{}
	var names []string // in order of appearance, for rows that are equal otherwise
	for _, record := range r.Results.Records {
		if record.Case != c.Name {
			continue
		}
		if records[record.Contender] == nil {
			names = append(names, record.Contender)
		}
		records[record.Contender] = append(records[record.Contender], record)
	}
	rows := make([]Row, len(names))
	for i, name := range names {
		rows[i] = r.row(c, name, records[name])
	}
	rate(rows, c.Metrics[0], r.Base)
	return rows
}

// row condenses the rounds of a contender. System calls were counted once, in a run of their own,
// and their number stands among the figures like any other.
func (r Report) row(c Case, name string, records []rounds.Record) Row {
	row := Row{Contender: name, Figures: map[string]stats.Summary{}, main: map[int]float64{}}
	for _, record := range records {
		if v, found := record.Sample.Values[c.Metrics[0].Key]; found {
			row.main[record.Round] = v
		}
	}
	for _, m := range c.Metrics {
		var values []float64
		for _, record := range records {
			if v, found := record.Sample.Values[m.Key]; found {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			row.Figures[m.Key] = stats.Summarize(values)
		}
	}
	for _, trace := range r.Results.Traces {
		if trace.Case == c.Name && trace.Contender == name {
			row.Figures[workload.Syscalls.Key] = stats.Summarize([]float64{trace.Total()})
		}
	}
	for _, record := range records {
		row.Invalid = cmp.Or(row.Invalid, record.Sample.Invalid)
	}
	return row
}

// rate fills in the ratios and sorts by the main metric.
func rate(rows []Row, main workload.Metric, base string) {
	for _, b := range rows {
		if b.Contender != base || b.Invalid != "" {
			continue
		}
		for i := range rows {
			rows[i].Ratio = stats.Divide(rows[i].main, b.main)
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		if a.Invalid != "" || b.Invalid != "" {
			return cmp.Compare(len(a.Invalid), len(b.Invalid))
		}
		return cmp.Compare(a.Figures[main.Key].Median, b.Figures[main.Key].Median)
	})
}
