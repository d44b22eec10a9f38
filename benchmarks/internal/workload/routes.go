package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// routes asks in turn for all routes that have parameters, so that none stays in the caches of the
// CPU by being the only one.
func routes() Workload {
	return Workload{Name: "routes",
		About: "GET on the routes with parameters out of a table of 200, in turn",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("routes-%d", n),
					fmt.Sprintf("GET on the routes with parameters out of a table of 200, in "+
						"turn, on %d connections", n),
					contract.Routing, load.Job{Connections: n})
			}, 64)
		}}
}
