package lwantest

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// openDescriptors says of each what it is.
func openDescriptors() map[int]string {
	found := map[int]string{}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return found // a system without /proc: then there is nothing to be told
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		what, linkErr := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && linkErr == nil {
			found[fd] = what
		}
	}
	return found
}

// socketsLeft lists the process's sockets whose local port is one of addrs, which no other server
// has. What its loops wait with is closed before the server has ended.
func socketsLeft(addrs []net.Addr) (list []string) {
	ports := map[int]bool{}
	for _, a := range addrs {
		if tcp, ok := a.(*net.TCPAddr); ok {
			ports[tcp.Port] = true
		}
	}
	for fd, what := range openDescriptors() {
		if strings.HasPrefix(what, "socket:") && ports[localPort(fd)] {
			list = append(list,
				fmt.Sprintf("descriptor %d: %s of port %d", fd, what, localPort(fd)))
		}
	}
	return list
}

// localPort is 0 for what is no TCP or UDP socket, or not open any more.
func localPort(fd int) int {
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return 0
	}
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return sa.Port
	case *syscall.SockaddrInet6:
		return sa.Port
	}
	return 0
}
