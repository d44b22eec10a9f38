package workload

import (
	"context"
	"errors"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/syscalls"
)

// ErrUnserved is returned, wrapped, by Measure for a contender that does not give the right
// answers.
var ErrUnserved = errors.New("not served")

// Workload is one kind of traffic.
type Workload struct {
	Name  string
	About string
	Cases func(o Options) []Case
}

// Options change the sizes of workloads.
type Options struct {
	Connections []int // for workloads under load; nil: what the workload has by default
	Idle        int   // connections of the workloads for memory; 0: 8000
}

// each makes a case for each number of connections: those of the options, or else the defaults.
func (o Options) each(sized func(connections int) Case, defaults ...int) []Case {
	numbers := o.Connections
	if len(numbers) == 0 {
		numbers = defaults
	}
	cases := make([]Case, len(numbers))
	for i, n := range numbers {
		cases[i] = sized(n)
	}
	return cases
}

// Case is a workload in one size: what has a table and plots of its own in the report.
type Case struct {
	Name    string // "hello-64"
	About   string
	Feature contract.Feature // contenders without it are left out
	// columns of the report; the first one is what contenders are compared by
	Metrics []Metric
	Only    []string // names of the contenders that take part; nil: all

	// Pace is not nil for a case in which all contenders get the same number of requests a second:
	// Subject.Rate. It says how that is found.
	Pace *Pace

	Measure func(ctx context.Context, s Subject) (Sample, error)
	// Trace counts system calls for a request, by name; nil when there is nothing to count.
	Trace func(ctx context.Context, s Subject) (map[string]float64, error)
}

// Subject is a contender in its test bed.
type Subject struct {
	Program contender.Program
	Bed     Bed
	Rate    float64 // requests a second, for a case with a Pace
}

// Bed is how everything of a report is measured.
type Bed struct {
	Generator load.Generator
	Duration  time.Duration // of the load
	Warmup    time.Duration // load before it, whose figures are not used
	ServerCPU int           // or proc.AnyCPU
	LoadCPU   int           // or proc.AnyCPU
	Workers   int           // see contender.Setup
	Files     string        // see contender.Setup
}

// Sample is what one measurement came to.
type Sample struct {
	// by the key of the metric; what was not measured is missing
	Values  map[string]float64 `json:"values"`
	Invalid string             `json:"invalid,omitempty"` // why the values must not be used
	Server  string             `json:"server"`            // the command that started the server
	Load    string             `json:"load,omitempty"`    // the command that drove it
	Errors  load.Errors        `json:"errors"`
}

// start starts the subject's server as the bed says.
func (s Subject) start(ctx context.Context, reconnect bool) (*contender.Server, error) {
	return s.Program.Start(ctx,
		contender.Setup{CPU: s.Bed.ServerCPU, Workers: s.Bed.Workers, Reconnect: reconnect,
			Files: s.Bed.Files})
}

// traceable tells whether system calls can be counted at all.
func traceable() bool { return syscalls.Installed() }

// All lists the workloads in the order in which they are run.
func All() []Workload {
	return []Workload{hello(), pipelined(), jsonAnswer(), routes(), post(), postLarge(), browser(),
		reconnect(), files(), page(), blocking(), mix(), openLoop(), scaling(), loops(), fanOut(),
		slow(), stall(), slowStreams(), idle(), streams(), subscribers(), startup()}
}

// Find returns the workload with a name.
func Find(name string) (Workload, bool) {
	for _, w := range All() {
		if w.Name == name {
			return w, true
		}
	}
	return Workload{}, false
}
