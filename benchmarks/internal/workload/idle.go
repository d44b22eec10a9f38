package workload

import (
	"cmp"
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

// idle is what a connection costs that has been used and is kept open, as most are in practice. The
// kernel's memory for sockets is not in it: it is the same for all.
func idle() Workload {
	return held("idle", "idle keep-alive connection that has been served a request", contract.Hello)
}

// held is Idle with its default.
func (o Options) held() int { return cmp.Or(o.Idle, idleConnections) }

// heldCase measures n connections, each with an answer to the first request of f.
func heldCase(name, about string, f contract.Feature, n int) Case {
	return Case{Name: name, About: about, Feature: f,
		Metrics: []Metric{PerConnection, Empty, Resident},
		Measure: func(ctx context.Context, s Subject) (Sample, error) {
			return measureHeld(ctx, s, f, n)
		}}
}

func measureHeld(
	ctx context.Context, s Subject, f contract.Feature, n int,
) (sample Sample, err error) {
	if err := affordable(n); err != nil {
		return Sample{}, err
	}
	server, err := s.start(ctx, false)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	requests := server.Requests(f)
	if _, err := server.Check(requests, false); err != nil {
		return Sample{}, fmt.Errorf("%w: %w", ErrUnserved, err)
	}
	before, err := settled(ctx, server)
	if err != nil {
		return Sample{}, err
	}
	held, err := drive.Hold(server.Addr, requests[0], n)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	after, err := settled(ctx, server)
	if err != nil {
		return Sample{}, err
	}
	sample = growth(server, before, after, n)
	if alive := held.Alive(); alive < n {
		sample.Invalid = fmt.Sprintf("the server has closed %d of %d connections", n-alive, n)
	}
	return sample, nil
}

// growth is what n connections have made of the memory.
func growth(server *contender.Server, before, after proc.Usage, n int) Sample {
	return Sample{Server: server.Command, Values: map[string]float64{
		PerConnection.Key: float64(after.Resident-before.Resident) / float64(n),
		Empty.Key:         float64(before.Resident) / mebi,
		Resident.Key:      float64(after.Resident) / mebi,
	}}
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
