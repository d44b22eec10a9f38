//go:build !linux

package files

import (
	"io/fs"
	"time"
)

// changeTime is when a file was last changed, as far as the system is known to tell.
func changeTime(fi fs.FileInfo) time.Time { return fi.ModTime() }
