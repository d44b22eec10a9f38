package workload

import (
	"context"
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// loops is what a second loop, worker or processor costs and gains at a load that one can bear:
// neither server nor load is pinned to a CPU, and the rate is half of what the slowest contender
// can answer with one.
func loops() Workload {
	const connections = 64
	free := func(s Subject, n int) Subject {
		s.Bed.ServerCPU, s.Bed.LoadCPU, s.Bed.Workers = proc.AnyCPU, proc.AnyCPU, n
		return s
	}
	pace := &Pace{Key: "loops", Saturate: func(ctx context.Context, s Subject) (float64, error) {
		return saturate(contract.Hello, connections, false)(ctx, free(s, 1))
	}}
	return Workload{Name: "loops",
		About: "hello at a fixed rate with 1 and with 2 loops (workers, processors), on all CPUs",
		Cases: func(Options) []Case {
			var cases []Case
			for _, n := range []int{1, 2} {
				cases = append(cases, Case{Name: fmt.Sprintf("loops-%d", n),
					About: fmt.Sprintf("hello with %d loops (workers, GOMAXPROCS), sent by a "+
						"schedule on %d connections, not pinned", n, connections),
					Feature: contract.Hello,
					Metrics: append([]Metric{CPU}, without(pacedMetrics, CPU)...), Pace: pace,
					Measure: func(ctx context.Context, s Subject) (Sample, error) {
						return measurePaced(ctx, free(s, n), contract.Hello, connections, false)
					}})
			}
			return cases
		}}
}

func without(metrics []Metric, one Metric) []Metric {
	var others []Metric
	for _, m := range metrics {
		if m != one {
			others = append(others, m)
		}
	}
	return others
}
