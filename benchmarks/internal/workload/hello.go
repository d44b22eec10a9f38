package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// hello is the cost of a request itself: the handler does nothing.
func hello() Workload {
	return Workload{Name: "hello",
		About: "GET / answered with 13 bytes, keep-alive, at 1, 64, 512 and 4096 connections",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("hello-%d", n),
					fmt.Sprintf("GET / answered with %q on %d connections", contract.Greeting, n),
					contract.Hello, load.Job{Connections: n})
			}, 1, 64, 512, 4096)
		}}
}
