package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/report"
	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// record is a round with a CPU time and a rate.
func record(contender string, round int, cpu, rate float64) rounds.Record {
	return rounds.Record{Case: "hello-64", Contender: contender, Round: round,
		Sample: workload.Sample{
			Values: map[string]float64{workload.CPU.Key: cpu, workload.Rate.Key: rate},
		}}
}

// sample is a report with a good row, a base, and an invalid row.
func sample() report.Report {
	began := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	r := report.Report{
		Command: "go run . hello", Started: began,
		Finished: began.Add(90 * time.Second), Base: "golwan",
		Machine: report.Machine{
			CPU: "CPU X", CPUs: 2, MemoryMiB: 4096, Kernel: "Linux 6", LoadAverage: "0 0 0",
			Go: "go1.26", Commit: "abc",
		},
		Settings: report.Settings{
			Rounds: 3, Duration: 3 * time.Second, Generator: "wrk", LoadCPU: 1,
		},
		Contenders: []report.Contestant{{Name: "golwan", About: "this", Version: "v0"},
			{Name: "nginx", About: "nginx", Version: "1.22"},
			{Name: "bad", About: "wrong", Version: "0"},
			{Name: "lighttpd", Missing: "not installed"}},
		Cases: []report.Case{{Name: "hello-64", About: "GET / on 64 connections",
			Metrics: []workload.Metric{workload.CPU, workload.Rate, workload.P50, workload.P99,
				workload.Resident, workload.Syscalls}},
			{Name: "unmeasured", Metrics: []workload.Metric{workload.CPU}}},
	}
	r.Results.Records = []rounds.Record{
		record("nginx", 1, 9, 100000), record("golwan", 1, 7, 120000), record("bad", 1, 1, 900000),
		record("nginx", 2, 11, 90000), record("golwan", 2, 8, 110000), record("bad", 2, 1, 900000),
		record("nginx", 3, 10, 95000), record("golwan", 3, 9, 100000),
	}
	r.Results.Records[5].Sample.Invalid = "errors | under load"
	r.Results.Records[0].Sample.Values[workload.P50.Key] = 70
	r.Results.Records[0].Sample.Values[workload.P99.Key] = 90
	r.Results.Traces = []rounds.Trace{
		{
			Case: "hello-64", Contender: "nginx",
			Calls: map[string]float64{"read": 1, "writev": 1, "epoll_wait": 0.25},
		},
	}
	r.Results.Notes = []rounds.Note{{Case: "hello-64", Contender: "gin", Text: "round 1:\nbroken"}}
	return r
}

func ExampleReport_Markdown() {
	_, tables, _ := strings.Cut(sample().Markdown(), "\n## ")
	fmt.Print("## ", tables)
	// Output:
	// ## hello-64
	//
	// GET / on 64 connections.
	//
	// | contender |         CPU µs/req |        to golwan |  req/s | p50 µs | p99 µs | syscalls/req |
	// |:----------|-------------------:|-----------------:|-------:|-------:|-------:|-------------:|
	// | golwan    |   8.00 (7.00–9.00) |                1 | 110000 |        |        |              |
	// | nginx     | 10.00 (9.00–11.00) | 1.25 (1.11–1.38) |  95000 |     70 |     90 |         2.25 |
	// | bad       | invalid: errors \| under load |                  |        |        |        |              |
	//
	// ## Notes
	//
	// - lighttpd did not take part: not installed
	// - gin was left out of hello-64: round 1: broken
}

