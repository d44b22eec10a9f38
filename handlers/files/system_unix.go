//go:build unix

package files

import "syscall"

// nonblocking makes opening a pipe return at once; it means nothing for regular files.
const nonblocking = syscall.O_NONBLOCK

// descriptorLimit is how many descriptors the process may have.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what it is at least, everywhere
	}
	return int(min(uint64(limit.Cur), 1<<30)) // the type of Cur differs between systems
}

// exhausted are the errors that say that there is no descriptor or memory for one now.
var exhausted = []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM}

// unnamable are errors of names that no file can have, or that go through what is no directory.
var unnamable = []error{syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EINVAL}
