//go:build !unix

package gateway

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// canSpawn is why processes cannot be started on this system.
var canSpawn = fmt.Errorf("Process: processes are started on Unix: %w", errors.ErrUnsupported)

type child struct {
	exited chan struct{}
	state  string
}

func (c *child) end(syscall.Signal, time.Duration) {}

func spawner(spawns <-chan func()) {
	for range spawns {
	}
}

func (p *pool) spawn(*slot) (*child, error) { return nil, canSpawn }
