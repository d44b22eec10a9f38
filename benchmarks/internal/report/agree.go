package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/stats"
)

// ratio is what rows are compared by, but for that of the base contender.
const ratio = "ratio"

// Agreement is a row of two reports side by side.
type Agreement struct {
	Case, Contender string
	What            string        // "ratio", or for the base contender the title of the metric
	A, B            stats.Summary // of What
	Missing         string        // why they cannot be compared
}

// Within reports whether the reports agree: the median of one lies in the range that the other one
// prints.
func (a Agreement) Within() bool {
	return a.Missing == "" && (contains(a.A, a.B.Median) || contains(a.B, a.A.Median))
}

func contains(s stats.Summary, v float64) bool { return s.Min <= v && v <= s.Max }

// Compare puts the rows of two reports side by side, those of a first.
func Compare(a, b Report) []Agreement {
	theirs := map[string]Agreement{}
	for _, row := range agreements(b) {
		theirs[row.Case+"/"+row.Contender] = row
	}
	all := agreements(a)
	for i, mine := range all {
		other, found := theirs[mine.Case+"/"+mine.Contender]
		delete(theirs, mine.Case+"/"+mine.Contender)
		switch {
		case mine.Missing != "":
		case !found:
			all[i].Missing = "not in the second"
		case other.Missing != "":
			all[i].Missing = other.Missing
		case mine.What != other.What:
			all[i].Missing = "compared by " + mine.What + " and by " + other.What
		}
		all[i].B = other.A
	}
	for _, row := range agreements(b) { // in their order
		if _, left := theirs[row.Case+"/"+row.Contender]; left {
			all = append(all, Agreement{
				Case: row.Case, Contender: row.Contender, What: row.What, B: row.A,
				Missing: "not in the first",
			})
		}
	}
	return all
}

// agreements are the rows of a report, each as A.
func agreements(r Report) []Agreement {
	var all []Agreement
	for _, g := range r.Groups() {
		for _, row := range g.Rows {
			a := Agreement{Case: g.Case.Name, Contender: row.Contender, What: ratio, A: row.Ratio}
			if row.Contender == r.Base || row.Ratio.Median == 0 {
				a.What, a.A = g.Case.Metrics[0].Title, row.Figures[g.Case.Metrics[0].Key]
			}
			if rate := r.rate(g.Case.Name); rate > 0 {
				a.What += fmt.Sprintf(" at %.0f/s", rate)
			}
			if row.Invalid != "" {
				a.Missing = "invalid"
			}
			all = append(all, a)
		}
	}
	return all
}

// rate is that of a case with a pace; else 0.
func (r Report) rate(name string) float64 {
	for _, p := range r.Results.Paces {
		if p.Case == name {
			return p.Rate
		}
	}
	return 0
}

// tally counts rows that were compared, and of them those that agree.
type tally struct{ within, compared int }

func (t tally) String() string { return fmt.Sprintf("%d of %d", t.within, t.compared) }

// WriteAgreement writes what Compare returns as a table, and how many rows agree. Ratios and the
// figures that they were made to count apart: the machine is not as fast every day.
func WriteAgreement(to io.Writer, all []Agreement) error {
	table := [][]string{{"case", "contender", "what", "first", "second", "difference", "verdict"}}
	var ratios, figures tally
	for _, a := range all {
		if a.Missing != "" {
			table = append(table, []string{a.Case, a.Contender, a.What, "", "", "", a.Missing})
			continue
		}
		verdict, count := "apart", &figures
		if strings.HasPrefix(a.What, ratio) {
			count = &ratios
		}
		if count.compared++; a.Within() {
			count.within++
			verdict = "within the spread"
		}
		table = append(table,
			[]string{a.Case, a.Contender, a.What, plain(a.A), plain(a.B), difference(a.A, a.B),
				verdict})
	}
	var b strings.Builder
	writeTable(&b, table)
	fmt.Fprintf(&b, "\n%s ratios agree, and %s of the figures that they are made to: the median "+
		"of one run lies in the range of the other.\n",
		ratios, figures)
	_, err := io.WriteString(to, b.String())
	return err
}

// plain is a figure of any size, with its range.
func plain(s stats.Summary) string {
	digits := max(0, 2-int(math.Floor(math.Log10(max(math.Abs(s.Median), 0.01)))))
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.Median, digits, s.Min, digits, s.Max)
}

func difference(a, b stats.Summary) string {
	if a.Median == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*(b.Median/a.Median-1))
}
