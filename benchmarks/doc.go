// Command benchmarks compares golwan with other HTTP servers on one machine.
//
//	go run . -list                        what there is
//	go run . hello                        one workload
//	go run . hello json -rounds 5         several
//	go run . all -contenders floor,nginx  all of them, with these contenders
//	go run . targets -rounds 5            what golwan is held to, with a verdict for each
//	go run . tuning -rounds 5             what settings of golwan are worth
//	go run . agree results/A results/B    whether two runs agree
//	go run . show results/A               the tables of a run, again
//	go run . compare HEAD~3               the Go benchmarks of the main module on two commits
//
// It has to be run in this folder or below. The results go to the standard output and, with plots
// and the raw data, to a folder below results; the progress goes to the standard error. README.md
// says how it measures, why the CPU time of a request is the main figure, and how to read the rest.
//
// # Reading the source
//
// internal/contract says what every contender answers; contenders are the programs that do.
// internal/contender builds, configures, starts and checks them, with internal/proc, which starts
// and pins processes and reads what they have used. internal/workload has the kinds of traffic;
// internal/load drives them with wrk, h2load or internal/drive. internal/rounds runs all of it in
// turn, internal/target judges it by what golwan is held to, internal/tuning has golwan with other
// settings, internal/report makes tables and files of it with internal/stats and internal/plot.
// internal/compare is for the Go benchmarks of two commits.
//
// # Lifetimes
//
// Everything that is started ends with the command: by itself, on Ctrl-C, and when the command is
// killed.
//
// # Not a goal
//
// Load from other machines, TLS, HTTP/2, and figures that hold for another machine.
package main
