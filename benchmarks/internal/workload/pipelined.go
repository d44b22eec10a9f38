package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// depth is how many requests are pipelined.
const depth = 16

// pipelined takes the system calls out of the comparison, as far as a server can read and answer
// many requests at once (RFC 9112, section 9.3.2): what is left is parsing and building answers.
func pipelined() Workload {
	return Workload{Name: "pipelined", About: "hello with 16 pipelined requests on each connection",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("pipelined-%d", n),
					fmt.Sprintf("hello on %d connections with %d requests sent at once; "+
						"latencies are those of a whole batch", n, depth),
					contract.Hello, load.Job{Connections: n, Pipeline: depth})
			}, 64)
		}}
}
