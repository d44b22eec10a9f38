package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// reconnect is the cost of a connection: the kernel's share is the largest here, and the same for
// all.
func reconnect() Workload {
	return Workload{Name: "reconnect",
		About: "hello with a new connection for each request (Connection: close)",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("reconnect-%d", n),
					fmt.Sprintf("hello with a new connection for each request, %d at a time", n),
					contract.Hello, load.Job{Connections: n, Reconnect: true})
			}, 64)
		}}
}
