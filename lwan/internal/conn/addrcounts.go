//go:build linux

package conn

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// addrCounts counts the open connections of each remote address, as transport.CountedAddr has it:
// those of a lane that has a limit of its own by themselves, those of all others together. The loop
// that accepts a connection enters it, the one that closes it lets it leave; the entry is
// remembered by descriptor. There is one only where a limit is set.
type addrCounts struct {
	// constant
	max  int             // of the lanes without a limit of their own; 0: none
	own  []int           // by lane; 0: it has none
	byFd []atomic.Uint32 // 1 + the entry of each open connection; 0: not counted

	// guarded by mu
	mu      sync.Mutex
	byAddr  map[addrKey]uint32
	entries []addrEntry
	free    []uint32
}

// addrEntry is an address that has connections.
type addrEntry struct {
	key addrKey
	n   int
}

// addrKey is what is counted together.
type addrKey struct {
	addr netip.Addr
	lane int // that has a limit of its own; -1: all others
}

// newAddrCounts is nil where nothing is limited.
func newAddrCounts(most int, own []int, slots int) *addrCounts {
	if most <= 0 && slices.Max(append(own, 0)) <= 0 {
		return nil
	}
	return &addrCounts{
		max: most, own: own, byFd: make([]atomic.Uint32, slots), byAddr: map[addrKey]uint32{},
	}
}

// enter counts the connection fd, unless its address has as many as it may. One without an address
// is let in: it came over a unix socket.
func (c *addrCounts) enter(fd int, lane uint16, addr netip.Addr) bool {
	most, a := c.max, addrKey{transport.CountedAddr(addr), -1}
	if int(lane) < len(c.own) && c.own[lane] > 0 {
		most, a.lane = c.own[lane], int(lane)
	}
	if !addr.IsValid() || most <= 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i, known := c.byAddr[a]
	switch {
	case !known:
		i = c.take(a)
	case c.entries[i].n >= most:
		return false
	}
	c.entries[i].n++
	c.byFd[fd].Store(i + 1)
	return true
}

// take makes an entry; mu is held.
func (c *addrCounts) take(a addrKey) (i uint32) {
	if last := len(c.free) - 1; last >= 0 {
		i = c.free[last]
		c.free = c.free[:last]
	} else {
		i = uint32(len(c.entries))
		c.entries = append(c.entries, addrEntry{})
	}
	c.entries[i] = addrEntry{key: a}
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
	delete(c.byAddr, e.key)
	*e = addrEntry{}
	c.free = append(c.free, i-1)
}
