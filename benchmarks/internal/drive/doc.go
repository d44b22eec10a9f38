// Package drive is the benchmarks' own load generator, for machines without wrk, and it opens the connections of the
// memory workload, which no other generator holds.
//
//	result, err := drive.Run(load.Job{Addr: "127.0.0.1:8080", Requests: contract.Requests(contract.Hello),
//		Connections: 64, Duration: 3 * time.Second})
//
// One epoll loop on one goroutine serves all connections. It is a closed loop, as wrk is: a connection sends its next
// request, or its next batch of pipelined ones, when all answers to the ones before have come.
//
// # Caveats
//
// It understands what the contenders send and no more: answers must have a Content-Length; a chunked answer, or one
// that ends with its connection, is an error. Bodies are counted and not compared: the answers are checked before a
// run, and their size after it.
//
// Run and Hold may be called from any goroutine and block it. Nothing outlives Run; what Hold returns has to be closed.
package drive
