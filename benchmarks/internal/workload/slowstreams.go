package workload

import (
	"context"
	"errors"
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/drive"
)

// slowStreams is what a server keeps for clients that read a long stream slowly, while its handlers
// would like to write more.
func slowStreams() Workload {
	return Workload{Name: "slowstreams",
		About: fmt.Sprintf("memory for each of 1000 slow readers of a stream of %d MiB",
			contract.LongBytes>>20), Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return Case{Name: fmt.Sprintf("slowstreams-%d", n),
					About: fmt.Sprintf("growth of resident memory for each slow reader of a "+
						"stream of %d MiB, of %d", contract.LongBytes>>20, n),
					Feature: contract.Long, Metrics: []Metric{PerConnection, Empty, Resident},
					Measure: func(ctx context.Context, s Subject) (Sample, error) {
						return measureSlowStreams(ctx, s, n)
					}}
			}, 1000)
		}}
}

func measureSlowStreams(ctx context.Context, s Subject, n int) (sample Sample, err error) {
	if err := affordable(n); err != nil {
		return Sample{}, err
	}
	server, err := s.start(ctx, false)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	requests := server.Requests(contract.Long)
	if _, err := server.Check(requests, false); err != nil {
		return Sample{}, fmt.Errorf("%w: %w", ErrUnserved, err)
	}
	before, err := settled(ctx, server)
	if err != nil {
		return Sample{}, err
	}
	readers, err := drive.ReadSlowly(server.Addr, requests[0], n)
	if err != nil {
		return Sample{}, err
	}
	after, err := settled(ctx, server)
	// That they were cut off is no error of the benchmark.
	closed := readers.Close()
	if err != nil {
		return Sample{}, err
	}
	sample = growth(server, before, after, n)
	if closed != nil {
		sample.Invalid = closed.Error()
	}
	return sample, nil
}
