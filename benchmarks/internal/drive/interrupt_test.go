package drive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConnectIsInterrupted has a signal come while a connect waits for room in the listener's
// queue: thousands of connections that were opened one by one failed now and then with "interrupted
// system call".
func TestConnectIsInterrupted(t *testing.T) {
	ln, addr := fullListener(t)
	thread := make(chan int, 1)
	connected := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		h := &Held{}
		connected <- errors.Join(h.open(addr), h.Close())
	}()
	tid := <-thread
	awaitCall(t, tid, unix.SYS_CONNECT, true)
	if err := unix.Tgkill(os.Getpid(), tid, unix.SIGURG); err != nil {
		t.Fatal(err)
	}
	awaitCall(t, tid, unix.SYS_CONNECT, false)
	fd, _, err := unix.Accept(ln) // makes room; the kernel tries again after a second
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := <-connected; err != nil {
		t.Error(err)
	}
}

// fullListener listens with room for one connection, which is taken.
func fullListener(t *testing.T) (ln int, addr string) {
	ln, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ln) })
	loopback := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.Bind(ln, loopback), unix.Listen(ln, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(ln)
	if err != nil {
		t.Fatal(err)
	}
	addr = fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
	first := &Held{}
	if err := first.open(addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { first.Close() })
	return ln, addr
}

// awaitCall waits until a thread of this process is in a system call, or until it is not.
func awaitCall(t *testing.T, tid, call int, in bool) {
	for {
		what, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			t.Skip("the kernel does not tell in which system call a thread is:", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(what), fmt.Sprint(call, " ")) == in {
			return
		}
		runtime.Gosched()
	}
}
