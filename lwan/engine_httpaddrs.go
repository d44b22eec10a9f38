//go:build !linux || golwan_nethttp

package lwan

import (
	"net"
	"net/netip"
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// addrCounts counts the open connections of each remote address, as transport.CountedAddr has it.
type addrCounts struct {
	max int // 0 and less: no limit, nothing is counted

	mu sync.Mutex
	n  map[netip.Addr]int
}

// enter counts a connection, unless its address has as many as it may. It returns what leave is to
// be given.
func (c *addrCounts) enter(remote net.Addr) (a netip.Addr, ok bool) {
	tcp, isTCP := remote.(*net.TCPAddr)
	if c.max <= 0 || !isTCP {
		return a, true
	}
	a = transport.CountedAddr(tcp.AddrPort().Addr())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[a] >= c.max {
		return a, false
	}
	if c.n == nil {
		c.n = map[netip.Addr]int{}
	}
	c.n[a]++
	return a, true
}

// leave takes it back.
func (c *addrCounts) leave(a netip.Addr) {
	if !a.IsValid() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[a]--; c.n[a] <= 0 {
		delete(c.n, a)
	}
}
