package workload

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// startup is for programs that start servers often: tests, and platforms that start one for a
// request.
func startup() Workload {
	return Workload{Name: "startup",
		About: "time from starting the process to its first answer, and size of the program",
		Cases: func(Options) []Case {
			return []Case{{
				Name: "startup",
				About: "time from starting the process to its first answer, memory after it, " +
					"and size of the program's file",
				Feature: contract.Hello, Metrics: []Metric{Start, Resident, BinarySize},
				Measure: measureStartup,
			}}
		}}
}

func measureStartup(ctx context.Context, s Subject) (sample Sample, err error) {
	server, err := s.start(ctx, false)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	usage, err := server.Usage()
	if err != nil {
		return Sample{}, err
	}
	sample = Sample{Server: server.Command, Values: map[string]float64{
		Start.Key:    float64(server.Started) / float64(time.Millisecond),
		Resident.Key: float64(usage.Resident) / mebi,
	}}
	if s.Program.Binary == "" {
		return sample, nil
	}
	file, err := os.Stat(s.Program.Binary)
	if err != nil {
		return Sample{}, err
	}
	sample.Values[BinarySize.Key] = float64(file.Size()) / mebi
	return sample, nil
}
