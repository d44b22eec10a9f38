package files

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// changeTime is when content or attributes of a file were last changed, by the kernel's clock:
// unlike the time of modification it cannot be set. For a file of another kind it is that of
// modification.
func changeTime(fi fs.FileInfo) time.Time {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return fi.ModTime()
}

// currentStamp is stampOf for a file of the system that is open, without an allocation. The
// attributes of an open file are in memory.
func currentStamp(f *os.File) (stamp, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return stamp{}, os.NewSyscallError("fstat", err)
	}
	return stamp{st.Size, nanoseconds(time.Unix(st.Mtim.Unix())),
		nanoseconds(time.Unix(st.Ctim.Unix()))}, nil
}
