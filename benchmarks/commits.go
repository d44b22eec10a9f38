package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/golwan/golwan/benchmarks/internal/compare"
)

// compareCommits does "compare [flags] base [head]".
func compareCommits(ctx context.Context, args []string, out, log io.Writer) error {
	c, err := parseCompare(args, log)
	if err != nil {
		return err
	}
	return c.Run(ctx, out)
}

func parseCompare(args []string, log io.Writer) (compare.Comparison, error) {
	c := compare.Comparison{Repository: ".", Head: "HEAD", Log: log}
	f := flag.NewFlagSet("compare", flag.ContinueOnError)
	f.SetOutput(log)
	f.Usage = func() {
		fmt.Fprint(log, "usage: go run . compare [flags] base [head]\n\n")
		f.PrintDefaults()
	}
	f.StringVar(&c.Bench, "bench", ".", "regular expression of the benchmarks")
	f.IntVar(&c.Count, "count", 6, "rounds; fewer than 6 tell little")
	f.StringVar(&c.Time, "benchtime", "", "as for go test")
	packages := f.String("packages", "./...",
		"package patterns below the root of the repository, with commas between")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() < 1 || f.NArg() > 2 || c.Count < 1 {
		f.Usage()
		return c, errors.New("compare needs one or two commits and a positive count")
	}
	c.Base = f.Arg(0)
	if f.NArg() == 2 {
		c.Head = f.Arg(1)
	}
	c.Packages = strings.Split(*packages, ",")
	return c, nil
}
