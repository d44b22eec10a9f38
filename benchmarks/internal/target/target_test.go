package target

import (
	"fmt"
	"slices"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

func Example() {
	for _, o := range Judge(nil)[:2] {
		fmt.Println(o.Target.Name, "at most", o.Target.Most, o.Verdict)
	}
	// Output:
	// hello-64: CPU µs/req, to nginx at most 0.9 not measured
	// hello-64: CPU µs/req, to fasthttp at most 0.8 not measured
}

// TestTargetsCanBeMeasured holds the targets against what there is: cases, metrics, and contenders
// that serve them.
func TestTargetsCanBeMeasured(t *testing.T) {
	cases := map[string]workload.Case{}
	for _, c := range Cases() {
		cases[c.Name] = c
		if c.Trace != nil || !slices.Contains(c.Only, us) {
			t.Errorf("%s: %+v", c.Name, c)
		}
	}
	seen := map[string]bool{}
	for _, target := range All() {
		for _, f := range []Figure{target.Of, target.To} {
			if (f == Figure{}) {
				continue
			}
			c, found := cases[f.Case]
			who, known := contender.Find(f.Contender)
			if !found || !known || !slices.Contains(c.Metrics, f.Metric) ||
				!who.Serves(c.Feature) || !slices.Contains(c.Only, f.Contender) {
				t.Errorf("%s: %+v", target.Name, f)
			}
			if !slices.Contains(Contenders(), f.Contender) {
				t.Errorf("%s is not among the contenders", f.Contender)
			}
		}
		if target.Most <= 0 || seen[target.Name] {
			t.Errorf("%+v", target)
		}
		seen[target.Name] = true
	}
}

// figures are records of a contender in a case, one for each round.
func figures(name, who string, values ...float64) []rounds.Record {
	var records []rounds.Record
	for i, v := range values {
		records = append(records, rounds.Record{Case: name, Contender: who, Round: i + 1,
			Sample: workload.Sample{Values: map[string]float64{workload.CPU.Key: v}}})
	}
	return records
}

func TestJudge(t *testing.T) {
	relative := ratio("a", "x", workload.CPU, 0.5)
	absolute := limit("a", workload.CPU, 5)
	invalid := figures("a", "x", 10, 10)
	invalid[1].Sample.Invalid = "errors"
	for name, c := range map[string]struct {
		target  Target
		records []rounds.Record
		verdict Verdict
		value   float64
		close   bool
	}{
		"held": {relative, append(figures("a", us, 3, 4), figures("a", "x", 10, 10)...),
			Held, 0.35, false},
		"at the limit": {relative, append(figures("a", us, 5), figures("a", "x", 10)...),
			Held, 0.5, false},
		"missed": {relative, append(figures("a", us, 6, 8), figures("a", "x", 10, 10)...),
			Missed, 0.7, false},
		"held, closely": {relative,
			append(figures("a", us, 3, 4, 6), figures("a", "x", 10, 10, 10)...), Held, 0.4, true},
		"missed, closely": {relative,
			append(figures("a", us, 3, 6, 6), figures("a", "x", 10, 10, 10)...), Missed, 0.6, true},
		"a round short": {relative, append(figures("a", us, 3, 3), figures("a", "x", 10)...),
			Held, 0.3, false},
		"limit held":   {absolute, figures("a", us, 4, 5, 5), Held, 5, false},
		"limit missed": {absolute, figures("a", us, 5, 6, 7), Missed, 6, true},
		"nothing":      {absolute, nil, Unmeasured, 0, false},
		"another case": {absolute, figures("b", us, 1), Unmeasured, 0, false},
		"too coarse":   {absolute, figures("a", us, 4, 0), Unmeasured, 0, false},
		"no other":     {relative, figures("a", us, 3), Unmeasured, 0, false},
		"an invalid other": {relative, append(figures("a", us, 3, 3), invalid...),
			Unmeasured, 0, false},
		"another size": {growth("a", "b", workload.CPU, 1.3),
			append(figures("a", us, 13), figures("b", us, 10)...), Held, 1.3, false},
	} {
		o := judge(c.target, c.records)
		if o.Verdict != c.verdict || o.Value.Median != c.value || o.Close() != c.close {
			t.Errorf("%s: %+v, close %t", name, o, o.Close())
		}
	}
}

func TestMemoryThatHasNotGrown(t *testing.T) {
	records := figures("a", us, 0, 0)
	for _, r := range records {
		r.Sample.Values[workload.PerConnection.Key] = -1
	}
	if o := judge(limit("a", workload.PerConnection, 5), records); o.Verdict != Held {
		t.Errorf("%+v", o)
	}
}
