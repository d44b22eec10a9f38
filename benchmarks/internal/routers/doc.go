// Package routers has only benchmarks: the router package of golwan against other routers, on the
// same routes and requests.
//
//	go test -bench . -count 6 ./internal/routers
//
// The benchmark of the router package itself compares with net/http.ServeMux.
package routers
