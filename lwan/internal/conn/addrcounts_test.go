//go:build linux

package conn

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAddrCounts: what is counted together, and that nothing is left once all have gone.
func TestAddrCounts(t *testing.T) {
	c := newAddrCounts(2, []int{0, 3}, 100)
	enter := func(fd int, addr string, want bool) {
		t.Helper()
		a := netip.Addr{}
		if addr != "" {
			a = netip.MustParseAddr(addr)
		}
		if got := c.enter(fd, 0, a); got != want {
			t.Errorf("%q as %d: %v", addr, fd, got)
		}
	}
	enter(1, "192.0.2.1", true)
	enter(2, "::ffff:192.0.2.1", true) // the same, over a socket for both versions
	enter(3, "192.0.2.1", false)
	enter(3, "192.0.2.2", true) // each IPv4 address for itself
	enter(4, "2001:db8::1", true)
	enter(5, "2001:db8::ffff:2", true)
	enter(6, "2001:db8::3", false) // the same network
	enter(6, "2001:db8:0:1::3", true)
	enter(7, "fe80::1%eth0", true)
	enter(8, "fe80::2%eth1", true)
	enter(9, "fe80::3", false)
	enter(10, "", true) // no address, no limit
	enter(11, "", true)
	enter(12, "", true)
	for fd := range 3 { // over a lane with a limit of its own
		if !c.enter(30+fd, 1, netip.MustParseAddr("192.0.2.1")) {
			t.Errorf("%d over the other lane is refused", fd)
		}
	}
	if c.enter(33, 1, netip.MustParseAddr("192.0.2.1")) {
		t.Error("a fourth one over the other lane is let in")
	}
	c.leave(1)
	c.leave(1) // a second time takes nothing back
	enter(20, "192.0.2.1", true)
	enter(21, "192.0.2.1", false)
	for fd := range 100 {
		c.leave(fd)
	}
	if len(c.byAddr) != 0 || len(c.free) != len(c.entries) {
		t.Errorf("left: %v, %d of %d entries free", c.byAddr, len(c.free), len(c.entries))
	}
	enter(1, "198.51.100.1", true)
	if len(c.entries) != len(c.free)+1 {
		t.Error("a free entry was not used again")
	}
}

// TestAddrCountsOfOneLane: where one lane has a limit, others need none.
func TestAddrCountsOfOneLane(t *testing.T) {
	if newAddrCounts(0, []int{0, 0}, 10) != nil {
		t.Error("nothing is limited, and it is counted")
	}
	c := newAddrCounts(0, []int{0, 1}, 10)
	a := netip.MustParseAddr("192.0.2.1")
	if !c.enter(1, 0, a) || !c.enter(2, 0, a) || !c.enter(3, 1, a) || c.enter(4, 1, a) {
		t.Error("the limit of one lane is not its own")
	}
	for fd := range 5 {
		c.leave(fd)
	}
	if len(c.byAddr) != 0 {
		t.Errorf("left: %v", c.byAddr)
	}
}

// One connection more than an address may have is refused; there is room again once one is closed,
// on whatever loop.
func TestConnectionsOverTheLimitOfAnAddress(t *testing.T) {
	r := run(t, &script{refuse: func(fd int) { unix.Write(fd, []byte("full\n")) }}, Config{
		Loops: 2, PerAddr: 10,
	})
	dialFrom := func(host string) *peer {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}
		c, err := d.Dial("tcp", r.lane.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return newPeer(t, c)
	}
	served := func(p *peer) *peer {
		t.Helper()
		p.send("hello\n")
		p.want("hello")
		return p
	}
	var peers []*peer
	for range 10 {
		peers = append(peers, served(dialFrom("127.0.0.1")))
	}
	for range 5 {
		if got := dialFrom("127.0.0.1").end(); got != "full\n" {
			t.Errorf("%q", got)
		}
	}
	for range 10 {
		served(dialFrom("127.0.0.2"))
	}
	for i, p := range peers {
		if p.Conn.Close(); i%2 == 0 {
			served(eventuallyServed(t, func() *peer { return dialFrom("127.0.0.1") }))
		}
	}
}

// eventuallyServed dials until it is not refused: the server learns of a close in its own time.
func eventuallyServed(t *testing.T, dial func() *peer) *peer {
	t.Helper()
	var p *peer
	eventually(t, "there is room", func() bool {
		p = dial()
		p.send("hello\n")
		line, err := p.r.ReadString('\n')
		return err == nil && line == "hello\n"
	})
	return p
}

// Unix sockets have no address, and no limit by it.
func TestUnixSocketsAreNotCountedByAddress(t *testing.T) {
	lane, err := Listen("unix:"+filepath.Join(t.TempDir(), "s"), ListenConfig{})
	if err != nil {
		t.Fatal(err)
	}
	r := runOn(t, &script{}, Config{PerAddr: 1}, lane)
	for range 5 {
		p := r.dial()
		p.send("hello\n")
		p.want("hello")
	}
}

// A client that has sent its request before it is refused reads why, and no reset.
func TestRefusedClientReadsWhy(t *testing.T) {
	r := run(t, &script{refuse: func(fd int) { unix.Write(fd, []byte("full\n")) }}, Config{
		MaxConns: 1,
	})
	first := r.dial()
	first.send("hello\n")
	first.want("hello")
	hold := make(chan struct{})
	entered := make(chan struct{})
	// so that the request is there before the connection is accepted
	r.eng.sets[0].loop.Post(func() { close(entered); <-hold })
	<-entered
	over := r.dial()
	over.send("hello\n")
	close(hold)
	over.want("full")
	over.send("more\n") // on its way when the server closed
	if got := over.end(); got != "" {
		t.Errorf("%q", got)
	}
	over.Conn.Close()
	eventually(t, "it is forgotten", func() bool { return r.eng.refused.Load() == 0 })
	first.send("hello\n")
	first.want("hello")
}

// A flood of refused connections holds no more descriptors than it may.
func TestRefusedFloodIsBounded(t *testing.T) {
	r := run(t, &script{refuse: func(fd int) { unix.Write(fd, []byte("full\n")) }}, Config{
		Loops: 2, MaxConns: 1,
	})
	first := r.dial()
	first.send("hello\n")
	first.want("hello")
	const flood = 2 * maxRefused
	var peers []*peer
	for range flood {
		peers = append(peers, r.dial()) // and none of them closes
	}
	for _, p := range peers {
		if got := p.end(); got != "full\n" {
			t.Errorf("%q", got)
		}
	}
	if n := r.eng.refused.Load(); n > maxRefused {
		t.Errorf("%d refused connections are waited for", n)
	}
	eventually(t, "all are counted", func() bool { return r.eng.Stats().Rejected == flood })
	for _, p := range peers {
		p.Conn.Close()
	}
	eventually(t, "they are forgotten", func() bool { return r.eng.refused.Load() == 0 })
	first.Conn.Close()
	eventually(t, "the first is closed", func() bool { return r.eng.conns() == 0 })
	p := r.dial()
	p.send("hello\n")
	p.want("hello")
}
