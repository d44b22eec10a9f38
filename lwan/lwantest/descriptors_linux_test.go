package lwantest

import (
	"net"
	"strings"
	"testing"
)

// Sockets that stay are found by their port.
func TestSocketsLeft(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addrs := []net.Addr{ln.Addr()}
	if left := socketsLeft(addrs); len(left) != 1 || !strings.Contains(left[0], "socket:") {
		t.Errorf("%q", left)
	}
	ln.Close()
	if left := socketsLeft(addrs); left != nil {
		t.Errorf("%q", left)
	}
}
