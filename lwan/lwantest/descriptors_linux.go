package lwantest

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// descriptors is what a server has opened when it started, by number.
//
// Tests that run in parallel open descriptors too, and numbers are used again. Sockets are known by
// the port of the server, which no other has. Of epoll and eventfd descriptors the kernel tells
// only the kind: those that appeared while the server started are its own, since one server starts
// at a time, as long as no server that started later has the number.
type descriptors struct{ own map[int]string }

var started struct {
	mu   sync.Mutex
	list []*descriptors // of the servers that have not been found to be gone, in order
}

// watchDescriptors runs start, which may leave it by Goexit, and remembers what appears.
func watchDescriptors(start func()) *descriptors {
	started.mu.Lock()
	defer started.mu.Unlock()
	wakePoller()
	before := pollers()
	start()
	d := &descriptors{own: pollers()}
	for fd := range before {
		delete(d.own, fd)
	}
	started.list = append(started.list, d)
	return d
}

// wakePoller makes the runtime open the descriptors that it waits with, so that they do not appear
// later.
func wakePoller() {
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
}

// pollers lists the process's epoll and eventfd descriptors.
func pollers() map[int]string {
	found := map[int]string{}
	for fd, what := range openDescriptors() {
		if what == "anon_inode:[eventpoll]" || what == "anon_inode:[eventfd]" {
			found[fd] = what
		}
	}
	return found
}

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

// left lists what is still open, of a server that listened on addrs.
func (d *descriptors) left(addrs []net.Addr) (list []string) {
	started.mu.Lock()
	defer started.mu.Unlock()
	now := pollers()
	for fd, what := range d.own {
		if now[fd] == what && !d.claimedLater(fd) {
			list = append(list, fmt.Sprintf("descriptor %d: %s", fd, what))
		}
	}
	list = append(list, socketsLeft(addrs)...)
	if len(list) == 0 {
		d.forget()
	}
	return list
}

// claimedLater reports whether a server that started after d has that number.
func (d *descriptors) claimedLater(fd int) bool {
	for i := len(started.list) - 1; i >= 0 && started.list[i] != d; i-- {
		if _, ok := started.list[i].own[fd]; ok {
			return true
		}
	}
	return false
}

func (d *descriptors) forget() {
	for i, other := range started.list {
		if other == d {
			started.list = append(started.list[:i:i], started.list[i+1:]...)
			return
		}
	}
}

// socketsLeft lists the process's sockets whose local port is one of addrs.
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
