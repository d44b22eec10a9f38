//go:build !linux

package files

import (
	"io/fs"
	"os"
	"time"
)

// changeTime is when a file was last changed, as far as the system is known to tell.
func changeTime(fi fs.FileInfo) time.Time { return fi.ModTime() }

// currentStamp is stampOf for a file of the system that is open.
func currentStamp(f *os.File) (stamp, error) {
	fi, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stampOf(fi), nil
}
