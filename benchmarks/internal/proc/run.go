package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Run runs a command until it ends and returns its standard output. When ctx is over the command is
// killed, with its descendants. An error has the end of what the command wrote to its standard
// error.
func Run(ctx context.Context, c Command) ([]byte, error) {
	cmd := command(c)
	var output bytes.Buffer
	complaints := &tail{}
	cmd.Stdout, cmd.Stderr = &output, complaints
	if err := startOn(cmd, c.CPU); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = errors.Join(context.Cause(ctx), kill(cmd.Process.Pid))
		<-ended // how it ended is no news
		return output.Bytes(), fmt.Errorf("%s: %w", c.Args[0], err)
	}
	if err != nil {
		return output.Bytes(), fmt.Errorf("%s: %w: %s", c.Args[0], err, complaints)
	}
	return output.Bytes(), nil
}
