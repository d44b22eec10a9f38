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

	"github.com/golwan/golwan/benchmarks/internal/drive"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

// command does what the arguments say.
func command(ctx context.Context, args []string, out, log io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case load.DriveCommand:
			return drive.Command(os.Stdin, out)
		case "compare":
			return compareCommits(ctx, args[1:], out, log)
		case "agree":
			return agree(args[1:], out)
		case "show":
			return show(args[1:], out, log)
		}
	}
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	if o.list {
		return list(out)
	}
	return run(ctx, o, out, log)
}
