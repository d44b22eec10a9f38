package workload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/contender"
	"github.com/golwan/golwan/benchmarks/internal/contract"
	"github.com/golwan/golwan/benchmarks/internal/load"
	"github.com/golwan/golwan/benchmarks/internal/proc"
	"github.com/golwan/golwan/benchmarks/internal/syscalls"
)

// underLoadMetrics are the columns of every workload with a load generator.
var underLoadMetrics = []Metric{CPU, Rate, Busy, P50, P90, P99, P999, Max, Resident, Syscalls}

const (
	// sizeTolerance is how far the mean size of the answers under load may be from that of the
	// checked answers, besides what is cut off at the end of a run.
	sizeTolerance = 0.03
	// sized is how often each of the different requests must have been answered before the mean
	// says anything: at the end of a run connections are at different places of the series.
	sized = 1000
	// spareFiles is how many files a server and a load generator have open besides their
	// connections.
	spareFiles = 64
	// traceTime is the length of a run under strace.
	traceTime = time.Second
)

// underLoad makes a case of a job, of which the address, the requests and the duration are filled
// in here.
func underLoad(name, about string, f contract.Feature, job load.Job) Case {
	c := Case{Name: name, About: about, Feature: f, Metrics: underLoadMetrics,
		Measure: func(ctx context.Context, s Subject) (Sample, error) {
			return measure(ctx, s, f, job)
		}}
	if traceable() {
		c.Trace = func(ctx context.Context, s Subject) (map[string]float64, error) {
			return trace(ctx, s, f, job)
		}
	}
	return c
}

// measure starts the server, checks its answers, warms it up and measures it.
func measure(
	ctx context.Context, s Subject, f contract.Feature, job load.Job,
) (sample Sample, err error) {
	server, size, err := s.startChecked(ctx, f, &job)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := s.warm(ctx, job); err != nil {
		return Sample{}, err
	}
	return s.drive(ctx, server, job, size)
}

// drive puts the load on the server and makes a sample of what both report.
func (s Subject) drive(
	ctx context.Context, server *contender.Server, job load.Job, size float64,
) (Sample, error) {
	before, err := server.Usage()
	if err != nil {
		return Sample{}, fmt.Errorf("before the load: %w: %s", err, server.Output())
	}
	result, command, err := s.Bed.Generator.Run(ctx, job, s.Bed.LoadCPU)
	if err != nil {
		return Sample{}, err
	}
	after, err := server.Usage()
	if err != nil {
		return Sample{}, fmt.Errorf("after the load: %w: %s", err, server.Output())
	}
	used := after.CPU - before.CPU
	if job.Metered() {
		used = result.Used
	}
	sample := Sample{
		Values: values(result, used, after.Resident), Server: server.Command, Load: command,
		Errors: result.Errors,
	}
	if invalid := validate(result, size, job); invalid != nil {
		sample.Invalid = invalid.Error()
	}
	return sample, nil
}

// affordable says why a server, or a load, cannot have so many connections, if it cannot.
func affordable(connections int) error {
	if limit := proc.FileLimit(); uint64(connections)+spareFiles > limit {
		return fmt.Errorf("%d connections are too many for a limit of %d open files",
			connections, limit)
	}
	return nil
}

// warm puts the load on the server for a while, so that its tables and pools have grown and its
// heap has settled.
func (s Subject) warm(ctx context.Context, job load.Job) error {
	if s.Bed.Warmup <= 0 {
		return nil
	}
	job.Duration = s.Bed.Warmup
	_, _, err := s.Bed.Generator.Run(ctx, job, s.Bed.LoadCPU)
	return err
}

// startChecked starts the server, completes the job for it and returns the mean size of its
// answers.
func (s Subject) startChecked(
	ctx context.Context, f contract.Feature, job *load.Job,
) (*contender.Server, float64, error) {
	if err := affordable(max(job.Connections, job.Subscribers)); err != nil {
		return nil, 0, err
	}
	server, err := s.start(ctx, job.Reconnect)
	if err != nil {
		return nil, 0, err
	}
	job.Addr, job.Requests, job.Duration, job.Server = server.Addr, server.Requests(f),
		s.Bed.Duration, server.PID()
	size, err := server.Check(job.Requests, job.Reconnect)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%w: %w", ErrUnserved, err), server.Stop())
	}
	return server, size, nil
}

// values are the figures of a run in which the server used cpu.
func values(r load.Result, cpu time.Duration, resident int64) map[string]float64 {
	v := map[string]float64{Rate.Key: r.Rate(), Resident.Key: float64(resident) / mebi}
	if r.Requests > 0 {
		v[CPU.Key] = micros(cpu) / float64(r.Requests)
	}
	if r.Took > 0 {
		v[Busy.Key] = float64(cpu) / float64(r.Took)
	}
	for metric, latency := range map[Metric]time.Duration{
		P50: r.Latency.P50, P90: r.Latency.P90,
		P99: r.Latency.P99, P999: r.Latency.P999, P9999: r.Latency.P9999, Max: r.Latency.Max,
	} {
		if latency > 0 {
			v[metric.Key] = micros(latency)
		}
	}
	return v
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// validate says why the figures of a run must not be used, if they must not. The answers were
// checked before, one by one; under load their size has to stay what it was. At the end a
// connection may have a part of one more. A size of 0 is not known.
func validate(r load.Result, size float64, job load.Job) error {
	if err := r.Errors.Err(); err != nil {
		return err
	}
	if r.Requests == 0 {
		return errNothing
	}
	if size == 0 || int(r.Requests) <= sized*len(job.Requests) {
		return nil
	}
	answers := float64(r.Bytes) / size
	requests := float64(r.Requests)
	if answers < requests*(1-sizeTolerance) ||
		answers > requests*(1+sizeTolerance)+float64(job.Connections) {
		return fmt.Errorf("answers of %.1f bytes under load, of %.1f bytes when checked",
			float64(r.Bytes)/requests, size)
	}
	return nil
}

var errNothing = errors.New("no request was answered")

// trace counts the system calls of the same load in a short run of its own.
func trace(
	ctx context.Context, s Subject, f contract.Feature, job load.Job,
) (perRequest map[string]float64, err error) {
	server, _, err := s.startChecked(ctx, f, &job)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	pids, err := server.PIDs()
	if err != nil {
		return nil, err
	}
	job.Duration = traceTime
	var result load.Result
	calls, err := syscalls.Count(ctx, pids, func() (err error) {
		result, _, err = s.Bed.Generator.Run(ctx, job, s.Bed.LoadCPU)
		return err
	})
	if err != nil {
		return nil, err
	}
	if result.Requests == 0 {
		return nil, errors.New("no request was answered under strace")
	}
	perRequest = make(map[string]float64, len(calls))
	for name, n := range calls {
		perRequest[name] = float64(n) / float64(result.Requests)
	}
	return perRequest, nil
}
