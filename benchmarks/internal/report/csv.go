package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// header names the columns of the CSV file. The metric is the key of a workload.Metric; system calls have the name of
// the call after a slash, and round 0.
var header = []string{"case", "contender", "round", "at", "metric", "value", "valid"}

// WriteCSV writes a line for each figure of each round.
func (r Report) WriteCSV(to io.Writer) error {
	w := csv.NewWriter(to)
	lines := [][]string{header}
	for _, record := range r.Results.Records {
		for _, m := range r.metrics(record.Case) {
			if v, found := record.Sample.Values[m.Key]; found {
				lines = append(lines, []string{record.Case, record.Contender, strconv.Itoa(record.Round),
					record.At.UTC().Format(time.RFC3339), m.Key, number(v), strconv.FormatBool(record.Sample.Invalid == "")})
			}
		}
	}
	for _, t := range r.Results.Traces {
		for _, name := range sortedKeys(t.Calls) {
			lines = append(lines, []string{t.Case, t.Contender, "0", "", workload.Syscalls.Key + "/" + name, number(t.Calls[name]), "true"})
		}
	}
	return w.WriteAll(lines)
}

func (r Report) metrics(name string) []workload.Metric {
	for _, c := range r.Cases {
		if c.Name == name {
			return c.Metrics
		}
	}
	return nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }
