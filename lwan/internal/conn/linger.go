//go:build linux

package conn

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// A connection that is closed while the peer still sends is answered with a reset, which destroys
// what the peer has not yet read: the very answer that says why. So the writing side is closed
// first, and what comes is thrown away until the peer closes too (RFC 9112 section 9.6).
//
// A peer is given up that sends next to nothing for Config.Linger. One that sends lingerStep and
// more, as the upload that was refused, gets that time again, out of a budget of
// Config.LingerBytes: each byte takes one from it, and each second that it gets more takes a share,
// so that it ends after so many bytes, and after lingerPauses times Config.Linger however slowly
// they come. Draining gives no more time, and a connection over a limit has none but the first: its
// place is wanted.
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

func (set *Set) startLinger(fd int32, s *slot) {
	ly, all := set.layer(s), true
	set.wheel.disarm(fd)
	if ly != nil {
		var err error
		if all, err = set.say(fd, s, ly); err != nil {
			set.close(fd, s)
			return
		}
	}
	set.dropRecord(s)
	if set.eng.linger.pause == 0 || all && set.kernel.Shutdown(int(fd), unix.SHUT_WR) != 0 {
		set.close(fd, s)
		return
	}
	if !all { // the FIN follows it
		ly.fin = true
		set.record(s).layer = ly
	}
	if s.state != slotRefused {
		s.state = slotLinger
	}
	s.count = 0
	set.wheel.arm(fd, set.secondAfter(set.eng.linger.pause))
	set.linger(fd, s)
}

// linger throws away what has come, a fair share of it before others have their turn.
func (set *Set) linger(fd int32, s *slot) {
	for share := fairShare; s.readable() && s.latch&latchTurn == 0; {
		if share <= 0 {
			set.queue(fd, s)
			return
		}
		n, e := set.kernel.Read(int(fd), set.loop.Scratch())
		share -= max(n, 0)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			set.used(fd, s, loop.In)
			return
		case e != 0 || n == 0 || !set.lingerOn(fd, s, n):
			set.close(fd, s)
			return
		}
	}
}

// lingerOn books n bytes, which the slot's count sums, and gives the peer time to send more. It
// reports false when there is nothing left of the budget.
func (set *Set) lingerOn(fd int32, s *slot, n int) bool {
	b := &set.eng.linger
	before := s.count
	s.count += uint32(n)
	step := before^s.count >= lingerStep
	if b.free {
		s.count = before&^(lingerStep-1) | s.count&(lingerStep-1)
	}
	die := set.secondAfter(b.pause)
	if step && die != s.die && s.state == slotLinger && set.phase == phaseServe {
		set.wheel.arm(fd, die)
		s.count += b.second
	}
	return s.count < b.whole
}
