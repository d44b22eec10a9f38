package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// postLarge is reading a body that comes in many pieces.
func postLarge() Workload {
	return Workload{Name: "postlarge", About: "POST of 1 MB, answered with its size",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("postlarge-%d", n),
					fmt.Sprintf(
						"POST /post with %d bytes, answered with their number, on %d connections",
						contract.PostLargeBytes, n),
					contract.PostLarge, load.Job{Connections: n})
			}, 4)
		}}
}
