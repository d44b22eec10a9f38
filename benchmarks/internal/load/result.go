package load

import (
	"fmt"
	"time"
)

// Result is what a generator saw.
type Result struct {
	Requests int64         `json:"requests"` // complete answers, of any status
	Took     time.Duration `json:"took_ns"`
	Bytes    int64         `json:"bytes"` // received
	Errors   Errors        `json:"errors"`
	Latency  Latency       `json:"latency"`

	// Used is the CPU time that Job.Server has used while these figures were made; 0 when it was
	// not asked for.
	Used time.Duration `json:"used_ns"`
}

// Errors counts what went wrong.
type Errors struct {
	Connect int64 `json:"connect"`
	Read    int64 `json:"read"`
	Write   int64 `json:"write"`
	// answers with a status of 400 and above; from our own generator, other than the right one
	Status  int64 `json:"status"`
	Timeout int64 `json:"timeout"`
}

// Err describes the errors, or is nil when there were none.
func (e Errors) Err() error {
	if e == (Errors{}) {
		return nil
	}
	return fmt.Errorf("errors under load: connect %d, read %d, write %d, status %d, timeout %d",
		e.Connect, e.Read, e.Write, e.Status, e.Timeout)
}

// Latency is the time from a request to the last byte of its answer; with pipelining, from sending
// the requests of a batch to the end of its last answer. A field is 0 when the generator does not
// tell it.
type Latency struct {
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	P9999 time.Duration `json:"p9999_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Rate is the number of requests per second.
func (r Result) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Took.Seconds()
}
