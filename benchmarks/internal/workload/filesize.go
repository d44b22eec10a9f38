package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// FileSizes are files around the size up to which they are served from memory, on n connections.
// They are for tuning and not in All.
func FileSizes(n int) []Case {
	var cases []Case
	for _, f := range []contract.Feature{
		contract.File4K, contract.File16K, contract.File64K, contract.File128K,
	} {
		cases = append(cases,
			underLoad(fmt.Sprintf("%s-%d", f, n), fmt.Sprintf("GET of %s on %d connections", f, n),
				f, load.Job{Connections: n, Bulk: true}))
	}
	return cases
}
