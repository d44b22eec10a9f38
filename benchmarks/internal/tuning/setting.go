package tuning

import (
	"slices"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Setting is one that can be changed.
type Setting struct {
	Name     string    `json:"name"` // of the field
	Default  string    `json:"default"`
	Cases    []string  `json:"cases"`
	Variants []Variant `json:"variants"`

	cases []workload.Case
}

// Variant is another value of a setting than its default.
type Variant struct {
	Contender string `json:"contender"`
	Value     string `json:"value"`

	flags []string
}

// base is the contender with all defaults.
const base = "golwan"

// connections are what servers are usually measured with here.
const connections = 64

// All lists the settings.
func All() []Setting {
	return []Setting{
		setting("Server.HeapFloor", "32 MiB", []workload.Case{workload.Allocate(connections)},
			Variant{"heap-off", "none", []string{"-heap-floor", "-1"}},
			Variant{"heap-8m", "8 MiB", []string{"-heap-floor", "8388608"}},
			Variant{"heap-128m", "128 MiB", []string{"-heap-floor", "134217728"}}),
		setting("Server.KeepGOMAXPROCS", "false: twice the loops",
			[]workload.Case{find("hello", connections)},
			Variant{"procs-1x", "true: as many as loops", []string{"-keep-gomaxprocs"}}),
		setting("Server.KeepGOMAXPROCS beside goroutines that compute",
			"false, without such goroutines", []workload.Case{longest(find("hello", 1))},
			Variant{"burn-2x", "false, beside two", []string{"-burn", "2"}},
			Variant{"burn-1x", "true, beside two", []string{"-burn", "2", "-keep-gomaxprocs"}}),
		setting("Endpoint.DeferAccept", "off", []workload.Case{find("reconnect", connections)},
			Variant{"defer-1s", "1 s", []string{"-defer-accept", "1s"}}),
		setting("Server.Threads", "ThreadsPinned",
			[]workload.Case{find("hello", connections), median(find("hello", 1)),
				find("blocking", connections), median(find("blocking", 1))},
			Variant{"threads-cpu", "ThreadsCPU", []string{"-threads", "cpu"}},
			Variant{"threads-free", "ThreadsFree", []string{"-threads", "free"}}),
		setting("files.Config.SmallFile", "16 KiB", workload.FileSizes(connections),
			Variant{"files-send", "none: all by sendfile", []string{"-small-file", "-1"}},
			Variant{"files-128k", "128 KiB: all from memory", []string{"-small-file", "131072"}}),
	}
}

// setting makes the cases of a setting: no other takes part in them.
func setting(name, byDefault string, cases []workload.Case, variants ...Variant) Setting {
	s := Setting{Name: name, Default: byDefault, Variants: variants, cases: cases}
	only := []string{base}
	for _, v := range variants {
		only = append(only, v.Contender)
	}
	for i, c := range cases {
		// Two settings may need the same case.
		c.Name = variants[0].Contender + "." + c.Name
		c.Only, c.Trace = only, nil
		cases[i] = c
		s.Cases = append(s.Cases, c.Name)
	}
	return s
}

// find is a case of a workload that there is.
func find(name string, n int) workload.Case {
	w, found := workload.Find(name)
	if !found {
		panic("tuning: no workload " + name)
	}
	return w.Cases(workload.Options{Connections: []int{n}})[0]
}

// median compares by the median of the latency.
func median(c workload.Case) workload.Case { return by(workload.P50, c) }

// longest compares by the latency that one of a hundred exceeds.
func longest(c workload.Case) workload.Case { return by(workload.P99, c) }

func by(m workload.Metric, c workload.Case) workload.Case {
	others := slices.DeleteFunc(slices.Clone(c.Metrics), func(other workload.Metric) bool {
		return other == m
	})
	c.Metrics = append([]workload.Metric{m}, others...)
	return c
}

// Cases are those of all settings.
func Cases() []workload.Case {
	var cases []workload.Case
	for _, s := range All() {
		cases = append(cases, s.cases...)
	}
	return cases
}

// Contenders are the default and all variants.
func Contenders() []contender.Contender {
	all := []contender.Contender{contender.Variant(base, "this framework, as it is by default")}
	for _, s := range All() {
		for _, v := range s.Variants {
			all = append(all, contender.Variant(v.Contender, s.Name+" "+v.Value, v.flags...))
		}
	}
	return all
}
