// Package proc starts processes on a chosen CPU, reads what they have used, and ends them.
//
//	p, err := proc.Start(proc.Command{Args: []string{"nginx", "-c", file}, CPU: 0})
//	if err != nil { ... }
//	defer p.Stop()
//	usage, err := p.Usage() // CPU time and memory of nginx and its workers
//
// # Lifetimes
//
// A process lives until Stop, or until the program that started it dies: the kernel then kills it
// (PR_SET_PDEATHSIG). It is in a process group of its own, so Ctrl-C at the terminal does not reach
// it; the program that started it ends it, by its process id.
//
// # Concurrency
//
// A Process may be used from several goroutines. The parsers are pure functions.
//
// # Caveats
//
// Linux only: everything is read from /proc. CPU times have the resolution of USER_HZ, 10 ms. A
// worker that has detached itself from its parent (a daemon) is not found: servers must be kept in
// the foreground.
package proc
