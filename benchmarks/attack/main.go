package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/golwan/golwan/benchmarks/internal/proc"
	"github.com/golwan/golwan/benchmarks/internal/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

// command does what the arguments say.
func command(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	if len(args) > 0 && args[0] == holdCommand {
		return holdUntil(in, out, args[1:])
	}
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	if err := proc.RaiseFileLimit(); err != nil {
		return err
	}
	machine, err := report.ThisMachine(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d CPUs, %s, %s; load average %s before\n\n",
		machine.CPU, machine.CPUs, machine.Kernel, machine.Go, machine.LoadAverage)
	switch o.mode {
	case "slow":
		return o.run(ctx, slowAttacks(o), out, log)
	case "flood":
		return o.run(ctx, floods(), out, log)
	}
	return o.descriptors(ctx, out, log)
}
