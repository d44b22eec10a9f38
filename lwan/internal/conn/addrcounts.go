//go:build linux

package conn

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// addrCounts counts the open connections of each remote address, as transport.CountedAddr has it.
// The loop that accepts a connection enters it, the one that closes it lets it leave; the entry is
// remembered by descriptor. There is one only where a limit is set.
type addrCounts struct {
	// constant
	max  int
	byFd []atomic.Uint32 // 1 + the entry of each open connection; 0: not counted

	// guarded by mu
	mu      sync.Mutex
	byAddr  map[netip.Addr]uint32
	entries []addrEntry
	free    []uint32
}

// addrEntry is an address that has connections.
type addrEntry struct {
	addr netip.Addr
	n    int
}

func newAddrCounts(most, slots int) *addrCounts {
	return &addrCounts{
		max: most, byFd: make([]atomic.Uint32, slots), byAddr: map[netip.Addr]uint32{},
	}
}

// enter counts the connection fd, unless its address has as many as it may. One without an address
// is let in: it came over a unix socket.
func (c *addrCounts) enter(fd int, a netip.Addr) bool {
	if !a.IsValid() {
		return true
	}
	a = transport.CountedAddr(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.byAddr[a]
	switch {
	case !known:
		i = c.take(a)
	case c.entries[i].n >= c.max:
		return false
	}
	c.entries[i].n++
	c.byFd[fd].Store(i + 1)
	return true
}

// take makes an entry; mu is held.
func (c *addrCounts) take(a netip.Addr) (i uint32) {
	if last := len(c.free) - 1; last >= 0 {
		i = c.free[last]
		c.free = c.free[:last]
	} else {
		i = uint32(len(c.entries))
		c.entries = append(c.entries, addrEntry{})
	}
	c.entries[i] = addrEntry{addr: a}
	c.byAddr[a] = i
	return i
}

// leave takes back what enter has counted for fd. It is called before the descriptor is closed.
func (c *addrCounts) leave(fd int) {
	i := c.byFd[fd].Swap(0)
	if i == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &c.entries[i-1]
	if e.n--; e.n > 0 {
		return
	}
	delete(c.byAddr, e.addr)
	*e = addrEntry{}
	c.free = append(c.free, i-1)
}
