package files

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/golwan/golwan/lwan"
)

// The errors of paths that are not served. The cache remembers these, and they are not logged.
var (
	errNotFound  = &lwan.Error{Status: lwan.StatusNotFound}
	errForbidden = &lwan.Error{Status: lwan.StatusForbidden}
	errNoIndex   = &lwan.Error{Status: lwan.StatusForbidden} // of a directory, which is not listed
)

// failureOf gives an error of the source its answer. A file that the system does not let us read is
// a 403, which tells that it exists; a file that the configuration hides is a 404.
func failureOf(name string, err error) error {
	if known, ok := errors.AsType[*lwan.Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), isAny(err, unnamable),
		errors.Is(err, errIrregular), errors.Is(err, errLink), errors.Is(err, errOutside),
		errors.Is(err, fs.ErrInvalid):
		return errNotFound
	case errors.Is(err, fs.ErrPermission):
		return errForbidden
	case isAny(err, exhausted), errors.Is(err, errChanging), errors.Is(err, errReplaced):
		return &lwan.Error{
			Status: lwan.StatusUnavailable, Err: fmt.Errorf("files: %q: %w", name, err),
		}
	}
	return &lwan.Error{Err: fmt.Errorf("files: %q: %w", name, err)}
}

func isAny(err error, targets []error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
