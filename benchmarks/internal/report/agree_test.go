package report_test

import (
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/report"
	"github.com/golwan/golwan/benchmarks/internal/rounds"
)

func TestCompare(t *testing.T) {
	records := func(golwan, nginx, chi float64) []rounds.Record {
		var all []rounds.Record
		for round, factor := range []float64{1, 1.1, 0.9} {
			all = append(all, record("golwan", round+1, golwan, 1),
				record("nginx", round+1, nginx*factor, 1), record("chi", round+1, chi, 1))
		}
		return all
	}
	first, second := sample(), sample()
	first.Results.Records = append(records(10, 20, 40), record("gin", 1, 30, 1),
		record("bad", 1, 1, 1))
	first.Results.Records[10].Sample.Invalid = "errors"
	second.Results.Records = append(records(12, 25, 44), record("bad", 1, 1, 1),
		record("echo", 1, 1, 1))
	got := map[string]report.Agreement{}
	for _, a := range report.Compare(first, second) {
		got[a.Contender] = a
	}
	for name, c := range map[string]struct {
		what, missing string
		within        bool
	}{
		"golwan": {"CPU µs/req", "", false}, // 10 and 12, without a range
		"nginx":  {"ratio", "", true},       // 2 (1.8–2.2) and 2.08
		"chi":    {"ratio", "", false},      // 4 and 3.7
		"gin":    {"ratio", "not in the second", false},
		"echo":   {"ratio", "not in the first", false},
		"bad":    {"ratio", "invalid", false},
	} {
		if a := got[name]; a.What != c.what || a.Missing != c.missing || a.Within() != c.within {
			t.Errorf("%s: %+v", name, a)
		}
	}
	var b strings.Builder
	if err := report.WriteAgreement(&b, report.Compare(first, second)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1 of 2 ratios agree, and 0 of 1 of the figures", "| 2.00 (1.80–2.20) | 2.08 (1.88–2.29) |",
		"+4.2 %", "not in the first",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	second.Results.Paces = []rounds.Pace{{Case: "hello-64", Rate: 100}}
	for _, a := range report.Compare(first, second) {
		if a.Within() || a.Missing == "" {
			t.Errorf("at another rate: %+v", a)
		}
	}
}
