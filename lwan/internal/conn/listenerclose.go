//go:build linux

package conn

import "golang.org/x/sys/unix"

// When a listening socket is closed the kernel resets who waits in its queue, though they believe
// that they are connected. So the door is shut first: nobody new gets into the queue, the loops
// empty it (lastCall), and then the socket is closed. There is no call for that. A unix socket has
// its file, by which it is found; a TCP socket can be given a filter, which sees every segment, and
// drops those with which a client asks for a connection. The client asks again a second later, and
// is refused.
//
// What is left is a handshake of which only the client's last acknowledgement is on its way at that
// moment.

// noNewcomers drops segments with SYN, as a program of the classic BPF; a listening socket gets
// none with SYN and ACK.
var noNewcomers = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},            // the TCP header's flags
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x02, Jf: 1}, // SYN
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},                           // none of its bytes
	{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},                   // all of them
}

// shut keeps newcomers out of the queue. Where that cannot be done they come in until the socket is
// closed.
func (l *Lane) shut() {
	if l.owner != ownedHere {
		return
	}
	if l.path != "" {
		_ = l.removeFile() // Close tries again, and reports why it cannot be done
		return
	}
	program := noNewcomers
	_ = unix.SetsockoptSockFprog(l.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}
