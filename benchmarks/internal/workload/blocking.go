package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// blocking is the cost of leave to block: what a handler pays that runs beside the loops, when it
// does nothing. On one connection every request finds the server asleep, which is the dearest case.
func blocking() Workload {
	return Workload{Name: "blocking",
		About: "hello from a handler that may block, at 1 and 64 connections",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("blocking-%d", n),
					fmt.Sprintf("GET /blocking answered with %q by a handler that may block, on "+
						"%d connections", contract.Greeting, n),
					contract.Offload, load.Job{Connections: n})
			}, 1, 64)
		}}
}
