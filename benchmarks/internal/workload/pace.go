package workload

import (
	"context"
	"errors"
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// Pace says how the requests a second are found that all contenders of a case get.
type Pace struct {
	// Key is the same for cases that are to have the same rate.
	Key string
	// Saturate measures how many requests a second a contender answers when it gets as many as it
	// takes.
	Saturate func(ctx context.Context, s Subject) (float64, error)
}

// pacedMetrics are the columns of an open loop. Rate is what came of the rate that was asked for.
var pacedMetrics = []Metric{P99, P50, P90, P999, P9999, Max, CPU, Busy, Rate, Resident}

// saturate is Pace.Saturate for a load of a feature on n connections.
func saturate(
	f contract.Feature, n int, bulk bool,
) func(context.Context, Subject) (float64, error) {
	return func(ctx context.Context, s Subject) (float64, error) {
		sample, err := measure(ctx, s, f, load.Job{Connections: n, Bulk: bulk})
		if err == nil && sample.Invalid != "" {
			err = errors.New(sample.Invalid)
		}
		return sample.Values[Rate.Key], err
	}
}

// measurePaced measures at the rate of the subject.
func measurePaced(
	ctx context.Context, s Subject, f contract.Feature, n int, bulk bool,
) (Sample, error) {
	if s.Rate <= 0 {
		return Sample{}, fmt.Errorf("no rate for an open loop: %v", s.Rate)
	}
	return measure(ctx, s, f, load.Job{
		Connections: n, Rate: s.Rate, Spin: s.Bed.LoadCPU != proc.AnyCPU, Bulk: bulk,
	})
}
