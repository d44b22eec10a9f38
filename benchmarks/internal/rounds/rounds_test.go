package rounds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

var metric = workload.Metric{Key: "figure", Title: "figures", Digits: 1}

// script is a case that answers from a function instead of measuring.
func script(
	name string, f contract.Feature, measure func(contender string) (workload.Sample, error),
) workload.Case {
	return workload.Case{Name: name, Feature: f, Metrics: []workload.Metric{metric},
		Measure: func(_ context.Context, s workload.Subject) (workload.Sample, error) {
			return measure(s.Program.Name)
		}}
}

func good(string) (workload.Sample, error) {
	return workload.Sample{Values: map[string]float64{metric.Key: 1.25}}, nil
}

// entries are contenders that are never started.
func entries(t *testing.T, names ...string) []rounds.Entry {
	var list []rounds.Entry
	for _, name := range names {
		c, ok := contender.Find(name)
		if !ok {
			t.Fatal("no contender", name)
		}
		list = append(list, rounds.Entry{Contender: c, Program: contender.Program{Name: name}})
	}
	return list
}

func order(r rounds.Results) []string {
	var list []string
	for _, record := range r.Records {
		list = append(list, fmt.Sprintf("%s %d %s", record.Case, record.Round, record.Contender))
	}
	return list
}

func TestContendersTakeTurns(t *testing.T) {
	p := rounds.Plan{Rounds: 2, Entries: entries(t, "nethttp", "nginx", "gin"),
		Cases: []workload.Case{script("a", contract.Hello, good), script("b", contract.JSON, good)}}
	results := p.Run(t.Context())
	want := []string{"a 1 nethttp", "a 1 nginx", "a 1 gin", "a 2 nginx", "a 2 gin", "a 2 nethttp",
		"b 1 nethttp", "b 1 gin", "b 2 gin", "b 2 nethttp"} // nginx has no JSON
	got := order(results)
	if !slices.Equal(got, want) || results.Interrupted || len(results.Notes) > 0 {
		t.Errorf("%q, %+v", got, results)
	}
}

func TestOnlyWhoIsNamedTakesPart(t *testing.T) {
	c := script("a", contract.JSON, good)
	c.Only = []string{"nginx", "gin"} // the one has no JSON
	p := rounds.Plan{
		Rounds: 1, Entries: entries(t, "nethttp", "nginx", "gin"), Cases: []workload.Case{c},
	}
	if got := order(p.Run(t.Context())); !slices.Equal(got, []string{"a 1 gin"}) {
		t.Errorf("%q", got)
	}
}

func TestWhoFailsIsLeftOutOfTheCase(t *testing.T) {
	var log strings.Builder
	calls := map[string]int{}
	failing := func(name string) (workload.Sample, error) {
		calls[name]++
		if name == "gin" {
			return workload.Sample{}, errors.New("out of order")
		}
		return workload.Sample{Values: map[string]float64{metric.Key: 2}, Invalid: "a bit"}, nil
	}
	p := rounds.Plan{Rounds: 3, Entries: entries(t, "gin", "chi"), Log: &log,
		Cases: []workload.Case{script("a", contract.Hello, failing),
			script("b", contract.Hello, good)}}
	results := p.Run(t.Context())
	if calls["gin"] != 1 || calls["chi"] != 3 || len(results.Records) != 3+6 {
		t.Errorf("%v, %q", calls, order(results))
	}
	want := []rounds.Note{{Case: "a", Contender: "gin", Text: "round 1: out of order"}}
	if !slices.Equal(results.Notes, want) {
		t.Errorf("%+v", results.Notes)
	}
	for _, line := range []string{
		"[ 1/12] a, round 1, gin: left out: out of order",
		"a, round 2, chi: invalid: a bit", "[12/12] b, round 3, chi: 1.2 figures",
	} {
		if !strings.Contains(log.String(), line) {
			t.Errorf("no %q in\n%s", line, &log)
		}
	}
}

func TestTraces(t *testing.T) {
	c := script("a", contract.Hello, good)
	c.Trace = func(_ context.Context, s workload.Subject) (map[string]float64, error) {
		if s.Program.Name == "chi" {
			return nil, errors.New("not allowed")
		}
		return map[string]float64{"read": 1, "write": 1.5}, nil
	}
	p := rounds.Plan{Rounds: 1, Entries: entries(t, "gin", "chi"), Cases: []workload.Case{c}}
	if results := p.Run(t.Context()); len(results.Traces) != 0 {
		t.Errorf("traced without being asked: %+v", results.Traces)
	}
	p.Trace = true
	results := p.Run(t.Context())
	if len(results.Traces) != 1 || results.Traces[0].Total() != 2.5 ||
		results.Traces[0].Contender != "gin" {
		t.Errorf("%+v", results.Traces)
	}
	if len(results.Notes) != 1 || results.Notes[0].Text != "strace: not allowed" ||
		len(results.Records) != 2 {
		t.Errorf("%+v", results)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	c := script("a", contract.Hello, func(string) (workload.Sample, error) {
		if n++; n == 3 {
			cancel()
			return workload.Sample{}, ctx.Err()
		}
		return good("")
	})
	p := rounds.Plan{Rounds: 5, Entries: entries(t, "gin", "chi"), Cases: []workload.Case{c, c}}
	results := p.Run(ctx)
	if !results.Interrupted || len(results.Records) != 2 || len(results.Notes) != 0 || n != 3 {
		t.Errorf("%+v after %d", results, n)
	}
}
