//go:build linux

package conn

import "golang.org/x/sys/unix"

// maxUnsent is how many bytes the kernel holds of what was written to a connection, beyond those
// that are on their way. The size of the send buffer is no such bound: it allows for megabytes
// where segments are large, and a peer with a tiny window has those cut into segments of some
// hundred bytes, each with its own memory and work. 4,000 such peers took two seconds of a core for
// their first writes, and all memory that the system allows for TCP. A fast peer is served as fast
// with it: its loop is told when half of this has left.
const maxUnsent = 128 << 10

// boundUnsent sets maxUnsent, unless a listener's owner has chosen another bound. It reports
// whether accepted sockets inherit that: those of MPTCP, which net.Listen uses where it can, do
// not. The bound is a matter of fairness: a kernel that does not know it does without.
func boundUnsent(fd int) (inherited bool) {
	const unbound = -1 // what MPTCP says for 0
	chosen, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
	if err == nil && (chosen == 0 || chosen == unbound) {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	}
	protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	return err == nil && protocol == unix.IPPROTO_TCP
}

// A peer that has taken fastAfter of one large answer has shown that it reads: its bound becomes
// fastUnsent, about what the kernel's send buffer has room for at most, so that a quarter less is
// spent on the rest. One that stops reading then holds as much as with servers that set no bound.
const (
	fastAfter  = 1 << 20
	fastUnsent = 4 << 20
)

// raiseUnsent raises the bound of boundUnsent. An error is that of a socket without such a bound.
func raiseUnsent(fd int) {
	bound, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
	if err == nil && bound == maxUnsent {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, fastUnsent)
	}
}
