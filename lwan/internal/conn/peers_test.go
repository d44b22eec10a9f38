//go:build linux

package conn

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// answerPeer answers each line with the address of who has sent it.
var answerPeer = lines(func(c *served, _ string) Verdict {
	printTo(c, "%v", c.Peer())
	return Idle
})

func TestPeerOfEachNetwork(t *testing.T) {
	for name, addrs := range map[string][2]string{
		"v4":            {"127.0.0.1:0", "127.0.0.1"},
		"v6":            {"[::1]:0", "::1"},
		"v4 to both":    {":0", "127.0.0.1"},
		"v6 to both":    {":0", "::1"},
		"a unix socket": {"unix:" + filepath.Join(t.TempDir(), "s"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			lane, err := Listen(addrs[0], ListenConfig{})
			if err != nil && name != "v4" && name != "a unix socket" {
				t.Skip("no IPv6 here:", err)
			} else if err != nil {
				t.Fatal(err)
			}
			runOn(t, &script{serve: answerPeer}, Config{}, lane)
			p := dialHost(t, lane.Addr(), addrs[1])
			for range 2 {
				p.send("who\n")
				if addrs[1] == "" {
					p.want("invalid AddrPort")
				} else {
					p.want(p.LocalAddr().String())
				}
			}
		})
	}
}

// dialHost connects to the port of addr on a host; "": to addr itself.
func dialHost(t *testing.T, addr net.Addr, host string) *peer {
	t.Helper()
	if host == "" {
		return dialTo(t, addr)
	}
	port := uint16(addr.(*net.TCPAddr).Port)
	return dialTo(t, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(host), port)))
}

// A peer that resets its connection right behind what it has sent has an address all the same: the
// kernel forgets it then, and whoever counts its requests must not.
func TestPeerThatHasReset(t *testing.T) {
	got, read, reset := make(chan netip.AddrPort, 1), make(chan struct{}), make(chan struct{})
	r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
		close(read)
		<-reset
		if _, err := unix.Getpeername(c.Fd()); err != unix.ENOTCONN {
			t.Errorf("the kernel still knows: %v", err)
		}
		got <- c.Peer()
		return Close
	})}, Config{})
	p := r.dial()
	p.send("login\n")
	<-read
	p.reset()
	close(reset)
	if a := <-got; a.String() != p.LocalAddr().String() {
		t.Errorf("%v, want %v", a, p.LocalAddr())
	}
}

// The same for one that has reset before anybody has accepted it.
func TestPeerThatHasResetBeforeItWasAccepted(t *testing.T) {
	got, hold, entered := make(chan netip.AddrPort, 1), make(chan struct{}), make(chan struct{})
	r := run(t, &script{serve: func(c *served) Verdict {
		got <- c.Peer()
		return Close
	}}, Config{PerAddr: 1})
	r.eng.sets[0].loop.Post(func() { close(entered); <-hold })
	<-entered
	p := r.dial()
	p.send("login\n")
	p.reset()
	close(hold)
	if a := <-got; a.String() != p.LocalAddr().String() {
		t.Errorf("%v, want %v", a, p.LocalAddr())
	}
}

// An entry counts for the connection that it was made for, and for none that has its descriptor
// later.
func TestPeerOfAnEarlierConnection(t *testing.T) {
	var p peerAddr
	p.set(7, &Sockaddr{family: unix.AF_INET, port: [2]byte{1, 2}, rest: [24]byte{192, 0, 2, 1}})
	if got := p.addrPort(7); got != netip.MustParseAddrPort("192.0.2.1:258") {
		t.Error(got)
	}
	if got := p.addrPort(8); got.IsValid() {
		t.Error(got)
	}
	p.set(8, &Sockaddr{family: unix.AF_UNIX, port: [2]byte{1, 2}})
	if got := p.addrPort(8); got.IsValid() {
		t.Error(got)
	}
	if n := unsafe.Sizeof(p); n != 24 {
		t.Errorf("an entry has %d bytes", n)
	}
}

// Asking costs no allocation and, since there is nothing left to ask, no system call.
func TestPeerAllocatesNothing(t *testing.T) {
	n := make(chan float64, 1)
	r := run(t, &script{serve: lines(func(c *served, _ string) Verdict {
		var a netip.AddrPort
		n <- testing.AllocsPerRun(100, func() { a = c.Peer() })
		printTo(c, "%v", a)
		return Idle
	})}, Config{})
	p := r.dial()
	p.send("who\n")
	p.want(p.LocalAddr().String())
	if n := <-n; n != 0 {
		t.Errorf("%v allocations", n)
	}
}
