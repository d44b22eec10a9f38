package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// browser is hello with what a browser really sends: the cost of fields that nobody asks for, and
// of some that are.
func browser() Workload {
	return Workload{Name: "browser",
		About: "GET with 20 header fields, of which a cookie is read, and two of four query " +
			"parameters", Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("browser-%d", n),
					fmt.Sprintf("GET with 20 fields, answered with a cookie and two query "+
						"parameters, on %d connections", n),
					contract.Browser, load.Job{Connections: n})
			}, 64)
		}}
}
