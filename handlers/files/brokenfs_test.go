package files

import (
	"errors"
	"io/fs"
)

var errBroken = errors.New("broken disk")

// brokenFS has files that cannot be opened.
type brokenFS struct {
	fs.FS
	errs map[string]error
}

func (b *brokenFS) Open(name string) (fs.File, error) {
	if err := b.errs[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return b.FS.Open(name)
}
