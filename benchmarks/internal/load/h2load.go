package load

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/golwan/golwan/benchmarks/internal/proc"
)

// h2load is nghttp2's load generator, here speaking HTTP/1.1. It tells no percentiles, only the
// longest latency, and measures whole seconds, as wrk does.
func h2load() Generator {
	return Generator{
		Name: "h2load", program: "h2load", can: h2loadCan,
		command: h2loadCommand, parse: ParseH2load,
	}
}

func h2loadCan(job Job) error {
	if job.Reconnect {
		return errors.New("h2load does not reconnect")
	}
	if job.special() || len(job.Requests[0].Fields) > 0 ||
		job.Requests[0].Expected() != http.StatusOK {
		return errors.New("h2load takes no fields, counts other answers than 200 as errors, and " +
			"knows no streams")
	}
	if job.Requests[0].Body != "" {
		return errors.New("h2load takes bodies from files only")
	}
	return nil
}

func h2loadCommand(job Job) (proc.Command, error) {
	args := []string{"h2load", "--h1", "-t", "1", "-c", strconv.Itoa(job.Connections), "-m",
		strconv.Itoa(job.depth()), "-D", job.wholeSeconds()}
	for _, r := range job.Requests {
		args = append(args, "http://"+job.Addr+r.Target)
	}
	return proc.Command{Args: args}, nil
}

// The parts of h2load's output that count; see h2load(1), section OUTPUT.
var (
	h2loadTook     = regexp.MustCompile(`(?m)^finished in ([0-9.]+)(us|ms|s), `)
	h2loadRequests = regexp.MustCompile(
		`(?m)^requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, \d+ failed, (\d+) errored, (\d+) timeout$`)
	h2loadStatus = regexp.MustCompile(
		`(?m)^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx$`)
	h2loadTraffic = regexp.MustCompile(`(?m)^traffic: \S+ \((\d+)\) total`)
	h2loadLatency = regexp.MustCompile(`(?m)^time for request: +\S+ +([0-9.]+)(us|ms|s) `)
)

// ParseH2load reads the output of h2load. Redirects count as errors: no contender has a reason to
// send one.
func ParseH2load(output []byte) (Result, error) {
	var r Result
	requests, err := numbers(h2loadRequests, output)
	if err != nil {
		return Result{}, err
	}
	status, err := numbers(h2loadStatus, output)
	if err != nil {
		return Result{}, err
	}
	traffic, err := numbers(h2loadTraffic, output)
	if err != nil {
		return Result{}, err
	}
	if r.Took, err = duration(h2loadTook, output); err != nil {
		return Result{}, err
	}
	if r.Latency.Max, err = duration(h2loadLatency, output); err != nil {
		return Result{}, err
	}
	r.Requests, r.Bytes = requests[0], traffic[0]
	r.Errors = Errors{
		Read: requests[1], Timeout: requests[2], Status: status[1] + status[2] + status[3],
	}
	return r, nil
}

// numbers are the groups of the first match.
func numbers(expression *regexp.Regexp, output []byte) ([]int64, error) {
	match := expression.FindSubmatch(output)
	if match == nil {
		return nil, fmt.Errorf("no match for %s in %.200q", expression, bytes.TrimSpace(output))
	}
	values := make([]int64, len(match)-1)
	for i, group := range match[1:] {
		var err error
		if values[i], err = strconv.ParseInt(string(group), 10, 48); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// duration is the first match of an expression with a number and a unit.
func duration(expression *regexp.Regexp, output []byte) (time.Duration, error) {
	match := expression.FindSubmatch(output)
	if match == nil {
		return 0, fmt.Errorf("no match for %s in %.200q", expression, bytes.TrimSpace(output))
	}
	return time.ParseDuration(string(match[1]) + string(match[2]))
}
