// Package load drives a server with requests and says how that went.
//
//	generator, err := load.Choose("auto", folder)
//	if err != nil { ... }
//	job := load.Job{
//		Addr: addr, Requests: contract.Requests(contract.Hello),
//		Connections: 64, Duration: 3 * time.Second,
//	}
//	result, command, err := generator.Run(ctx, job, 1)
//	if err := result.Errors.Err(); err != nil { ... } // the figures are not to be used
//
// Three generators are known: wrk, h2load, and one of our own (package drive), which runs as a
// child process of the same binary so that its CPU time is not that of the benchmark. All of them
// are closed loops: a connection sends its next request after the answer to the one before, so the
// latencies are those of a server under full load, and a stall of the server hides the requests
// that were not sent meanwhile. Only a job with a Rate is an open loop, whose requests are sent by
// a schedule.
//
// Jobs and results are plain values. Run may be called from any goroutine, but two loads at the
// same time disturb each other.
package load
