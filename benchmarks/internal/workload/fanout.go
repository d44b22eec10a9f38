package workload

import (
	"context"
	"errors"
	"fmt"

	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

// fanOut is what an event costs for each subscriber.
func fanOut() Workload {
	return Workload{Name: "fanout",
		About: "one event of 100 bytes to 100 and 8000 subscribers of a topic",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return Case{
					Name: fmt.Sprintf("fanout-%d", n),
					About: fmt.Sprintf("an event of %d bytes to %d subscribers, for each of "+
						"them; latency is that of the last", contract.EventBytes, n),
					Feature: contract.Publish,
					Metrics: []Metric{Delivery, Rate, Busy, P50, P99, Max, Resident},
					Measure: func(ctx context.Context, s Subject) (Sample, error) {
						return measureFanOut(ctx, s, n)
					},
				}
			}, 100, 8000)
		}}
}

// measureFanOut needs no load to warm up: the first events are not counted.
func measureFanOut(ctx context.Context, s Subject, n int) (sample Sample, err error) {
	job := load.Job{Subscribers: n}
	server, _, err := s.startChecked(ctx, contract.Publish, &job)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	// Every subscriber has to get every event, which the driver sees to; how they are framed is the
	// server's business.
	sample, err = s.drive(ctx, server, job, 0)
	if cpu, found := sample.Values[CPU.Key]; found {
		delete(sample.Values, CPU.Key)
		sample.Values[Delivery.Key] = cpu
	}
	return sample, err
}
