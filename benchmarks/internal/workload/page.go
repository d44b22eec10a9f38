package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// page is what a site without a client-side framework answers with. The Go contenders but golwan
// use html/template, which knows in which context of a page a value stands; that of golwan escapes
// all values alike.
func page() Workload {
	return Workload{Name: "page",
		About: "an HTML page with a table of 20 rows, rendered from a template",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return underLoad(fmt.Sprintf("page-%d", n),
					fmt.Sprintf(
						"GET /page answered with a rendered table of %d rows on %d connections",
						contract.PageRows, n),
					contract.Template, load.Job{Connections: n})
			}, 64)
		}}
}
