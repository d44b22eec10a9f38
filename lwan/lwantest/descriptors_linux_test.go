package lwantest

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Descriptors that stay are found: pollers by what appeared at the start, sockets by their port.
func TestDescriptors(t *testing.T) {
	var poller int
	d := watchDescriptors(func() {
		var err error
		if poller, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addrs := []net.Addr{ln.Addr()}
	left := strings.Join(d.left(addrs), "")
	if strings.Count(left, "descriptor ") != 2 || !strings.Contains(left, "[eventpoll]") ||
		!strings.Contains(left, "socket:") {
		t.Errorf("%q", left)
	}
	ln.Close()
	if err := unix.Close(poller); err != nil {
		t.Fatal(err)
	}
	if left := d.left(addrs); left != nil {
		t.Errorf("%q", left)
	}
}

// A number that a later server has got is not the earlier one's any more.
func TestDescriptorUsedAgain(t *testing.T) {
	var first, second int
	open := func(fd *int) func() {
		return func() {
			var err error
			if *fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
				t.Fatal(err)
			}
		}
	}
	gone := watchDescriptors(open(&first))
	if err := unix.Close(first); err != nil {
		t.Fatal(err)
	}
	later := watchDescriptors(open(&second))
	if first != second {
		t.Skip("another test has taken the number")
	}
	if left := gone.left(nil); left != nil {
		t.Errorf("%q", left)
	}
	if left := later.left(nil); len(left) != 1 {
		t.Errorf("%q", left)
	}
	if err := unix.Close(second); err != nil {
		t.Fatal(err)
	}
	if left := later.left(nil); left != nil {
		t.Errorf("%q", left)
	}
}
