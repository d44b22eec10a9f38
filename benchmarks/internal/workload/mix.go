package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// mix is what a site gets: some handlers wait for something else, as for a database, while the
// others must not. The second case is for servers without handlers.
func mix() Workload {
	return Workload{Name: "mix", About: "80 % hello, 15 % files of 1 and 100 KiB, 5 % awaiting 5 " +
		"ms; and the same without those that await",
		Cases: func(o Options) []Case {
			still := func(n int) Case {
				return underLoad(fmt.Sprintf("%s-%d", contract.MixStill, n),
					fmt.Sprintf("of 95 requests 80 hello, 12 files of 1 KiB and 3 of 100 KiB, on "+
						"%d connections", n),
					contract.MixStill, load.Job{Connections: n, Bulk: true})
			}
			waiting := func(n int) Case {
				return underLoad(fmt.Sprintf("%s-%d", contract.Mix, n),
					fmt.Sprintf("%s, on %d connections", mixed, n), contract.Mix, load.Job{
						Connections: n, Bulk: true,
					})
			}
			return append(o.each(waiting, 64), o.each(still, 64)...)
		}}
}

// mixed describes contract.Mix.
const mixed = "80 % hello, 12 % files of 1 KiB, 3 % of 100 KiB, 5 % awaiting 5 ms"
