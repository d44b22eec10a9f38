package proxyhead

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
)

// binary2 is a header of version 2.
func binary2(command, family byte, body string) string {
	b := append([]byte(signature2), 0x20|command, family)
	return string(binary.BigEndian.AppendUint16(b, uint16(len(body)))) + body
}

// summed is one with a checksum behind the addresses, and off added to it.
func summed(family byte, addresses string, off uint32) string {
	b := []byte(binary2(proxied, family, addresses+"\x03\x00\x04\x00\x00\x00\x00\x04\x00\x01x"))
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(b[len(b)-8:], sum+off)
	return string(b)
}

const (
	four = "\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb"
	six  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xdc\x04\x01\xbb"
	mapped = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x02\xdc\x04\x01\xbb"
)

// headers are whole, with who has connected; "": that is not told.
var headers = map[string]string{
	"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n":  "192.0.2.1:56324",
	"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n":   "0.0.0.0:0",
	"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n": "[2001:db8::1]:56324",
	"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n":  "192.0.2.1:1",
	"PROXY UNKNOWN\r\n": "",
	"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 1\r\n": "",
	"PROXY UNKNOWN " + strings.Repeat("x", 107-16) + "\r\n":     "",

	binary2(proxied, 0x11, four):                                           "192.0.2.1:56324",
	binary2(proxied, 0x21, six):                                            "[2001:db8::1]:56324",
	binary2(proxied, 0x21, mapped):                                         "192.0.2.1:56324",
	binary2(proxied, 0x11, four+"\x04\x00\x03abc\xea\x00\x00"):             "192.0.2.1:56324",
	binary2(proxied, 0x31, strings.Repeat("x", 216)):                       "",
	binary2(proxied, 0x00, ""):                                             "",
	binary2(proxied, 0x12, four):                                           "",
	binary2(local, 0x00, ""):                                               "",
	binary2(local, 0x11, "of whatever kind"):                               "",
	summed(0x11, four, 0):                                                  "192.0.2.1:56324",
	summed(0x21, six, 0):                                                   "[2001:db8::1]:56324",
	binary2(proxied, 0x11, four+"\x04\x0f\xe1"+strings.Repeat("x", 0xfe1)): "192.0.2.1:56324",
}

// What follows a header does not count, and each beginning of it goes on, by as much as is missing.
func TestHeaders(t *testing.T) {
	for text, want := range headers {
		for _, behind := range []string{"", "GET / HTTP/1.1\r\n\r\n", "\r\n", "\n", text} {
			client, n, err := Parse([]byte(text + behind))
			if err != nil || n != len(text) || client.IsValid() != (want != "") ||
				want != "" && client.String() != want {
				t.Errorf("%q: %v, %d, %v; want %s, %d",
					text+behind, client, n, err, want, len(text))
			}
		}
		for cut := range len(text) {
			begun := []byte(text[:cut])
			if client, n, err := Parse(begun); client.IsValid() || n != 0 || err != nil {
				t.Fatalf("%q: %v, %d, %v", begun, client, n, err)
			}
			if m := Missing(begun); m < 1 || m > len(text)-cut {
				t.Fatalf("%q: %d are missing of %d", begun, m, len(text)-cut)
			}
		}
	}
}

func TestNoHeaders(t *testing.T) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\n", "\x16\x03\x01\x02\x00", "proxy TCP4", "PROXY\t", "\r\n\r\nG", "\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 1\r\n",
		"PROXY TCP4  192.0.2.1 198.51.100.7 56324 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 056324 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 +1 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n",
		"PROXY TCP4 192.0.2.01 198.51.100.7 1 2\r\n",
		"PROXY TCP4 192.0.2 198.51.100.7 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
		"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY TCP5 ::1 ::1 1 2\r\n",
		"PROXY UDP4 192.0.2.1 198.51.100.7 1 2\r\n", "PROXY \r\n", "PROXY UNKNOWNS\r\n",
		"PROXY unknown\r\n", "PROXY \n",
		"PROXY UNKNOWN " + strings.Repeat("x", 107-15) + "\r\n", // 108
		"PROXY UNKNOWN " + strings.Repeat("x", 200),

		signature2 + "\x11", signature2 + "\x31", signature2 + "\x22", signature2 + "\x21\x41",
		signature2 + "\x21\x13",
		binary2(proxied, 0x11, four[1:]), binary2(proxied, 0x21, six[1:]),
		binary2(proxied, 0x31, strings.Repeat("x", 215)),
		binary2(proxied, 0x11, four+"\x04"), binary2(proxied, 0x11, four+"\x04\x00\x02x"),
		binary2(proxied, 0x11, four+"\x03\x00\x03xyz"), summed(0x11, four, 1),
		binary2(proxied, 0x11, four+"\x04\x0f\xe2"+strings.Repeat("x", 0xfe2)), // 4097
		binary2(local, 0x00, strings.Repeat("x", 5000))[:16],
	} {
		if client, n, err := Parse([]byte(text)); err == nil || n != 0 || client.IsValid() {
			t.Errorf("%q: %v, %d, %v", text, client, n, err)
		}
	}
}

// FuzzParse compares a header with what may be said of every one: it is the same with whatever
// behind it, its beginnings go on, and what it tells can be told in version 1, and is read from
// that.
func FuzzParse(f *testing.F) {
	for text := range headers {
		f.Add([]byte(text))
	}
	f.Add([]byte("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\nGET"))
	f.Fuzz(func(t *testing.T, b []byte) {
		client, n, err := Parse(b)
		if err != nil && (n != 0 || client.IsValid()) || n > min(len(b), MaxBytes) {
			t.Fatalf("%q: %v, %d, %v", b, client, n, err)
		}
		if err == nil && n == 0 {
			if m := Missing(b); m < 1 || len(b)+m > MaxBytes {
				t.Fatalf("%q: %d are missing", b, m)
			}
			return
		}
		for cut := range n {
			if c, m, err := Parse(b[:cut]); c.IsValid() || m != 0 || err != nil {
				t.Fatalf("%q of %q: %v, %d, %v", b[:cut], b[:n], c, m, err)
			}
			if m := Missing(b[:cut]); m < 1 || cut+m > n {
				t.Fatalf("%q: %d are missing of %d", b[:cut], m, n-cut)
			}
		}
		if again, m, e := Parse(append(b[:n:n], "\r\n\x00P"...)); n > 0 &&
			(again != client || m != n || e != nil) {
			t.Fatalf("%q: %v, %d, %v; with more behind it %v, %d, %v",
				b, client, n, err, again, m, e)
		}
		if client.IsValid() {
			told, _, err := Parse([]byte(line(client)))
			a := client.Addr()
			if told != client || err != nil || a.Is4In6() || a.Zone() != "" {
				t.Fatalf("%q tells %v, and that again %v, %v", b[:n], client, told, err)
			}
		}
	})
}

// line is client in version 1.
func line(client netip.AddrPort) string {
	family := 6
	if client.Addr().Is4() {
		family = 4
	}
	a := client.Addr()
	return fmt.Sprintf("PROXY TCP%d %s %s %d 1\r\n", family, a, a, client.Port())
}
