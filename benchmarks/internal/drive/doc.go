// Package drive is the benchmarks' own load generator, for machines without wrk and for what wrk
// cannot do: it publishes to the subscribers of a topic (FanOut), holds idle connections and
// streams (Hold), reads slowly (ReadSlowly), and keeps handlers busy beside another load (Repeat).
//
//	result, err := drive.Run(load.Job{
//		Addr: "127.0.0.1:8080", Requests: contract.Requests(contract.Hello),
//		Connections: 64, Duration: 3 * time.Second,
//	})
//
// One epoll loop on one goroutine serves all connections. It is a closed loop, as wrk is: a
// connection sends its next request, or its next batch of pipelined ones, when all answers to the
// ones before have come. A job with a Rate is an open loop: requests are sent by a schedule, and a
// server that is late does not get fewer of them.
//
// # Caveats
//
// It understands what the contenders send and no more: answers must have a Content-Length; a
// chunked answer, or one that ends with its connection, is an error. Bodies are counted and not
// compared: the answers are checked before a run, and their size after it.
//
// All of them may be called from any goroutine and block it. Nothing outlives Run and FanOut; what
// the others return has to be closed.
package drive
