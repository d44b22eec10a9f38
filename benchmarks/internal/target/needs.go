package target

import (
	"slices"

	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Cases are those that the targets need, in the order of the workloads, each with the contenders
// that it needs them of. System calls are not counted: no target is about them.
func Cases() []workload.Case {
	needed := needs()
	var cases []workload.Case
	for _, w := range workload.All() {
		for _, c := range w.Cases(workload.Options{}) {
			if contenders := needed[c.Name]; contenders != nil {
				c.Only, c.Trace = contenders, nil
				cases = append(cases, c)
			}
		}
	}
	return cases
}

// Contenders are the names of all that the targets need, in the order of their first target.
func Contenders() []string {
	var names []string
	for _, t := range All() {
		for _, f := range []Figure{t.Of, t.To} {
			if f.Contender != "" && !slices.Contains(names, f.Contender) {
				names = append(names, f.Contender)
			}
		}
	}
	return names
}

// needs are the contenders by case.
func needs() map[string][]string {
	needed := map[string][]string{}
	for _, t := range All() {
		for _, f := range []Figure{t.Of, t.To} {
			if f.Contender != "" && !slices.Contains(needed[f.Case], f.Contender) {
				needed[f.Case] = append(needed[f.Case], f.Contender)
			}
		}
	}
	for name, others := range beside {
		needed[name] = append(needed[name], others...)
	}
	return needed
}

// beside lists the other contenders to measure, because a figure says more next to another one;
// there is no target about it.
var beside = map[string][]string{
	"streams-8000":     {"nethttp"},
	"subscribers-8000": {"nethttp"},
	"idle-8000":        {"nethttp", "nginx", "fasthttp"},
	"slowstreams-1000": {"nethttp"},
	"blocking-64":      {"nethttp"},
	"blocking-1":       {"nethttp"},
	"stall-64":         {"nethttp"},
}
