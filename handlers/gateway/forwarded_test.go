package gateway

import (
	"net/netip"
	"testing"
)

func TestForwarded(t *testing.T) {
	four := netip.MustParseAddrPort("192.0.2.1:80")
	six := netip.MustParseAddrPort("[2001:db8::1]:80")
	first := netip.MustParseAddrPort("203.0.113.9:0")
	for _, tt := range []struct {
		name string
		hop  hop
		how  Forwarded
		want string
	}{
		{"plain", hop{peer: four, client: four, host: "a.example:81", scheme: "http"}, ForwardedX,
			"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n" +
				"X-Forwarded-Host: a.example:81\r\n"},
		{"no host", hop{peer: six, client: six, scheme: "https"}, ForwardedX,
			"X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\n"},
		{"behind two more", hop{peer: four, client: first, host: "b", scheme: "https",
			xFor: "203.0.113.9, 10.0.0.1", xHost: "a"}, ForwardedX | ForwardedReal,
			"X-Forwarded-For: 203.0.113.9, 10.0.0.1, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n" +
				"X-Forwarded-Host: a\r\nX-Real-IP: 203.0.113.9\r\n"},
		{"unix socket", hop{scheme: "http"}, ForwardedX | ForwardedRFC | ForwardedReal,
			"X-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\n" +
				"Forwarded: for=unknown;proto=http\r\n"},
		{"RFC 7239", hop{peer: four, client: four, host: "a.example", scheme: "http"}, ForwardedRFC,
			"Forwarded: for=192.0.2.1;host=a.example;proto=http\r\n"},
		{"IPv6 and a port", hop{peer: six, client: six, host: "[::1]:8080", scheme: "https",
			forwarded: `for=_secret, for="[2001:db8::2]:4711"`}, ForwardedRFC,
			`Forwarded: for=_secret, for="[2001:db8::2]:4711", ` +
				`for="[2001:db8::1]";host="[::1]:8080";proto=https` + "\r\n"},
		{"quotes", hop{peer: four, client: four, host: `a"b\c`, scheme: "http"}, ForwardedRFC,
			`Forwarded: for=192.0.2.1;host="a\"b\\c";proto=http` + "\r\n"},
		{"none", hop{peer: four, client: four, scheme: "http"}, ForwardedNone, ""},
	} {
		if got := string(tt.hop.appendTo(nil, tt.how)); got != tt.want {
			t.Errorf("%s: %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
