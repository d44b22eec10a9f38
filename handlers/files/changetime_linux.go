package files

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when content or attributes of a file were last changed, by the kernel's clock: unlike the time of
// modification it cannot be set. For a file of another kind it is that of modification.
func changeTime(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return fi.ModTime()
}
