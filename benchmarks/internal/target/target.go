package target

import (
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Target is a figure, or the ratio of two, that is not to be exceeded.
type Target struct {
	Name string  `json:"name"`
	Of   Figure  `json:"of"`
	To   Figure  `json:"to"`   // the zero value: Of is taken as it is
	Most float64 `json:"most"` // in the unit of the metric, or as a ratio
}

// Figure is where a number comes from.
type Figure struct {
	Case      string          `json:"case"`
	Contender string          `json:"contender"`
	Metric    workload.Metric `json:"metric"`
}

// Ratio reports whether the target is one of a ratio.
func (t Target) Ratio() bool { return t.To != Figure{} }

// us is the contender that the targets are for.
const us = "golwan"

// All lists the targets.
func All() []Target {
	return []Target{
		ratio("hello-64", "nginx", workload.CPU, 0.90),
		ratio("hello-64", "fasthttp", workload.CPU, 0.80),
		ratio("hello-64", "nethttp", workload.CPU, 0.42),
		ratio("hello-64", "floor", workload.CPU, 1.10),
		ratio("pipelined-64", "fasthttp", workload.CPU, 0.45),
		ratio("file-1k-64", "nginx", workload.CPU, 0.80),
		ratio("file-1k-64", "lighttpd", workload.CPU, 0.90),
		ratio("file-1k-64", "fasthttp", workload.CPU, 0.75),
		ratio("file-100k-64", "nginx", workload.CPU, 1.0),
		ratio("file-10m-64", "nginx", workload.CPU, 1.0),
		ratio("file-10m-4", "nginx", workload.CPU, 1.0),
		ratio("fanout-8000", "writes", workload.Delivery, 1.25),
		growth("scaling-15000", "scaling-64", workload.CPU, 1.3),
		limit("blocking-64", workload.CPU, 20),
		limit("blocking-1", workload.CPU, 50),
		limit("stall-64", workload.P99Ratio, 3),
		limit("slow-64", workload.P99Ratio, 1.25),
		limit("slowstreams-1000", workload.PerConnection, 20<<10),
		limit("idle-8000", workload.PerConnection, 128),
		limit("streams-8000", workload.PerConnection, 12<<10),
		limit("subscribers-8000", workload.PerConnection, 512),
	}
}

// ratio is a target against another contender in the same case.
func ratio(name, other string, m workload.Metric, most float64) Target {
	return Target{
		Name: fmt.Sprintf("%s: %s, to %s", name, m.Title, other), Of: Figure{name, us, m},
		To: Figure{name, other, m}, Most: most,
	}
}

// growth is a target against another size of the same workload.
func growth(name, smaller string, m workload.Metric, most float64) Target {
	return Target{
		Name: fmt.Sprintf("%s: %s, to %s", name, m.Title, smaller), Of: Figure{name, us, m},
		To: Figure{smaller, us, m}, Most: most,
	}
}

// limit is a target for a figure as it is.
func limit(name string, m workload.Metric, most float64) Target {
	return Target{Name: fmt.Sprintf("%s: %s", name, m.Title), Of: Figure{name, us, m}, Most: most}
}
