//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package gateway

import (
	"io/fs"
	"os"
	"syscall"
)

// tryLock locks a file for as long as it is open, unless somebody else has.
func tryLock(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// isOurs reports whether a file belongs to the user of this process.
func isOurs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(st.Uid) == int64(os.Geteuid())
}
