package load

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// grace is how much longer than its job a generator may take before it is killed.
const grace = 20 * time.Second

// approach is how long a generator may take to open connections that are not part of what is
// measured.
const approach = time.Minute

// Generator is a program that produces load.
type Generator struct {
	Name    string
	program string // to look for; "" for our own

	// can says why a job is beyond the generator.
	can     func(Job) error
	command func(Job) (proc.Command, error) // without the CPU
	parse   func(output []byte) (Result, error)
}

// Choose returns a generator by its name; "auto" is the first one of wrk, h2load and own that is
// installed, and own always is. The scripts that wrk needs are written to the folder scripts and
// stay there, so that the commands of a report can be repeated.
func Choose(name, scripts string) (Generator, error) {
	for _, g := range []Generator{wrk(scripts), h2load(), own()} {
		if name != "auto" && name != g.Name {
			continue
		}
		err := g.installed()
		if err == nil {
			return g, nil
		}
		if name == g.Name {
			return Generator{}, err
		}
	}
	return Generator{}, fmt.Errorf("unknown load generator %q", name)
}

func (g Generator) installed() error {
	if g.program == "" {
		return nil
	}
	_, err := exec.LookPath(g.program)
	return err
}

// Run puts the load of a job on a server from the given CPU, or proc.AnyCPU, and returns what came
// of it together with the command that did it. A job that the generator cannot do is left to our
// own, which can do all of them.
func (g Generator) Run(ctx context.Context, job Job, cpu int) (Result, string, error) {
	if g.can(job) != nil {
		g = own()
	}
	command, err := g.command(job)
	if err != nil {
		return Result{}, "", err
	}
	command.CPU = cpu
	limit := job.Duration + grace
	if job.special() {
		limit += approach
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	output, err := proc.Run(ctx, command)
	if err != nil {
		return Result{}, command.String(), err
	}
	result, err := g.parse(output)
	if err != nil {
		return Result{}, command.String(), fmt.Errorf("%s: %w", g.Name, err)
	}
	return result, command.String(), nil
}

// canAll is the can of a generator that can do every job.
func canAll(Job) error { return nil }
