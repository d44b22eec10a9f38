package rounds

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

func TestHalf(t *testing.T) {
	for _, c := range []struct {
		least, want float64
	}{{100000, 50000}, {85999, 42000}, {2000, 1000}, {1999, 990}, {30, 15}, {9, 4}, {2, 1}} {
		if got := half(map[string]float64{"a": c.least * 3, "b": c.least}); got != c.want {
			t.Errorf("half of %v: %v, want %v", c.least, got, c.want)
		}
	}
	if got := half(nil); got != 0 {
		t.Errorf("half of nothing: %v", got)
	}
}

// paced is a case that notes the rates which it is measured at.
func paced(name, key string, saturation map[string]float64, rates *[]float64) workload.Case {
	metric := workload.Metric{Key: "figure", Title: "figures"}
	return workload.Case{Name: name, Feature: contract.Hello, Metrics: []workload.Metric{metric},
		Pace: &workload.Pace{Key: key,
			Saturate: func(_ context.Context, s workload.Subject) (float64, error) {
				rate, found := saturation[s.Program.Name]
				if !found {
					return 0, errors.New("out of order")
				}
				return rate, nil
			}},
		Measure: func(_ context.Context, s workload.Subject) (workload.Sample, error) {
			*rates = append(*rates, s.Rate)
			return workload.Sample{Values: map[string]float64{"figure": 1}}, nil
		}}
}

func TestPace(t *testing.T) {
	var entries []Entry
	for _, name := range []string{"gin", "chi", "echo"} {
		c, _ := contender.Find(name)
		entries = append(entries, Entry{Contender: c, Program: contender.Program{Name: name}})
	}
	var rates []float64
	var log strings.Builder
	saturation := map[string]float64{"gin": 50000, "chi": 40000} // echo fails
	p := Plan{Rounds: 1, Entries: entries, Log: &log, Cases: []workload.Case{
		paced("a", "shared", saturation, &rates), paced("b", "shared", nil, &rates),
		paced("c", "own", nil, &rates)}}
	results := p.Run(t.Context())
	// Case a without echo; case b with all three, at the rate of a; nobody in c.
	if !slices.Equal(rates, []float64{20000, 20000, 20000, 20000, 20000}) {
		t.Errorf("%v\n%s", rates, &log)
	}
	if len(results.Paces) != 2 || results.Paces[0].Slowest() != "chi" ||
		results.Paces[1].Case != "b" || len(results.Notes) != 4 {
		t.Errorf("%+v", results)
	}
	// 3 × (2 + 1 + 2) steps
	if !strings.Contains(log.String(), "/15] a, saturation, gin: 50000 req/s") {
		t.Error(log.String())
	}
	rates, p.Rate = nil, 700
	if results = p.Run(t.Context()); len(rates) != 9 || rates[0] != 700 ||
		results.Paces[0].Slowest() != "" {
		t.Errorf("with a given rate: %v, %+v", rates, results.Paces)
	}
}