func TestTargets(t *testing.T) {
	r := sample()
	if strings.Contains(r.Markdown(), "## Targets") {
		t.Error("a table of no targets")
	}
	r.Targets = target.Judge(r.Results.Records)
	_, table, _ := strings.Cut(r.Markdown(), "## Targets")
	for _, want := range []string{
		"| hello-64: CPU µs/req, to nginx           | 0.80 (0.73–0.90) |    0.90 |         held |",
		"| hello-64: CPU µs/req, to fasthttp        |                  |    0.80 | not measured |",
		"| idle-8000: bytes/conn                    |                  |     128 | not measured |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %s in\n%s", want, table)
		}
	}
	for i, record := range r.Results.Records {
		if record.Contender == "golwan" {
			r.Results.Records[i].Sample.Values[workload.CPU.Key] += 1.5
		}
	}
	r.Targets = target.Judge(r.Results.Records)
	if !strings.Contains(r.Markdown(), "missed, within the spread") {
		t.Errorf("9.5 of 10 is too much, but for one round:\n%s", r.Markdown())
	}
}

func TestHead(t *testing.T) {
	head, _, _ := strings.Cut(sample().Markdown(), "\n## ")
	for _, want := range []string{
		"2026-01-31 12:00 UTC", "- `go run . hello`",
		"CPU X, 2 CPUs, 4096 MiB, Linux 6", "golwan at abc", "3 rounds of 3s",
		"server on CPU 0, load on CPU 1", "took 1m30s", "- nginx: nginx (1.22)",
	} {
		if !strings.Contains(head, want) {
			t.Errorf("no %q in\n%s", want, head)
		}
	}
	if strings.Contains(head, "- lighttpd") {
		t.Error("the head lists who did not take part")
	}
}

func TestStarvedRowsAreNoted(t *testing.T) {
	r := sample()
	r.Cases[0].Metrics = append(r.Cases[0].Metrics, workload.Busy)
	for i, record := range r.Results.Records {
		// Of 3 s, golwan used 600 ms, the others 300 ms; of the others, one is invalid anyway.
		record.Sample.Values[workload.Busy.Key] = 0.1
		if record.Contender == "golwan" {
			record.Sample.Values[workload.Busy.Key] = 0.2
		}
		r.Results.Records[i] = record
	}
	_, notes, _ := strings.Cut(r.Markdown(), "## Notes")
	if !strings.Contains(notes, ": nginx in hello-64 (300ms).") {
		t.Error(notes)
	}
}

func TestPaceAndAbsent(t *testing.T) {
	r := sample()
	r.Cases[0].Absent = []string{"lighttpd", "floor"}
	r.Results.Paces = []rounds.Pace{{Case: "other", Rate: 1},
		{
			Case: "hello-64", Rate: 42000,
			Saturation: map[string]float64{"nginx": 85000, "golwan": 90000},
		}}
	if text := r.Markdown(); !strings.Contains(text, "connections. All get 42000 requests a "+
		"second: half of what the slowest can answer, nginx (85000).") ||
		!strings.Contains(text, "\n\nNot served by lighttpd, floor.\n") {
		t.Error(text)
	}
	r.Results.Paces[1].Saturation = nil
	if text := r.Markdown(); !strings.Contains(text, " All get 42000 requests a second.\n") {
		t.Error(text)
	}
}

func TestPlotsOfLatencies(t *testing.T) {
	r := sample()
	svg := r.Plots()["hello-64-latency.svg"]
	if !strings.Contains(svg, ">p50<") || !strings.Contains(svg, ">p99<") ||
		strings.Contains(svg, "p90") || strings.Contains(svg, "golwan") {
		t.Errorf("only what was measured has a place:\n%s", svg)
	}
	delete(r.Results.Records[0].Sample.Values, workload.P50.Key)
	if svg, found := r.Plots()["hello-64-latency.svg"]; found {
		t.Errorf("a chart of one latency:\n%s", svg)
	}
	r.Results.Paces = []rounds.Pace{{Case: "hello-64", Rate: 5000}}
	svg = r.Plots()["hello-64-latency.svg"]
	if !strings.Contains(svg, "at 5000 requests a second") || !strings.Contains(svg, ">p99.99<") {
		t.Errorf("no curves:\n%s", svg)
	}
}

