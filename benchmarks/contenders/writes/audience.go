package main

import (
	"fmt"
	"net"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// audience is all subscribers, in the order in which they came.
type audience struct {
	chunk []byte // an event as a chunk of the chunked coding (RFC 9112, section 7.1); constant

	mu    sync.Mutex
	conns []subscriber // guarded by mu
}

type subscriber struct {
	fd   int
	conn *net.TCPConn // keeps fd open
}

func newAudience() *audience {
	return &audience{
		chunk: fmt.Appendf(nil, "%x\r\ndata: %s\n\n\r\n", contract.EventBytes, contract.EventData),
	}
}

func (a *audience) add(conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	s := subscriber{conn: conn}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conns = append(a.conns, s)
	return nil
}

// publish writes the event to everybody, and drops who does not take all of it.
func (a *audience) publish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.conns[:0]
	for _, s := range a.conns {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(s.fd),
			uintptr(unsafe.Pointer(&a.chunk[0])), uintptr(len(a.chunk)))
		if errno == 0 && int(n) == len(a.chunk) {
			kept = append(kept, s)
		} else {
			s.conn.Close() // it is dropped in any case
		}
	}
	clear(a.conns[len(kept):])
	a.conns = kept
}
