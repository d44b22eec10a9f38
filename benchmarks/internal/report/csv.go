package report

import (
	"cmp"
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// header names the columns of the CSV file. The metric is the key of a workload.Metric; system
// calls have the name of the call after a slash, and round 0.
var header = []string{"case", "contender", "round", "at", "metric", "value", "valid"}

// WriteCSV writes a line for each figure of each round.
func (r Report) WriteCSV(to io.Writer) error {
	w := csv.NewWriter(to)
	lines := [][]string{header}
	for _, record := range r.Results.Records {
		for _, m := range r.metrics(record.Case) {
			if v, found := record.Sample.Values[m.Key]; found {
				lines = append(lines,
					[]string{record.Case, record.Contender, strconv.Itoa(record.Round),
						record.At.UTC().Format(time.RFC3339), m.Key, number(v),
						strconv.FormatBool(record.Sample.Invalid == "")})
			}
		}
	}
	for _, t := range r.Results.Traces {
		for _, name := range sortedKeys(t.Calls) {
			lines = append(lines,
				[]string{t.Case, t.Contender, "0", "", workload.Syscalls.Key + "/" + name,
					number(t.Calls[name]), "true"})
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

// WriteEnvironment writes where and how it was measured, a name and a value on each line.
func (r Report) WriteEnvironment(to io.Writer) error {
	m, s := r.Machine, r.Settings
	lines := [][]string{{"name", "value"}, {"command", r.Command},
		{"started", r.Started.UTC().Format(time.RFC3339)},
		{"finished", r.Finished.UTC().Format(time.RFC3339)}, {"cpu", m.CPU},
		{"cpus", strconv.Itoa(m.CPUs)}, {"memory_mib", strconv.FormatInt(m.MemoryMiB, 10)},
		{"kernel", m.Kernel}, {"load_average", m.LoadAverage}, {"go", m.Go}, {"commit", m.Commit},
		{"rounds", strconv.Itoa(s.Rounds)}, {"duration", s.Duration.String()},
		{"warmup", s.Warmup.String()}, {"generator", s.Generator},
		{"server_cpu", strconv.Itoa(s.ServerCPU)}, {"load_cpu", strconv.Itoa(s.LoadCPU)},
		{"files", strconv.FormatUint(s.Files, 10)}}
	for _, c := range r.Contenders {
		lines = append(lines,
			[]string{"version/" + c.Name, cmp.Or(c.Version, "missing: "+c.Missing)})
	}
	for _, p := range r.Results.Paces {
		lines = append(lines, []string{"rate/" + p.Case, number(p.Rate)})
	}
	return csv.NewWriter(to).WriteAll(lines)
}

// WriteCommands writes what was run in each round.
func (r Report) WriteCommands(to io.Writer) error {
	lines := [][]string{{"case", "contender", "round", "server", "load"}}
	for _, record := range r.Results.Records {
		lines = append(lines,
			[]string{record.Case, record.Contender, strconv.Itoa(record.Round),
				record.Sample.Server, record.Sample.Load})
	}
	return csv.NewWriter(to).WriteAll(lines)
}
