//go:build linux

package conn

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
)

// The runtime's poller watched the listening sockets too, and each connection that came woke one of
// the runtime's threads.
func TestRuntimeDoesNotWatchListeners(t *testing.T) {
	for name, lane := range map[string]*Lane{
		"tcp":  listen(t, "127.0.0.1:0", ListenConfig{}),
		"unix": listen(t, "unix:"+filepath.Join(t.TempDir(), "s"), ListenConfig{}),
	} {
		t.Run(name, func(t *testing.T) {
			r := runOn(t, &script{}, Config{Poller: loop.NewEpoll}, lane)
			watchers := 0
			for _, inodes := range epollInodes(t) {
				if slices.Contains(inodes, inode(t, lane.fd)) {
					watchers++
				}
			}
			if watchers != len(r.eng.sets) {
				t.Errorf("%d epoll instances watch the socket, want only the loop's", watchers)
			}
		})
	}
}

// epollInodes lists what each epoll instance of the process watches (proc_pid_fdinfo(5)).
func epollInodes(t *testing.T) map[int][]uint64 {
	t.Helper()
	all := map[int][]uint64{}
	for fd := range 1 << 10 {
		if kind, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err != nil ||
			kind != "anon_inode:[eventpoll]" {
			continue
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		all[fd] = nil
		for line := range strings.Lines(string(info)) {
			var ino uint64
			if _, after, ok := strings.Cut(line, "ino:"); ok {
				if _, err := fmt.Sscanf(after, "%x", &ino); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				all[fd] = append(all[fd], ino)
			}
		}
	}
	return all
}

func inode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}
