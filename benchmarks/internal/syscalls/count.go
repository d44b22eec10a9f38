package syscalls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

const (
	attachLimit = 10 * time.Second
	attachPoll  = time.Millisecond
)

// Installed reports whether strace is there.
func Installed() bool {
	_, err := exec.LookPath("strace")
	return err == nil
}

// Count attaches to the processes, runs load, detaches, and returns the calls that were made
// meanwhile.
func Count(ctx context.Context, pids []int, load func() error) (calls Calls, err error) {
	dir, err := os.MkdirTemp("", "golwan-strace-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	output := filepath.Join(dir, "calls")
	args := []string{"strace", "-c", "-f", "-o", output}
	for _, pid := range pids {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	tracer, err := proc.Start(proc.Command{Args: args, CPU: proc.AnyCPU})
	if err != nil {
		return nil, err
	}
	err = attached(ctx, tracer, pids)
	if err == nil {
		err = load()
	}
	// At its end strace detaches and writes the table.
	if err := errors.Join(err, tracer.Stop()); err != nil {
		return nil, err
	}
	table, err := os.ReadFile(output)
	if err != nil {
		return nil, err
	}
	return Parse(table)
}

// attached returns when every thread of the processes is traced.
func attached(ctx context.Context, tracer *proc.Process, pids []int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, attachLimit, errors.New("strace does not attach"))
	defer cancel()
	for {
		all, err := traced(pids)
		if err != nil || all {
			return err
		}
		select {
		case <-tracer.Exited():
			return fmt.Errorf("strace: %s", tracer.Output())
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), tracer.Output())
		case <-time.After(attachPoll):
		}
	}
}

func traced(pids []int) (bool, error) {
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil || len(threads) == 0 {
			return false, errors.Join(err, fmt.Errorf("process %d: %w", pid, os.ErrProcessDone))
		}
		for _, thread := range threads {
			status, err := os.ReadFile(thread)
			if errors.Is(err, os.ErrNotExist) {
				continue // it has just ended
			}
			if err != nil || bytes.Contains(status, []byte("\nTracerPid:\t0\n")) {
				return false, err
			}
		}
	}
	return true, nil
}
