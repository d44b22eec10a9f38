package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// Allocate is a handler that makes garbage, on n connections. It is for tuning and not in All.
func Allocate(n int) Case {
	return underLoad(fmt.Sprintf("allocate-%d", n),
		fmt.Sprintf(
			"GET /allocate answered with decoded and encoded JSON of %d rows, on %d connections",
			contract.PageRows, n),
		contract.Allocate, load.Job{Connections: n})
}
