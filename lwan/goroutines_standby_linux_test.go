package lwan

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStandbyNeedsThePoller: without it each goroutine that got idle took the place, and ended.
func TestStandbyNeedsThePoller(t *testing.T) {
	// epoll refuses a file of a disk, as it refuses everything beyond max_user_watches
	path := filepath.Join(t.TempDir(), "file")
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if s := standbyOn(fd); s != nil {
		s.close()
		t.Error("a standby that nothing wakes")
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("the descriptor is left open: %v", err)
	}
}
