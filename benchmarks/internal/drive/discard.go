package drive

import "golang.org/x/sys/unix"

// discardMost is how much of a body is thrown away at once.
const discardMost = 1 << 20

// discard throws away up to n bytes that a socket has received. The kernel does not copy them
// (MSG_TRUNC, see tcp(7)), so that a long body costs the load less than the server.
func discard(fd, n int) (int, error) {
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), 0, uintptr(n),
		unix.MSG_TRUNC|unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(got), nil
}
