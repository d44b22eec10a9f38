package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/drive"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

const (
	// idleConnections is the default number.
	idleConnections = 8000
	// settle is the time for a server to give back what it needs no more.
	settle = time.Second
)

// idle is what a connection costs that has been used and is kept open, as most are in practice. The kernel's memory
// for sockets is not in it: it is the same for all.
func idle() Workload {
	return Workload{Name: "idle", About: "memory for each idle keep-alive connection, of 8000",
		Cases: func(o Options) []Case {
			n := o.Idle
			if n == 0 {
				n = idleConnections
			}
			return []Case{{
				Name:    fmt.Sprintf("idle-%d", n),
				About:   fmt.Sprintf("growth of resident memory for each of %d idle connections that have been served a request", n),
				Feature: contract.Hello, Metrics: []Metric{PerConnection, Empty, Resident},
				Measure: func(ctx context.Context, s Subject) (Sample, error) { return measureIdle(ctx, s, n) },
			}}
		}}
}

func measureIdle(ctx context.Context, s Subject, n int) (sample Sample, err error) {
	if limit := proc.FileLimit(); uint64(n)+spareFiles > limit {
		return Sample{}, fmt.Errorf("%d connections are too many for a limit of %d open files", n, limit)
	}
	server, err := s.start(ctx, false)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	before, err := settled(ctx, server)
	if err != nil {
		return Sample{}, err
	}
	held, err := drive.Hold(server.Addr, server.Requests(contract.Hello)[0], n)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	after, err := settled(ctx, server)
	if err != nil {
		return Sample{}, err
	}
	alive, err := held.Alive()
	if err != nil {
		return Sample{}, err
	}
	sample = Sample{Server: server.Command, Values: map[string]float64{
		PerConnection.Key: float64(after.Resident-before.Resident) / float64(n),
		Empty.Key:         float64(before.Resident) / mebi,
		Resident.Key:      float64(after.Resident) / mebi,
	}}
	if alive < n {
		sample.Invalid = fmt.Sprintf("the server has closed %d of %d connections", n-alive, n)
	}
	return sample, nil
}

// settled reads the usage after a pause.
func settled(ctx context.Context, server *contender.Server) (proc.Usage, error) {
	select {
	case <-ctx.Done():
		return proc.Usage{}, context.Cause(ctx)
	case <-time.After(settle):
	}
	return server.Usage()
}
