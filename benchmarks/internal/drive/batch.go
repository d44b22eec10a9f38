package drive

import "github.com/golwan/golwan/benchmarks/internal/load"

// batch is what a connection sends at once.
type batch struct {
	bytes    []byte
	requests int
}

// prepare makes the batches of a job: the requests in turn, as many in each as are pipelined, until
// a batch would begin with the first request again.
func prepare(job load.Job) []batch {
	var batches []batch
	if len(job.Requests) == 0 {
		return nil
	}
	depth := max(job.Pipeline, 1)
	for at := 0; ; {
		b := batch{requests: depth}
		for range depth {
			b.bytes = append(b.bytes, job.Requests[at].Bytes(job.Addr, job.Reconnect)...)
			at = (at + 1) % len(job.Requests)
		}
		batches = append(batches, b)
		if at == 0 {
			return batches
		}
	}
}
