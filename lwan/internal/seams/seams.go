//go:build linux

// Package seams lets tests put something of theirs between a server's loops and the system: faults,
// another poller, a clock that they set forward themselves.
//
//	seams.Put(srv, seams.Seams{Kernel: faults, Poller: faults.Poller(loop.NewEpoll)})
package seams

import (
	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/loop"
)

// Seams are those of one server's loops. What is nil is the system's.
type Seams struct {
	Kernel conn.Kernel
	Poller loop.NewPoller
	Clock  loop.Clock
}

// Put gives a *lwan.Server its seams, before it starts. Package lwan sets it, which cannot be
// imported here; it is nil where lwan serves without loops.
var Put func(server any, s Seams)
