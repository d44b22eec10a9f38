package rounds_test

import (
	"context"
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

func Example() {
	nginx, _ := contender.Find("nginx")
	plan := rounds.Plan{
		Rounds:  2,
		Entries: []rounds.Entry{{Contender: nginx, Program: contender.Program{Name: "nginx"}}},
		// A case that measures nothing, in place of one from workload.All.
		Cases: []workload.Case{{Name: "constant", Feature: contract.Hello,
			Metrics: []workload.Metric{workload.CPU},
			Measure: func(context.Context, workload.Subject) (workload.Sample, error) {
				return workload.Sample{Values: map[string]float64{workload.CPU.Key: 9.5}}, nil
			}}},
	}
	for _, record := range plan.Run(context.Background()).Records {
		fmt.Println(record.Round, record.Contender, record.Sample.Values)
	}
	// Output:
	// 1 nginx map[cpu_us:9.5]
	// 2 nginx map[cpu_us:9.5]
}
