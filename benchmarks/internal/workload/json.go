package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// jsonAnswer encodes a small struct with what the contender uses by default.
func jsonAnswer() Workload {
	return Workload{Name: "json", About: "GET /json answered with an encoded struct",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("json-%d", n),
					fmt.Sprintf("GET /json answered with an encoded struct on %d connections", n),
					contract.JSON, load.Job{Connections: n})
			}, 64)
		}}
}
