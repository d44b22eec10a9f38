package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// post has handlers that read a body.
func post() Workload {
	return Workload{Name: "post",
		About: "POST of 1 KiB, answered with the length that the handler has read",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("post-%d", n),
					fmt.Sprintf("POST of %d bytes, answered with the length that was read, on %d "+
						"connections", contract.PostBytes, n),
					contract.Post, load.Job{Connections: n})
			}, 64)
		}}
}
