package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// scaling is hello without what opening the connections costs, which would be most of it with many
// of them. Both sizes are driven by our own generator, so their figures are for each other and not
// for hello's.
func scaling() Workload {
	return Workload{Name: "scaling",
		About: "hello on 64 and 15000 open connections, without the cost of opening them",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("scaling-%d", n),
					fmt.Sprintf("hello on %d connections, measured from when all of them have "+
						"had an answer on", n),
					contract.Hello, load.Job{Connections: n, Steady: true})
			}, 64, 15000)
		}}
}
