// Package contract says what every contender of the benchmarks answers.
//
// A comparison is fair only when all contenders do the same work, so the requests, the answers and
// the table of routes live here, once: the contenders build their routes from it and the benchmarks
// check every answer against it before anything is measured.
//
//	for _, request := range contract.Requests(contract.Hello) {
//		answer, err := ask(request)
//		...
//		err = request.Check(answer.Status, answer.Header, answer.Body)
//	}
//
// Everything is constant after initialisation and may be used from any goroutine. Slices that are
// returned are fresh and belong to the caller.
package contract
