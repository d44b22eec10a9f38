package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/tuning"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// options are what the command line says.
type options struct {
	args []string // as given
	list bool

	// What is measured.
	workloads  []workload.Workload
	sizes      workload.Options
	contenders []contender.Contender
	chosen     bool   // the contenders were named: one that is missing is an error
	preset     string // in place of workloads: "targets" or "tuning", see those packages; else ""
	base       string // the contender that ratios are made to

	// How it is measured.
	rounds    int
	duration  time.Duration
	warmup    time.Duration // negative: none
	generator string        // see load.Choose
	trace     bool
	rate      float64 // of open loops; 0: measured
	unpinned  bool
	serverCPU int
	loadCPU   int

	// Where the results and the programs that are built go.
	out, bin string
	update   bool // the page too

	// What has to be read once more, when all flags are known.
	connections string // numbers
	names       string // of contenders
	commands    pairs  // of contenders that were built elsewhere
	urls        pairs
}

// defaults are those of a first look: short, and with the noise that three rounds show.
func defaults(args []string) *options {
	return &options{args: args, rounds: 3, duration: 3 * time.Second, warmup: time.Second,
		base: "golwan", out: "results", bin: "bin", generator: "auto", trace: true, serverCPU: 0,
		loadCPU: 1}
}

// parse reads the arguments; workloads and flags may be mixed.
func parse(args []string, log io.Writer) (*options, error) {
	o := defaults(args)
	var names []string
	for rest := args; ; {
		f := o.flags(log)
		if err := f.Parse(rest); err != nil {
			return nil, err
		}
		if f.NArg() == 0 {
			break
		}
		names, rest = append(names, f.Arg(0)), f.Args()[1:]
	}
	if o.list {
		return o, nil
	}
	if len(names) == 0 {
		o.flags(log).Usage()
		return nil, errors.New("no workload was named")
	}
	if names[0] == "targets" || names[0] == "tuning" {
		return o, o.choosePreset(names)
	}
	return o, errors.Join(o.findWorkloads(names), o.findContenders(),
		o.readConnections(), o.check())
}

// flags defines the flags with what is already known as their defaults, because they are parsed in
// several goes.
func (o *options) flags(log io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	f.SetOutput(log)
	f.Usage = func() {
		fmt.Fprint(log, "usage: go run . [flags] workload... | all | targets | tuning\n"+
			"       go run . compare [flags] base [head]\n       go run . agree report report\n  "+
			"     go run . show [-update] report\n\n")
		f.PrintDefaults()
	}
	f.BoolVar(&o.list, "list", o.list, "list workloads and contenders")
	f.IntVar(&o.rounds, "rounds", o.rounds, "how often each contender is measured")
	f.DurationVar(&o.duration, "duration", o.duration,
		"length of a load; wrk and h2load round up to seconds")
	f.DurationVar(&o.warmup, "warmup", o.warmup, "length of the load before it; negative for none")
	f.StringVar(&o.names, "contenders", o.names, "names, with commas between; all by default")
	f.StringVar(&o.connections, "connections", o.connections,
		"numbers, with commas between, instead of those of the workload")
	f.IntVar(&o.sizes.Idle, "idle", o.sizes.Idle, "connections of the workload idle; 0 for 8000")
	f.StringVar(&o.base, "base", o.base, "contender that the others are compared with")
	f.StringVar(&o.out, "out", o.out, "folder below which a folder for the results is made")
	f.StringVar(&o.bin, "bin", o.bin, "folder for the programs that are built")
	f.StringVar(&o.generator, "load", o.generator, "load generator: wrk, h2load, own or auto")
	f.BoolVar(&o.trace, "strace", o.trace, "count system calls, in a run of its own for each case ")
	f.Float64Var(&o.rate, "rate", o.rate,
		"requests a second of open loops; 0 for half of what the slowest contender can answer")
	f.BoolVar(&o.unpinned, "unpinned", o.unpinned,
		"do not pin server and load to a CPU each; servers get a worker for each CPU")
	f.IntVar(&o.serverCPU, "server-cpu", o.serverCPU, "CPU of the server")
	f.IntVar(&o.loadCPU, "load-cpu", o.loadCPU, "CPU of the load")
	f.BoolVar(&o.update, "update", o.update, "put the results into README.md as well")
	f.Var(&o.commands, "cmd", "name=command of a contender that was built elsewhere; see README.md")
	f.Var(&o.urls, "url", "name=URL of its hello; http://{addr}/ by default")
	return f
}

// choosePreset takes what targets or tuning need; they are set for the sizes that workloads have by
// default.
func (o *options) choosePreset(names []string) error {
	if len(names) > 1 || o.connections != "" || o.sizes.Idle != 0 {
		return fmt.Errorf("%s are measured alone, and in their sizes", names[0])
	}
	o.preset = names[0]
	if o.preset == "tuning" {
		if o.names != "" || len(o.commands) > 0 {
			return errors.New("tuning has contenders of its own")
		}
		o.contenders, o.chosen = tuning.Contenders(), true
		return o.check()
	}
	named := o.names != ""
	if !named {
		o.names = strings.Join(target.Contenders(), ",")
	}
	err := o.findContenders()
	o.chosen = named
	return errors.Join(err, o.check())
}

// findWorkloads takes a workload that is named twice once: its figures would be mixed up otherwise.
func (o *options) findWorkloads(names []string) error {
	for _, name := range names {
		if name == "all" {
			o.workloads = workload.All()
			return nil // there are no others
		}
		w, found := workload.Find(name)
		if !found {
			return fmt.Errorf("there is no workload %s; see -list", name)
		}
		if !slices.ContainsFunc(o.workloads, func(other workload.Workload) bool {
			return other.Name == name
		}) {
			o.workloads = append(o.workloads, w)
		}
	}
	return nil
}

// findContenders makes the list of contenders: it takes those that were named, or all, and those
// that were built elsewhere.
func (o *options) findContenders() error {
	all := contender.All()
	for _, c := range o.commands {
		external, err := contender.External(c.name, c.value, o.urls.get(c.name))
		if err != nil {
			return err
		}
		all = append(all, external)
	}
	for _, u := range o.urls {
		if o.commands.get(u.name) == "" {
			return fmt.Errorf("-url for %s, which has no -cmd", u.name)
		}
	}
	if o.names == "" {
		o.contenders = all
		return nil
	}
	o.chosen = true
	for name := range strings.SplitSeq(o.names, ",") {
		i := slices.IndexFunc(all, func(c contender.Contender) bool { return c.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no contender %s; see -list", name)
		}
		o.contenders = append(o.contenders, all[i])
	}
	return nil
}

// readConnections fills in the sizes of all workloads that have a number of connections.
func (o *options) readConnections() error {
	if o.connections == "" {
		return nil
	}
	for number := range strings.SplitSeq(o.connections, ",") {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of connections", number)
		}
		o.sizes.Connections = append(o.sizes.Connections, n)
	}
	return nil
}

func (o *options) check() error {
	if o.rounds < 1 || o.duration <= 0 || o.sizes.Idle < 0 || o.rate < 0 ||
		math.IsInf(o.rate, 0) || math.IsNaN(o.rate) {
		return errors.New("rounds and duration must be positive, idle and rate not negative")
	}
	return nil
}
