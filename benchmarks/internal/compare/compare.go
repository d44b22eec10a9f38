package compare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// benchstat is the program, in the version that the output is known of.
const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// Comparison is what to compare.
type Comparison struct {
	Repository string   // a folder of it
	Base, Head string   // commits, as git names them
	Bench      string   // regular expression of the benchmarks
	Packages   []string // package patterns below the repository's root
	Count      int      // rounds; benchstat wants at least 6 to tell noise from change
	Time       string   // of each benchmark, as for go test -benchtime; "" for its default
	Log        io.Writer

	// stat overrides the command that compares, for tests without network.
	stat []string
}

// side is one of the commits.
type side struct {
	name    string
	commit  string // with all its digits
	tree    string // its working tree
	results string // file with the output of its benchmarks
}

// Run does the comparison and writes benchstat's tables to out.
func (c Comparison) Run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "golwan-compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var sides []side
	for i, name := range []string{c.Base, c.Head} {
		s, err := c.checkOut(ctx, name, filepath.Join(dir, fmt.Sprint("tree", i)))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, c.remove(s)) }()
		sides = append(sides, s)
	}
	for round := range c.Count {
		for _, s := range sides {
			began := time.Now()
			if err := c.bench(ctx, s); err != nil {
				return err
			}
			// A terminal that does not take the line is no reason to stop.
			fmt.Fprintf(c.Log, "[%d/%d] %s (%.12s): %v\n",
				round+1, c.Count, s.name, s.commit, time.Since(began).Round(time.Second))
		}
	}
	return c.compare(ctx, dir, sides, out)
}

// checkOut makes a working tree of a commit.
func (c Comparison) checkOut(ctx context.Context, name, tree string) (side, error) {
	commit, err := c.git(ctx, "rev-parse", "--verify", "--end-of-options", name+"^{commit}")
	if err != nil {
		return side{}, fmt.Errorf("%s is no commit: %w", name, err)
	}
	s := side{name: name, commit: commit, tree: tree, results: tree + ".txt"}
	_, err = c.git(ctx, "worktree", "add", "--detach", tree, commit)
	return s, err
}

// remove also works when the run was cancelled.
func (c Comparison) remove(s side) error {
	_, err := c.git(context.Background(), "worktree", "remove", "--force", s.tree)
	return err
}

// bench runs the benchmarks of a side once and appends their output to its results.
func (c Comparison) bench(ctx context.Context, s side) error {
	args := []string{"go", "test", "-run", "^$", "-bench", c.Bench, "-benchmem", "-count", "1"}
	if c.Time != "" {
		args = append(args, "-benchtime", c.Time)
	}
	output, err := proc.Run(ctx, proc.Command{
		Args: append(args, c.Packages...), Dir: s.tree, CPU: proc.AnyCPU,
	})
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", s.name, err, output)
	}
	file, err := os.OpenFile(s.results, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(output)
	return errors.Join(err, file.Close())
}

func (c Comparison) compare(ctx context.Context, dir string, sides []side, out io.Writer) error {
	args := c.stat
	if args == nil {
		args = []string{"go", "run", benchstat}
	}
	for _, s := range sides {
		args = append(args[:len(args):len(args)], s.name+"="+s.results)
	}
	tables, err := proc.Run(ctx, proc.Command{Args: args, Dir: dir, CPU: proc.AnyCPU})
	if err != nil {
		return err
	}
	_, err = out.Write(tables)
	return err
}
