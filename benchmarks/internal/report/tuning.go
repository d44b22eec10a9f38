package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/tuning"
)

// writeTuning writes a table for each setting: a line for each value, the default first, and two
// columns for each case.
func (r Report) writeTuning(b *strings.Builder) {
	groups := r.Groups()
	for _, s := range r.Tuning {
		fmt.Fprintf(b, "\n## %s\n\n", s.Name)
		columns := [][]string{append([]string{"value", s.Default + " (default)"}, values(s)...)}
		for _, name := range s.Cases {
			i := slices.IndexFunc(groups, func(g Group) bool { return g.Case.Name == name })
			if i >= 0 {
				columns = append(columns, r.tuned(groups[i], s)...)
			}
		}
		writeTable(b, transposed(columns))
	}
}

func values(s tuning.Setting) []string {
	names := make([]string, len(s.Variants))
	for i, v := range s.Variants {
		names[i] = v.Value
	}
	return names
}

// tuned are the columns of a case: its figure, and the ratio to the default.
func (r Report) tuned(g Group, s tuning.Setting) [][]string {
	main := g.Case.Metrics[0]
	_, name, _ := strings.Cut(g.Case.Name, ".")
	figures, ratios := []string{name + ", " + main.Title}, []string{"to default"}
	who := []string{r.Base}
	for _, v := range s.Variants {
		who = append(who, v.Contender)
	}
	for _, contender := range who {
		figure, ratio := "", ""
		i := slices.IndexFunc(g.Rows, func(row Row) bool { return row.Contender == contender })
		if i >= 0 {
			row := g.Rows[i]
			figure, ratio = spread(row.Figures[main.Key], main), r.ratio(row)
			if row.Invalid != "" {
				figure, ratio = "invalid: "+row.Invalid, ""
			}
		}
		figures, ratios = append(figures, figure), append(ratios, ratio)
	}
	return [][]string{figures, ratios}
}

// transposed turns columns of the same length into lines.
func transposed(columns [][]string) [][]string {
	lines := make([][]string, len(columns[0]))
	for _, column := range columns {
		for i, cell := range column {
			lines[i] = append(lines[i], cell)
		}
	}
	return lines
}
