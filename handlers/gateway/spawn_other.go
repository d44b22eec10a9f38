//go:build !unix

package gateway

import (
	"errors"
	"fmt"
)

// canSpawn is why processes cannot be started on this system.
var canSpawn = fmt.Errorf("Process: processes are started on Unix: %w", errors.ErrUnsupported)

type child struct {
	exited chan struct{}
	state  string
}

func (c *child) end(*Process) {}

func (p *pool) spawner() {
	for range p.spawns {
	}
}

func (p *pool) spawn(*slot) (*child, error) { return nil, canSpawn }
