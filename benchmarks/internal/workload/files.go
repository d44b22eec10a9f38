package workload

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// fewConnections is for the largest file: with more of them, what is under way at the end of a run
// and not counted is a larger part of it than the noise.
const fewConnections = 4

// files is what a server of static files does most. Which of its ways a server takes depends on the
// size: from memory, with sendfile, or by copying.
func files() Workload {
	const about = "files of 1 KiB, 100 KiB and 10 MiB, one that has not changed (304), " +
		"and one in gzip"
	return Workload{Name: "files", About: about,
		Cases: func(o Options) []Case {
			var cases []Case
			for _, f := range []struct {
				feature     contract.Feature
				about       string
				connections []int
				bulk        bool
			}{
				{contract.FileSmall, "a file of 1 KiB", []int{64}, false},
				{contract.FileMiddle, "a file of 100 KiB", []int{64}, true},
				{contract.FileLarge, "a file of 10 MiB", []int{fewConnections, 64}, true},
				{contract.FileUnchanged, "a file of 1 KiB that the client has, answered with 304",
					[]int{64}, false},
				{contract.FileGzip, "a file of 16 KiB, answered in gzip", []int{64}, false},
			} {
				cases = append(cases, o.each(func(n int) Case {
					return underLoad(fmt.Sprintf("%s-%d", f.feature, n),
						fmt.Sprintf("GET of %s on %d connections", f.about, n), f.feature, load.Job{
							Connections: n, Bulk: f.bulk,
						})
				}, f.connections...)...)
			}
			return cases
		}}
}
