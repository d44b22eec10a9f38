package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// idleShare is the part of the descriptors, in percent, that idle connections have in the second
// phase.
const idleShare = 75

// idleMost is how much of a core the server may use when nothing happens, in percent.
const idleMost = 1.0

// phase is what was seen while a number of idle connections was open.
type phase struct {
	name        string
	asked       int // connections that the attacker has opened
	descriptors int // of the server
	resident    int64
	idle        float64 // percent of a core, when nothing happens
	probes      *probes
}

// descriptors takes the server's descriptors away with idle connections and gives them back.
func (o *options) descriptors(ctx context.Context, out, log io.Writer) (err error) {
	limit := o.limit
	if limit == 0 {
		limit = int(proc.FileLimit())
	}
	s, err := o.startLimited(ctx, limit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	var phases []phase
	defer func() { err = errors.Join(writePhases(out, limit, phases), err) }()
	look := func(name string, asked int) error {
		fmt.Fprintln(log, name)
		p, err := o.look(ctx, s)
		p.name, p.asked = name, asked
		phases = append(phases, p)
		return err
	}
	if err := look("nobody else", 0); err != nil {
		return err
	}
	many, err := startHolder(ctx, s.Addr, limit*idleShare/100)
	if err != nil {
		return err
	}
	if err := look("many are idle", many.open); err != nil {
		return errors.Join(err, many.release())
	}
	rest, err := startHolder(ctx, s.Addr, limit*(110-idleShare)/100)
	if err != nil {
		return errors.Join(err, many.release())
	}
	err = look("more than there are descriptors", many.open+rest.open)
	if err = errors.Join(err, many.release(), rest.release()); err != nil {
		return err
	}
	if err := look("they have left", 0); err != nil {
		return err
	}
	return judgePhases(limit, phases)
}

// startLimited starts golwan with a limit of its descriptors.
func (o *options) startLimited(ctx context.Context, limit int) (*contender.Server, error) {
	c, _ := contender.Find(us)
	built, err := c.Prepare(ctx, o.bin)
	if err != nil {
		return nil, err
	}
	binary, err := filepath.Abs(built.Binary)
	if err != nil {
		return nil, err
	}
	c, err = contender.External("limited",
		fmt.Sprintf("sh -c 'ulimit -n %d && exec %s -addr {addr}'", limit, binary), "")
	if err != nil {
		return nil, err
	}
	p, err := c.Prepare(ctx, o.bin)
	if err != nil {
		return nil, err
	}
	return p.Start(ctx, contender.Setup{CPU: proc.AnyCPU})
}

// look measures the server while nothing happens, and then probes it.
func (o *options) look(ctx context.Context, s *contender.Server) (p phase, err error) {
	before, err := s.Usage()
	if err != nil {
		return p, err
	}
	began := time.Now()
	if err := pause(ctx, o.quiet); err != nil {
		return p, err
	}
	after, err := s.Usage()
	if err != nil {
		return p, fmt.Errorf("%w: %s", err, s.Output())
	}
	// the system counts in ticks of 10 ms: below it says nothing
	if lasted := time.Since(began); lasted >= time.Second {
		p.idle = 100 * float64(after.CPU-before.CPU) / float64(lasted)
	}
	p.resident = after.Resident
	if p.descriptors, err = descriptorsOf(s); err != nil {
		return p, err
	}
	probing, stop := context.WithTimeout(ctx, o.duration)
	defer stop()
	p.probes = probe(probing, s.Addr, probeEvery)
	return p, ctx.Err()
}

// judgePhases: all clients are served, idle connections cost no time, and memory is given back.
func judgePhases(limit int, phases []phase) error {
	var failed []error
	for _, p := range phases {
		if err := errors.Join(p.probes.fresh.err(), p.probes.kept.err()); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		if p.idle >= idleMost && p.descriptors < limit*9/10 {
			failed = append(failed,
				fmt.Errorf("%s: %.2f %% of a core when nothing happens", p.name, p.idle))
		}
		if p.asked > 0 && p.descriptors < min(p.asked, limit*idleShare/100) {
			failed = append(failed,
				fmt.Errorf("%s: only %d descriptors are in use", p.name, p.descriptors))
		}
	}
	first, last := phases[0], phases[len(phases)-1]
	if last.descriptors > first.descriptors+spareDescriptors {
		failed = append(failed,
			fmt.Errorf("%d descriptors are in use after it, %d before",
				last.descriptors, first.descriptors))
	}
	return errors.Join(failed...)
}

// spareDescriptors is how many a server may have opened for itself meanwhile.
const spareDescriptors = 8

func writePhases(out io.Writer, limit int, phases []phase) error {
	fmt.Fprintf(out, "golwan with %d descriptors\n\n", limit)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "idle connections\topened\tdescriptors\tRSS MiB\tCPU of a core when nothing "+
		"happens\tfresh: answered/failed, p50 p99 max ms\tkept: the same")
	for _, p := range phases {
		if p.probes == nil {
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.2f %%\t%s\t%s\n", p.name, p.asked, p.descriptors,
			mib(p.resident), p.idle, &p.probes.fresh, &p.probes.kept)
	}
	return w.Flush()
}
