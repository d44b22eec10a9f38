//go:build linux

package evloop

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// A connection that is closed while the peer still sends is answered with a reset, which destroys what the peer has not
// yet read: the very answer that says why. So the writing side is closed first, and what comes is thrown away until the
// peer closes too, at most lingerBytes, for at most the engine's linger time (RFC 9112 section 9.6).
const lingerBytes = 1 << 20

func (l *Loop) startLinger(fd int32, s *slot) {
	l.dropRecord(s)
	l.wheel.disarm(fd)
	if l.eng.linger == 0 || l.kernel.shutdown(int(fd), unix.SHUT_WR) != 0 {
		l.close(fd, s)
		return
	}
	if s.state != slotRefused {
		s.state = slotLinger
	}
	s.served = 0
	l.wheel.arm(fd, l.secondAfter(l.eng.linger))
	l.linger(fd, s)
}

// linger throws away what has come. The slot's served counts the bytes.
func (l *Loop) linger(fd int32, s *slot) {
	if l.scratch == nil {
		l.scratch = make([]byte, 64<<10)
	}
	for s.readable() {
		n, e := l.kernel.read(int(fd), l.scratch)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			s.latch &^= latchIn
			return
		case e != 0 || n == 0:
			l.close(fd, s)
			return
		default:
			s.served += uint32(n)
			if s.served >= lingerBytes {
				l.close(fd, s)
				return
			}
		}
	}
}
