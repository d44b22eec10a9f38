//go:build linux

package conn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstInherited is the first descriptor of socket activation (sd_listen_fds(3)).
const firstInherited = 3

// inherited finds the socket of that name, or number, among those of socket activation.
func inherited(name string) (*Lane, error) {
	n, err := inheritedCount()
	if err != nil {
		return nil, err
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range n {
		if (i < len(names) && names[i] == name) || strconv.Itoa(i) == name {
			return inheritedLane(firstInherited+i, name)
		}
	}
	return nil, fmt.Errorf("conn: systemd handed over no socket %q (LISTEN_FDS=%d, "+
		"LISTEN_FDNAMES=%q)", name, n, os.Getenv("LISTEN_FDNAMES"))
}

func inheritedCount() (int, error) {
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		return 0, fmt.Errorf("conn: no sockets of systemd: LISTEN_PID is %q, this process %d",
			pid, os.Getpid())
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("conn: no sockets of systemd: LISTEN_FDS is %q",
			os.Getenv("LISTEN_FDS"))
	}
	return n, nil
}

// inheritedLane duplicates the descriptor, so that the original stays for a later start of the
// server.
func inheritedLane(fd int, name string) (*Lane, error) {
	unix.CloseOnExec(fd)
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("conn: socket %q of systemd: %w", name, err)
	}
	lane, err := laneOf(os.NewFile(uintptr(dup), "systemd:"+name))
	if err != nil {
		return nil, fmt.Errorf("conn: descriptor %q of systemd: %w", name, err)
	}
	lane.owner = ownedByManager
	return lane, nil
}

// laneOf makes a lane of what should be a listening socket, or closes it.
func laneOf(file *os.File) (*Lane, error) {
	on, err := unix.GetsockoptInt(int(file.Fd()), unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil || on == 0 {
		return nil, errors.Join(errors.New("it is no listening socket"), err, file.Close())
	}
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	defer ln.Close()
	return newLane(file, ln.Addr())
}
