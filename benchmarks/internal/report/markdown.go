package report

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golwan/golwan/benchmarks/internal/stats"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Markdown is the report for people: what was measured on what, and a table for each case. The
// columns are padded, so that it can be read in a terminal as well.
func (r Report) Markdown() string {
	var b strings.Builder
	r.writeHead(&b)
	r.writeTargets(&b)
	r.writeTuning(&b)
	r.writeCases(&b)
	r.writeNotes(&b)
	return b.String()
}

// writeCases writes a table for each case, unless the report has tables of settings.
func (r Report) writeCases(b *strings.Builder) {
	if len(r.Tuning) > 0 {
		return
	}
	for _, g := range r.Groups() {
		fmt.Fprintf(b, "\n## %s\n\n%s.%s\n\n", g.Case.Name, g.Case.About, r.pace(g.Case.Name))
		writeTable(b, r.table(g))
		if len(g.Case.Absent) > 0 {
			fmt.Fprintf(b, "\nNot served by %s.\n", strings.Join(g.Case.Absent, ", "))
		}
	}
}

// FairCongestion is what a run sets for all contenders: the pacing of bbr costs timers, and some
// servers choose for themselves.
const FairCongestion = "cubic"

// writeHead says what a reader needs to judge the figures: the machine, what else it did, the
// versions.
func (r Report) writeHead(b *strings.Builder) {
	m, s := r.Machine, r.Settings
	pinning := fmt.Sprintf("server on CPU %d, load on CPU %d", s.ServerCPU, s.LoadCPU)
	if s.ServerCPU < 0 {
		pinning = "not pinned to CPUs"
	}
	fmt.Fprintf(b, "# Benchmarks, %s\n\n", r.Started.UTC().Format("2006-01-02 15:04 MST"))
	fmt.Fprintf(b, "- `%s`\n", r.Command)
	fmt.Fprintf(b, "- %s, %d CPUs, %d MiB, %s; load average %s before\n",
		m.CPU, m.CPUs, m.MemoryMiB, m.Kernel, m.LoadAverage)
	fmt.Fprintf(b, "- %s; golwan at %s\n", m.Go, m.Commit)
	warmup := fmt.Sprintf("after %v of warm-up", s.Warmup)
	if s.Warmup <= 0 {
		warmup = "without warm-up"
	}
	fmt.Fprintf(b, "- %d rounds of %v %s, driven by %s, %s\n",
		s.Rounds, s.Duration, warmup, s.Generator, pinning)
	if s.Congestion != "" {
		fmt.Fprintf(b, "- congestion is controlled by %s", s.Congestion)
		if s.Congestion != FairCongestion {
			fmt.Fprintf(b, ", as it could not be set to %s: what sends more than one segment is "+
				"distorted", FairCongestion)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "- medians; in parentheses the least and the greatest; ratios are those of "+
		"the medians, and in parentheses of single rounds; took %v\n",
		r.Finished.Sub(r.Started).Round(time.Second))
	for _, c := range r.Contenders {
		if c.Missing == "" {
			fmt.Fprintf(b, "- %s: %s (%s)\n", c.Name, c.About, c.Version)
		}
	}
}

// pace is a sentence on the rate of a case that has one.
func (r Report) pace(name string) string {
	for _, p := range r.Results.Paces {
		switch slowest := p.Slowest(); {
		case p.Case != name:
		case slowest == "":
			return fmt.Sprintf(" All get %.0f requests a second.", p.Rate)
		default:
			return fmt.Sprintf(
				" All get %.0f requests a second: half of what the slowest can answer, %s (%.0f).",
				p.Rate, slowest, p.Saturation[slowest])
		}
	}
	return ""
}

// table is the cells of a group, the first line being the head.
func (r Report) table(g Group) [][]string {
	main := g.Case.Metrics[0]
	metrics := used(g)
	head := []string{"contender", main.Title, "to " + r.Base}
	for _, m := range metrics {
		head = append(head, m.Title)
	}
	table := [][]string{head}
	for _, row := range g.Rows {
		if row.Invalid != "" {
			table = append(table, []string{row.Contender, "invalid: " + row.Invalid})
			continue
		}
		cells := []string{row.Contender, spread(row.Figures[main.Key], main), ""}
		cells[2] = r.ratio(row)
		for _, m := range metrics {
			cells = append(cells, median(row.Figures, m))
		}
		table = append(table, cells)
	}
	return table
}

// used are the metrics after the first one that any row has.
func used(g Group) []workload.Metric {
	var metrics []workload.Metric
	for _, m := range g.Case.Metrics[1:] {
		for _, row := range g.Rows {
			if _, found := row.Figures[m.Key]; found {
				metrics = append(metrics, m)
				break
			}
		}
	}
	return metrics
}

// spread is the figure that contenders are compared by: without its range it would promise too
// much.
func spread(s stats.Summary, m workload.Metric) string {
	return fmt.Sprintf("%.*f (%.*f–%.*f)", m.Digits, s.Median, m.Digits, s.Min, m.Digits, s.Max)
}

// ratio is how a row stands to the base, with the range of the rounds.
func (r Report) ratio(row Row) string {
	s := row.Ratio
	switch {
	case s.Median == 0:
		return ""
	case row.Contender == r.Base:
		return "1"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

// median is one of the other figures, whose ranges are in the data.
func median(figures map[string]stats.Summary, m workload.Metric) string {
	s, found := figures[m.Key]
	if !found {
		return ""
	}
	return fmt.Sprintf("%.*f", m.Digits, s.Median)
}

// writeTable writes cells with padding; a line may have fewer cells than the head. A line of two is
// a message, which does not widen the columns.
func writeTable(b *strings.Builder, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			if len(line) > 2 || i == 0 || len(widths) == 2 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	for n, line := range table {
		for i, w := range widths {
			cell := ""
			if i < len(line) {
				cell = strings.ReplaceAll(line[i], "|", `\|`)
			}
			pad := strings.Repeat(" ", max(w-utf8.RuneCountInString(cell), 0))
			if i == 0 {
				fmt.Fprintf(b, "| %s%s ", cell, pad)
			} else {
				fmt.Fprintf(b, "| %s%s ", pad, cell)
			}
		}
		b.WriteString("|\n")
		if n == 0 {
			writeRule(b, widths)
		}
	}
}

// writeRule writes the line below the head: names to the left, figures to the right.
func writeRule(b *strings.Builder, widths []int) {
	for i, w := range widths {
		if i == 0 {
			b.WriteString("|:" + strings.Repeat("-", w+1))
		} else {
			b.WriteString("|" + strings.Repeat("-", w+1) + ":")
		}
	}
	b.WriteString("|\n")
}

// starvedBelow is the CPU time of a round below which its resolution of 10 ms is more than 2 %.
const starvedBelow = 500 * time.Millisecond

// starved tells of rows that rest on little CPU time, because other work took the CPU from the
// server or from the load.
func (r Report) starved() []string {
	var starved []string
	for _, g := range r.Groups() {
		for _, row := range g.Rows {
			busy, found := row.Figures[workload.Busy.Key]
			used := time.Duration(busy.Median * float64(r.Settings.Duration))
			if found && row.Invalid == "" && used < starvedBelow {
				starved = append(starved,
					fmt.Sprintf("%s in %s (%v)",
						row.Contender, g.Case.Name, used.Round(time.Millisecond)))
			}
		}
	}
	if len(starved) == 0 {
		return nil
	}
	return []string{"CPU time is read in steps of 10 ms, and these rest on little of it a round; " +
		"measure them again, for longer: " +
		strings.Join(starved, ", ") + "."}
}

// writeNotes says what is missing, so that nobody takes an empty place for a result.
func (r Report) writeNotes(b *strings.Builder) {
	var notes []string
	if r.Machine.Crowded() {
		notes = append(notes,
			"The machine had other work to do: its load average was "+r.Machine.LoadAverage+
				" before the first round.")
	}
	for _, c := range r.Contenders {
		if c.Missing != "" {
			notes = append(notes, fmt.Sprintf("%s did not take part: %s", c.Name, c.Missing))
		}
	}
	notes = append(notes, r.starved()...)
	for _, n := range r.Results.Notes {
		notes = append(notes, fmt.Sprintf("%s was left out of %s: %s", n.Contender, n.Case, n.Text))
	}
	if r.Results.Interrupted {
		notes = append(notes, "The run was interrupted: rounds are missing.")
	}
	if len(notes) == 0 {
		return
	}
	b.WriteString("\n## Notes\n\n")
	for _, n := range notes {
		fmt.Fprintf(b, "- %s\n", strings.Join(strings.Fields(n), " "))
	}
}
