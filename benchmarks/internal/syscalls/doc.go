// Package syscalls counts the system calls of running processes with strace.
//
//	calls, err := syscalls.Count(ctx, pids, func() error { return load() })
//	perRequest := float64(calls.Total()) / requests
//
// The processes, all their threads and those they start meanwhile are followed while the function
// runs. Tracing makes every call many times slower, so nothing else is to be measured meanwhile,
// and a server that takes more events at once under load is shown with more calls for a request
// than it needs without strace. What a runtime calls by its clock, such as the nanosleep of Go's
// monitor thread, is counted too; the names tell it apart.
//
// Count needs the right to trace (ptrace(2)); only one tracer can be attached to a process.
package syscalls
