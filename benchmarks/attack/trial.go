package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// attack is one way to make a server's life hard.
type attack struct {
	name string
	bar  bar
	// run attacks until ctx is over, or its work is done, and says how it went. An error is the
	// attacker's own: whatever the server does is no error.
	run func(ctx context.Context, addr string) (outcome string, err error)
}

// us is the server that must not fail.
const us = "golwan"

// run tries every attack on every server, prints the table, and fails for what golwan did not
// repel.
func (o *options) run(ctx context.Context, attacks []attack, out, log io.Writer) error {
	programs, err := o.prepare(ctx, log)
	if err != nil {
		return err
	}
	var rows []row
	var failed error
	for _, a := range attacks {
		if !strings.Contains(a.name, o.only) {
			continue
		}
		for _, p := range programs {
			fmt.Fprintf(log, "%s: %s\n", a.name, p.Name)
			r, err := o.try(ctx, a, p)
			if err != nil {
				return errors.Join(failed, fmt.Errorf("%s: %s: %w", a.name, p.Name, err),
					writeTable(out, rows))
			}
			rows = append(rows, r)
			failed = errors.Join(failed, r.verdict())
		}
	}
	if len(rows) == 0 {
		return errors.New("no attack is left")
	}
	return errors.Join(writeTable(out, rows), failed)
}

// prepare builds or finds the servers; one that is not installed is left out.
func (o *options) prepare(
	ctx context.Context, log io.Writer,
) (programs []contender.Program, err error) {
	for _, name := range o.servers {
		c, found := contender.Find(name)
		if !found {
			return nil, fmt.Errorf("there is no server %s", name)
		}
		p, err := c.Prepare(ctx, o.bin)
		if errors.Is(err, contender.ErrMissing) {
			fmt.Fprintln(log, "left out:", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		programs = append(programs, p)
	}
	return programs, nil
}

// start starts a server with files to serve, and has it answer everything once that an attack may
// ask for.
func (o *options) start(ctx context.Context, p contender.Program) (*contender.Server, error) {
	files, err := filepath.Abs(filepath.Join(o.bin, "files"))
	if err != nil {
		return nil, err
	}
	if err := contract.WriteFiles(files); err != nil {
		return nil, err
	}
	s, err := p.Start(ctx, contender.Setup{
		CPU: proc.AnyCPU, Workers: runtime.NumCPU(), Files: files,
	})
	if err != nil {
		return nil, err
	}
	for _, f := range []contract.Feature{contract.Hello, contract.FileLarge} {
		if _, err := s.Check(s.Requests(f), false); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

// try has a fresh server attacked.
func (o *options) try(ctx context.Context, a attack, p contender.Program) (r row, err error) {
	s, err := o.start(ctx, p)
	if err != nil {
		return row{}, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	r = row{server: p.Name, attack: a.name, bar: o.over(a.bar)}
	before, err := s.Usage()
	if err != nil {
		return row{}, err
	}
	open, err := descriptorsOf(s)
	if err != nil {
		return row{}, err
	}
	if err := o.attack(ctx, a, s, &r); err != nil {
		return row{}, err
	}
	after, err := s.Usage()
	if err != nil {
		return row{}, fmt.Errorf("the server has not survived: %w: %s", err, s.Output())
	}
	r.before, r.after, r.cpu = before.Resident, after.Resident, after.CPU-before.CPU
	r.connections = r.peaks.descriptors - open
	return r, nil
}

// attack runs the attack, with the probe and the watch from before it until the server has come to
// rest.
func (o *options) attack(ctx context.Context, a attack, s *contender.Server, r *row) error {
	watching, rest := context.WithCancel(ctx)
	defer rest()
	probing := make(chan *probes, 1)
	go func() { probing <- probe(watching, s.Addr, probeEvery) }()
	watched := make(chan error, 1)
	go func() {
		var err error
		r.peaks, err = watch(watching, s)
		watched <- err
	}()
	limited, stop := context.WithTimeout(ctx, o.duration)
	outcome, err := a.run(limited, s.Addr)
	stop()
	if err == nil {
		err = pause(ctx, o.settle)
	}
	rest()
	r.probes, r.outcome = <-probing, outcome
	return errors.Join(err, <-watched, ctx.Err())
}

// pause waits for d.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
