package workload

import (
	"context"
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// openLoop is what clients see of a server that is not overloaded, and what a request costs then:
// requests come by a schedule, whether those before were answered or not, and latencies count from
// when a request was due. All contenders get the same rate: half of what the slowest one can
// answer.
func openLoop() Workload {
	return Workload{Name: "openloop", About: "latency of hello and of the mix at a fixed rate, " +
		"half of what the slowest contender can answer",
		Cases: func(o Options) []Case {
			var cases []Case
			for _, w := range []struct {
				feature contract.Feature
				about   string
				bulk    bool
			}{{contract.Hello, "hello", false}, {contract.Mix, mixed, true}} {
				cases = append(cases, o.each(func(n int) Case {
					name := fmt.Sprintf("openloop-%s-%d", w.feature, n)
					return Case{Name: name,
						About: fmt.Sprintf("%s, sent by a schedule on %d connections",
							w.about, n),
						Feature: w.feature, Metrics: pacedMetrics,
						Pace: &Pace{Key: name, Saturate: saturate(w.feature, n, w.bulk)},
						Measure: func(ctx context.Context, s Subject) (Sample, error) {
							return measurePaced(ctx, s, w.feature, n, w.bulk)
						}}
				}, 64)...)
			}
			return cases
		}}
}
