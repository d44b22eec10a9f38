package main

import (
	"fmt"
	"net"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/benchmarks/internal/contract"
)

// topic has all subscribers, in the order in which they came.
type topic struct {
	chunk []byte // an event as a chunk of the chunked coding (RFC 9112, section 7.1); constant

	mu    sync.Mutex
	conns []subscriber // guarded by mu
}

type subscriber struct {
	fd   int
	conn *net.TCPConn // keeps fd open
}

func newTopic() *topic {
	return &topic{
		chunk: fmt.Appendf(nil, "%x\r\ndata: %s\n\n\r\n", contract.EventBytes, contract.EventData),
	}
}

func (t *topic) add(conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	s := subscriber{conn: conn}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns = append(t.conns, s)
	return nil
}

// publish writes the event to all subscribers, and drops those that do not take all of it.
func (t *topic) publish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.conns[:0]
	for _, s := range t.conns {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(s.fd),
			uintptr(unsafe.Pointer(&t.chunk[0])), uintptr(len(t.chunk)))
		if errno == 0 && int(n) == len(t.chunk) {
			kept = append(kept, s)
		} else {
			s.conn.Close() // it is dropped in any case
		}
	}
	clear(t.conns[len(kept):])
	t.conns = kept
}
