//go:build linux

package evloop

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// A connection that is closed while the peer still sends is answered with a reset, which destroys what the peer has not
// yet read: the very answer that says why. So the writing side is closed first, and what comes is thrown away until the
// peer closes too (RFC 9112 section 9.6).
//
// A peer is given up that sends next to nothing for Config.Linger. One that sends lingerStep and more, as the upload that
// was refused, gets that time again, out of a budget of Config.LingerBytes: each byte takes one from it, and each second
// that it gets more takes a share, so that it ends after so many bytes, and after lingerPauses times Config.Linger however
// slowly they come. Draining gives no more time, and a connection over a limit has none but the first: its place is wanted.
const (
	defaultLinger      = uint32(transport.LingerTimeout / time.Second)
	defaultLingerBytes = transport.LingerBytes
	lingerStep         = transport.LingerStep
	lingerPauses       = transport.LingerPauses
	countedBytes       = 1 << 31 // budgets above are none for bytes
)

// lingerBudget is what lingering may take. It is constant.
type lingerBudget struct {
	pause  uint32 // seconds that one may send nothing; 0: no lingering
	whole  uint32
	second uint32 // what a second takes of it; a multiple of lingerStep, where there is enough
	free   bool   // bytes take nothing
}

func newLingerBudget(cfg *Config) (b lingerBudget) {
	b.pause, b.whole = Seconds(cfg.Linger), defaultLingerBytes
	if cfg.Linger == 0 {
		b.pause = defaultLinger
	}
	switch n := cfg.LingerBytes; {
	case n < 0 || n > countedBytes:
		b.whole, b.free = countedBytes, true
	case n > 0:
		b.whole = uint32(n)
	}
	b.second = uint32(max(uint64(b.whole)/max(lingerPauses*uint64(b.pause), 1), 1))
	if b.second > lingerStep {
		b.second &^= lingerStep - 1
	} else if b.free {
		b.second = lingerStep
	}
	return b
}

func (l *Loop) startLinger(fd int32, s *slot) {
	l.dropRecord(s)
	l.wheel.disarm(fd)
	if l.eng.linger.pause == 0 || l.kernel.shutdown(int(fd), unix.SHUT_WR) != 0 {
		l.close(fd, s)
		return
	}
	if s.state != slotRefused {
		s.state = slotLinger
	}
	s.served = 0
	l.wheel.arm(fd, l.secondAfter(l.eng.linger.pause))
	l.linger(fd, s)
}

// linger throws away what has come, a fair share of it before others have their turn.
func (l *Loop) linger(fd int32, s *slot) {
	if l.scratch == nil {
		l.scratch = make([]byte, 64<<10)
	}
	for share := fairShare; s.readable() && s.latch&latchTurn == 0; {
		if share <= 0 {
			l.queue(fd, s)
			return
		}
		n, e := l.kernel.read(int(fd), l.scratch)
		share -= max(n, 0)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			l.used(fd, s, latchIn)
			return
		case e != 0 || n == 0 || !l.lingerOn(fd, s, n):
			l.close(fd, s)
			return
		}
	}
}

// lingerOn books n bytes, which the slot's served counts, and gives the peer time to send more. It reports false when
// there is nothing left of the budget.
func (l *Loop) lingerOn(fd int32, s *slot, n int) bool {
	b := &l.eng.linger
	before := s.served
	s.served += uint32(n)
	step := before^s.served >= lingerStep
	if b.free {
		s.served = before&^(lingerStep-1) | s.served&(lingerStep-1)
	}
	if die := l.secondAfter(b.pause); step && die != s.die && s.state == slotLinger && l.phase == phaseServe {
		l.wheel.arm(fd, die)
		s.served += b.second
	}
	return s.served < b.whole
}
