package workload

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/drive"
	"github.com/golwan/golwan/benchmarks/internal/load"
)

const (
	// slowReaders is how many connections read slowly beside the others.
	slowReaders = 100
	// stallers is how many clients keep the handler busy that stalls.
	stallers = 50
)

// besideMetrics are the columns of a load that shares its server with something else.
var besideMetrics = []Metric{P99Ratio, P99, QuietP99, CPU, QuietCPU, Rate, Max, Resident}

// slow is hello beside clients with a bad line: what they are owed must be kept, and nobody else
// may feel it.
func slow() Workload {
	about := fmt.Sprintf("beside %d clients that read a file of 10 MiB slowly", slowReaders)
	return beside("slow", about, contract.FileLarge,
		func(addr string, r contract.Request) (io.Closer, error) {
			return drive.ReadSlowly(addr, r, slowReaders)
		})
}

// stall is hello beside a handler that blocks by mistake: what a server with few threads has to
// survive. The run begins when every client of that handler has had an answer, so the server has
// had its chance to notice.
func stall() Workload {
	about := fmt.Sprintf("beside %d clients of a handler that sleeps %v",
		stallers, contract.StallTime)
	return beside("stall", about, contract.Stall,
		func(addr string, r contract.Request) (io.Closer, error) {
			return drive.Repeat(addr, r, stallers)
		})
}

// background starts what goes on beside a load, until it is closed.
type background func(addr string, r contract.Request) (io.Closer, error)

// beside makes a workload of hello next to something that asks for the feature f.
func beside(name, about string, f contract.Feature, start background) Workload {
	return Workload{Name: name, About: "hello " + about + ", against a quiet run",
		Cases: func(o Options) []Case {
			return o.each(func(n int) Case {
				return Case{
					Name: fmt.Sprintf("%s-%d", name, n),
					About: fmt.Sprintf("hello on %d connections %s, against a quiet run",
						n, about),
					Feature: f, Metrics: besideMetrics,
					Measure: func(ctx context.Context, s Subject) (Sample, error) {
						return measureBeside(ctx, s, n, f, start)
					},
				}
			}, 64)
		}}
}

// measureBeside has the quiet run first, on the same server.
func measureBeside(
	ctx context.Context, s Subject, n int, f contract.Feature, start background,
) (sample Sample, err error) {
	job := load.Job{Connections: n}
	server, size, err := s.startChecked(ctx, contract.Hello, &job)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	other := server.Requests(f)
	if _, err := server.Check(other, false); err != nil {
		return Sample{}, fmt.Errorf("%w: %w", ErrUnserved, err)
	}
	if err := s.warm(ctx, job); err != nil {
		return Sample{}, err
	}
	quiet, err := s.drive(ctx, server, job, size)
	if err != nil || quiet.Invalid != "" {
		return quiet, err
	}
	return s.driveBeside(ctx, server, job, size, quiet, func() (io.Closer, error) {
		return start(server.Addr, other[0])
	})
}

// driveBeside is the run that counts.
func (s Subject) driveBeside(ctx context.Context, server *contender.Server, job load.Job,
	size float64, quiet Sample,
	start func() (io.Closer, error)) (sample Sample, err error) {
	noise, err := start()
	if err != nil {
		return Sample{}, err
	}
	sample, err = s.drive(ctx, server, job, size)
	if closed := noise.Close(); closed != nil && err == nil && sample.Invalid == "" {
		sample.Invalid = closed.Error() // what was to disturb did not do so to the end
	}
	if err != nil {
		return Sample{}, err
	}
	v := sample.Values
	v[QuietP99.Key], v[QuietCPU.Key] = quiet.Values[P99.Key], quiet.Values[CPU.Key]
	if v[QuietP99.Key] > 0 && v[P99.Key] > 0 {
		v[P99Ratio.Key] = v[P99.Key] / v[QuietP99.Key]
	}
	return sample, nil
}
