package report

import (
	"time"

	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/tuning"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// Report is everything about one run of the benchmarks.
type Report struct {
	Command    string       `json:"command"` // the arguments of this program
	Started    time.Time    `json:"started"`
	Finished   time.Time    `json:"finished"`
	Machine    Machine      `json:"machine"`
	Settings   Settings     `json:"settings"`
	Contenders []Contestant `json:"contenders"`
	Cases      []Case       `json:"cases"`
	Base       string       `json:"base"` // the contender that the others are compared with

	Results rounds.Results   `json:"results"`
	Targets []target.Outcome `json:"targets,omitempty"` // when they were what was measured for
	Tuning  []tuning.Setting `json:"tuning,omitempty"`  // when they were
}

// Settings are how it was measured.
type Settings struct {
	Rounds    int           `json:"rounds"`
	Duration  time.Duration `json:"duration_ns"`
	Warmup    time.Duration `json:"warmup_ns"`
	Generator string        `json:"generator"`
	ServerCPU int           `json:"server_cpu"` // -1: any
	LoadCPU   int           `json:"load_cpu"`   // -1: any
	Files     uint64        `json:"files"`      // limit of open files
	// what TCP controlled congestion by, for all contenders but those that choose for themselves;
	// "": it is not known
	Congestion string `json:"congestion,omitempty"`
}

// Contestant is a contender as it took part, or did not.
type Contestant struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Version string `json:"version,omitempty"`
	Missing string `json:"missing,omitempty"` // why it did not
}

// Case is what the report has to know of a workload.Case.
type Case struct {
	Name    string            `json:"name"`
	About   string            `json:"about"`
	Metrics []workload.Metric `json:"metrics"`
	Absent  []string          `json:"absent,omitempty"` // contenders that do not serve it
}

// NewCases takes from the cases of a plan what a report needs.
func NewCases(p rounds.Plan) []Case {
	all := make([]Case, len(p.Cases))
	for i, c := range p.Cases {
		all[i] = Case{c.Name, c.About, c.Metrics, p.Absent(c)}
	}
	return all
}
