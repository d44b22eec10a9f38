//go:build !unix

package files

import "io/fs"

const nonblocking = 0

// descriptorLimit is how many descriptors the process may have: there is no limit of its own.
func descriptorLimit() int { return 1 << 30 }

// exhausted are the errors that say that there is no descriptor or memory for one now.
var exhausted []error

// unnamable are errors of names that no file can have.
var unnamable = []error{fs.ErrInvalid}
