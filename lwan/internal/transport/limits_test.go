package transport

import (
	"net/netip"
	"testing"
)

func TestCountedAddr(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1": "127.0.0.1", "::ffff:10.0.0.1": "10.0.0.1",
		"2001:db8:0:1:2::3": "2001:db8:0:1::", "fe80::1%eth0": "fe80::",
	} {
		if got := CountedAddr(netip.MustParseAddr(addr)); got != netip.MustParseAddr(want) {
			t.Errorf("%s is counted as %v, want %s", addr, got, want)
		}
	}
	if got := CountedAddr(netip.Addr{}); got.IsValid() {
		t.Errorf("no address is counted as %v", got)
	}
}
