package proc

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
)

// Run runs a command until it ends and returns its standard output. When ctx is over the command is killed. An error
// has the end of what the command wrote to its standard error.
func Run(ctx context.Context, c Command) ([]byte, error) {
	cmd := command(c)
	var output bytes.Buffer
	complaints := &tail{}
	cmd.Stdout, cmd.Stderr = &output, complaints
	if err := startOn(cmd, c.CPU); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() {
		_ = cmd.Process.Signal(syscall.SIGKILL) // fails only when there is nothing left to kill
	})
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return output.Bytes(), fmt.Errorf("%s: %w", c.Args[0], context.Cause(ctx))
	}
	if err != nil {
		return output.Bytes(), fmt.Errorf("%s: %w: %s", c.Args[0], err, complaints)
	}
	return output.Bytes(), nil
}
