// Package workload has the kinds of traffic that contenders are compared under. Each is a file with
// a function that returns a Workload, and a line in All; the report and the plots need to know
// nothing of it.
//
//	w, _ := workload.Find("hello")
//	for _, c := range w.Cases(workload.Options{Connections: []int{64}}) {
//		sample, err := c.Measure(ctx, subject)
//	}
//
// # Adding one
//
// Traffic that a load generator can produce is a load.Job: see hello.go, where underLoad does the
// rest. Anything else (idle.go, startup.go) is a function of its own that starts the server, does
// something to it and returns figures by their Metric. A workload that needs answers which the
// contract does not have yet begins there.
//
// # Concurrency
//
// Workloads and cases are constant. Two measurements must not run at the same time: they would
// disturb each other.
package workload