func TestGroups(t *testing.T) {
	groups := sample().Groups()
	if len(groups) != 1 || len(groups[0].Rows) != 3 {
		t.Fatalf("%+v", groups)
	}
	rows := groups[0].Rows
	if rows[0].Contender != "golwan" || rows[1].Contender != "nginx" ||
		rows[2].Contender != "bad" || rows[2].Invalid == "" {
		t.Errorf("%+v", rows)
	}
	if rows[0].Ratio.Median != 1 || rows[1].Ratio.Median != 1.25 || rows[1].Ratio.Max != 1.375 ||
		rows[1].Figures[workload.Rate.Key].Median != 95000 ||
		rows[1].Figures[workload.Rate.Key].Rounds != 3 {
		t.Errorf("%+v", rows[1])
	}
	other := sample()
	for _, base := range []string{"absent", "bad"} {
		other.Base = base
		for _, row := range other.Groups()[0].Rows {
			if row.Ratio.Median != 0 {
				t.Errorf("ratio %v to %s", row.Ratio, base)
			}
		}
	}
}

func TestCSV(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	// A head, two figures of each of 8 records, two latencies, three system calls.
	if len(lines) != 1+16+2+3 || lines[0][0] != "case" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	for _, want := range []string{
		"hello-64 nginx 2 0001-01-01T00:00:00Z cpu_us 11 true",
		"hello-64 bad 2 0001-01-01T00:00:00Z rps 900000 false",
		"hello-64 nginx 0  syscalls/epoll_wait 0.25 true",
	} {
		if !slices.ContainsFunc(lines, func(line []string) bool {
			return strings.Join(line, " ") == want
		}) {
			t.Errorf("no line %q in %q", want, lines)
		}
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	want := sample()
	if err := want.Save(dir); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got report.Report
	if err := json.Unmarshal(data, &got); err != nil || got.Markdown() != want.Markdown() {
		t.Errorf("the report does not survive JSON: %v", err)
	}
	if loaded, err := report.Load(dir); err != nil || loaded.Markdown() != want.Markdown() {
		t.Errorf("loaded: %v", err)
	}
	for name, content := range map[string]string{
		"report.md":       "# Benchmarks",
		"results.csv":     "case,contender",
		"environment.csv": "kernel,Linux 6\n", "commands.csv": "hello-64,nginx,1,",
		"hello-64-cpu_us.svg": "golwan", "hello-64-latency.svg": "nginx",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(data), content) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasSuffix(name, ".svg") && strings.Contains(string(data), ">bad<") {
			t.Errorf("%s draws an invalid row", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "hello-64-memory.svg")); !os.IsNotExist(err) {
		t.Errorf("a plot of memory that was not measured: %v", err)
	}
}

func TestMachine(t *testing.T) {
	m, err := report.ThisMachine(t.Context())
	if err != nil || m.CPU == "" || m.CPUs < 1 || m.MemoryMiB < 1 ||
		!strings.HasPrefix(m.Kernel, "Linux ") || m.Commit == "" ||
		len(strings.Fields(m.LoadAverage)) != 3 {
		t.Errorf("%+v, %v", m, err)
	}
	for load, crowded := range map[string]bool{"0.40 9 9": true, "0.20 9 9": false, "": false} {
		if got := (report.Machine{CPUs: 2, LoadAverage: load}).Crowded(); got != crowded {
			t.Errorf("load average %q: crowded %t", load, got)
		}
	}
	if got := report.Model(
		[]byte("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmodel name\t: other\n")); got !=
		"Some CPU @ 3 GHz" {
		t.Errorf("model %q", got)
	}
	if got := report.Model([]byte("processor : 0\n")); got == "" {
		t.Error("no name for an unknown model")
	}
	if got, err := report.Memory([]byte("MemFree: 1 kB\nMemTotal:  4194304 kB\n")); got != 4096 ||
		err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for _, bad := range []string{"", "MemTotal:", "MemTotal: x kB"} {
		if _, err := report.Memory([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
