package proc

import (
	"fmt"
	"syscall"
)

// RaiseFileLimit raises the limit of open files to the highest that is allowed, for this process
// and those it starts. The Go runtime does the first by itself and undoes it for children, unless
// it was set by hand.
func RaiseFileLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("setrlimit: %w", err)
	}
	return nil
}

// FileLimit is how many files a process may have open, 1024 when the kernel does not tell.
func FileLimit() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return min(limit.Cur, 1<<20) // servers size tables by it
}
