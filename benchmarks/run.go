package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/proc"
	"github.com/golwan/golwan/benchmarks/internal/report"
	"github.com/golwan/golwan/benchmarks/internal/rounds"
	"github.com/golwan/golwan/benchmarks/internal/target"
	"github.com/golwan/golwan/benchmarks/internal/tuning"
	"github.com/golwan/golwan/benchmarks/internal/workload"
)

// run measures, and writes the report of what was measured, also when it was interrupted.
func run(ctx context.Context, o *options, out, log io.Writer) error {
	if err := proc.RaiseFileLimit(); err != nil {
		return err
	}
	if o.update { // before hours of measuring
		if err := publishable(o.kind()); err != nil {
			return err
		}
	}
	restore, err := proc.ChooseCongestion(report.FairCongestion)
	if err != nil {
		fmt.Fprintln(log, "congestion control stays as it is:", err)
	} else {
		defer func() {
			if err := restore(); err != nil {
				fmt.Fprintln(log, "congestion control is not as it was:", err)
			}
		}()
	}
	r := report.Report{Command: o.command(), Started: time.Now()}
	if r.Machine, err = report.ThisMachine(ctx); err != nil {
		return err
	}
	dir, bed, err := o.bed(r.Started)
	if err != nil {
		return err
	}
	entries, contestants, err := o.prepare(ctx, log)
	if err != nil {
		return err
	}
	plan := rounds.Plan{
		Cases: o.cases(), Entries: entries, Rounds: o.rounds, Bed: bed, Trace: o.trace,
		Rate: o.rate, Log: log,
	}
	r.Contenders, r.Cases, r.Base, r.Settings = contestants, report.NewCases(plan),
		o.chooseBase(entries), o.settings(bed)
	r.Results = plan.Run(ctx)
	r.Finished = time.Now()
	switch o.preset {
	case "targets":
		r.Targets = target.Judge(r.Results.Records)
	case "tuning":
		r.Tuning = tuning.All()
	}
	// Whatever was measured before an interruption is worth having.
	fmt.Fprint(out, r.Markdown())
	if err := r.Save(dir); err != nil {
		return err
	}
	fmt.Fprintln(log, "saved to", dir)
	if r.Results.Interrupted {
		return errors.New("interrupted")
	}
	if o.update {
		return publish(r)
	}
	return nil
}

// bed makes the folders for the results and for what servers of files serve, and says how to
// measure.
func (o *options) bed(now time.Time) (dir string, bed workload.Bed, err error) {
	bed = workload.Bed{
		Duration: o.duration, Warmup: o.warmup, ServerCPU: o.serverCPU,
		LoadCPU: o.loadCPU, Workers: 1,
	}
	if o.unpinned {
		bed.ServerCPU, bed.LoadCPU, bed.Workers = proc.AnyCPU, proc.AnyCPU, runtime.NumCPU()
	} else if o.serverCPU == o.loadCPU || runtime.NumCPU() < 2 {
		return "", bed, errors.New("server and load need a CPU each; see -unpinned")
	}
	dir, err = filepath.Abs(filepath.Join(o.out, now.UTC().Format("2006-01-02T15-04-05")))
	if err != nil {
		return "", bed, err
	}
	scripts := filepath.Join(dir, "scripts")
	if err := os.MkdirAll(scripts, 0o755); err != nil {
		return "", bed, err
	}
	if bed.Files, err = filepath.Abs(filepath.Join(o.bin, "files")); err != nil {
		return "", bed, err
	}
	if err := contract.WriteFiles(bed.Files); err != nil {
		return "", bed, err
	}
	bed.Generator, err = load.Choose(o.generator, scripts)
	return dir, bed, err
}

// cases are those of all workloads, in the order of the command line, or of the targets.
func (o *options) cases() []workload.Case {
	switch o.preset {
	case "targets":
		return target.Cases()
	case "tuning":
		return tuning.Cases()
	}
	var cases []workload.Case
	for _, w := range o.workloads {
		cases = append(cases, w.Cases(o.sizes)...)
	}
	return cases
}

// command is what was typed.
func (o *options) command() string {
	return proc.Command{
		Args: append([]string{"go", "run", "."}, o.args...), CPU: proc.AnyCPU,
	}.String()
}

// kind is what Report.Kind will be.
func (o *options) kind() string { return cmp.Or(o.preset, "results") }

// prepare builds or finds the contenders. One that is missing, or cannot be built, is left out with
// a message, unless it was asked for by name.
func (o *options) prepare(
	ctx context.Context, log io.Writer,
) ([]rounds.Entry, []report.Contestant, error) {
	var entries []rounds.Entry
	var contestants []report.Contestant
	for _, c := range o.contenders {
		fmt.Fprintln(log, "preparing", c.Name)
		program, err := c.Prepare(ctx, o.bin)
		if err != nil && (o.chosen || ctx.Err() != nil) {
			return nil, nil, err
		}
		contestant := report.Contestant{Name: c.Name, About: c.About, Version: program.Version}
		if err != nil {
			contestant.Missing = err.Error()
			fmt.Fprintln(log, "left out:", err)
		} else {
			entries = append(entries, rounds.Entry{Contender: c, Program: program})
		}
		contestants = append(contestants, contestant)
	}
	if len(entries) == 0 {
		return nil, nil, fmt.Errorf("no contender is left: %w", contender.ErrMissing)
	}
	return entries, contestants, nil
}

// chooseBase is the contender that was asked for, or the first one when that does not take part.
func (o *options) chooseBase(entries []rounds.Entry) string {
	for _, e := range entries {
		if e.Contender.Name == o.base {
			return o.base
		}
	}
	return entries[0].Contender.Name
}

// settings are what the report has to say of the bed.
func (o *options) settings(bed workload.Bed) report.Settings {
	congestion, _ := proc.Congestion() // "": unknown, for information only
	return report.Settings{Rounds: o.rounds, Duration: o.duration, Warmup: o.warmup,
		Generator: bed.Generator.Name, ServerCPU: bed.ServerCPU, LoadCPU: bed.LoadCPU,
		Files: proc.FileLimit(), Congestion: congestion}
}
