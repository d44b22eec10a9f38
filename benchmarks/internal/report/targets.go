package report

import (
	"fmt"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/target"
)

// writeTargets writes one table with all targets, those that were missed or not measured included.
func (r Report) writeTargets(b *strings.Builder) {
	if len(r.Targets) == 0 {
		return
	}
	b.WriteString("\n## Targets\n\nRatios are those of the medians; in parentheses the least and " +
		"the greatest of a round.\n\n")
	table := [][]string{{"target", "measured", "at most", "verdict"}}
	for _, o := range r.Targets {
		table = append(table, targetCells(o))
	}
	writeTable(b, table)
	b.WriteString(
		"\nThese are held by tests, or measured by the Go benchmarks next to the code:\n\n")
	others := [][]string{{"target", "command"}}
	for _, o := range target.Others() {
		others = append(others, []string{o.Name, "`" + o.Command() + "`"})
	}
	writeTable(b, others)
}

func targetCells(o target.Outcome) []string {
	digits := o.Target.Of.Metric.Digits
	if o.Target.Ratio() {
		digits = 2
	}
	measured, verdict := "", string(o.Verdict)
	if o.Verdict != target.Unmeasured {
		measured = fmt.Sprintf("%.*f (%.*f–%.*f)",
			digits, o.Value.Median, digits, o.Value.Min, digits, o.Value.Max)
	}
	if o.Close() {
		verdict += ", within the spread"
	}
	return []string{o.Target.Name, measured, fmt.Sprintf("%.*f", digits, o.Target.Most), verdict}
}
