package proxyprotocol

import (
	"net/netip"
	"testing"
)

func TestHeads(t *testing.T) {
	addr := func(s string) (a netip.AddrPort) {
		if s != "" {
			a = netip.MustParseAddrPort(s)
		}
		return a
	}
	for _, tt := range []struct{ client, server, v1, v2 string }{
		{"192.0.2.1:56324", "198.51.100.7:443",
			"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
			"\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"},
		{"[::ffff:192.0.2.1]:1", "198.51.100.7:2", "PROXY TCP4 192.0.2.1 198.51.100.7 1 2\r\n",
			"\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x07\x00\x01\x00\x02"},
		{"[2001:db8::1%eth0]:56324", "[2001:db8::2]:443",
			"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n",
			"\x21\x21\x00\x24\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
				"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xdc\x04\x01\xbb"},
		{"192.0.2.1:1", "[2001:db8::2]:2", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n",
			"\x21\x21\x00\x24\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" +
				"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x00\x02"},
		{"", "198.51.100.7:443", "PROXY UNKNOWN\r\n", "\x21\x00\x00\x00"},
		{"192.0.2.1:1", "", "PROXY UNKNOWN\r\n", "\x21\x00\x00\x00"},
	} {
		if got := string(AppendV1(nil, addr(tt.client), addr(tt.server))); got != tt.v1 {
			t.Errorf("%s, %s: version 1 is %q, want %q", tt.client, tt.server, got, tt.v1)
		} else if len(got) > 107 { // the longest that receivers have to take
			t.Errorf("%q has %d bytes", got, len(got))
		}
		want := "\r\n\r\n\x00\r\nQUIT\n" + tt.v2
		if got := string(AppendV2(nil, addr(tt.client), addr(tt.server))); got != want {
			t.Errorf("%s, %s: version 2 is %q, want %q", tt.client, tt.server, got, want)
		}
	}
}
