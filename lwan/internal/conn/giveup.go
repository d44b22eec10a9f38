//go:build linux

package conn

import "github.com/golwan/golwan/lwan/internal/transport"

// When the process has no descriptor left for a new connection, idle ones are given up for it: a
// client knows that a connection may be closed between two requests, and opens another one (RFC
// 9112 section 9.5). Before them go those that were opened from here and wait in pools: whoever
// wants one opens another. Of clients those come first whose time comes first. Where there are
// none, the ones that were opened long enough ago and have never said anything; then those that
// linger, whose last answer has left and may have been read; and at last those that have said half
// of what a handshake begins with, or of the header before it, which are owed no answer.

// giveUpBatch is how many are given up at a time: some, so that not each accept has to look for
// one.
const giveUpBatch = 16

// giveUpIdle closes some of the loop's idle connections, and returns how many.
func (set *Set) giveUpIdle() int {
	if n := set.giveUp(set.isPooled); n > 0 {
		return n
	}
	if n := set.giveUp(set.isBetweenRequests); n > 0 {
		return n
	}
	if n := set.giveUp(set.isSilent); n > 0 {
		return n
	}
	if n := set.giveUp(func(s *slot) bool { return s.state == slotLinger }); n > 0 {
		return n
	}
	return set.giveUp(set.isHalfHello)
}

func (set *Set) isBetweenRequests(s *slot) bool {
	if s.state == slotSession {
		r := set.records.at(s.rec)
		return !r.untold && r.session().AtRest(r.pipe)
	}
	return s.state == slotIdle && set.atRest(s)
}

// isPooled is isBetweenRequests for connections that were opened from here.
func (set *Set) isPooled(s *slot) bool {
	return s.lane == laneDialled && s.state == slotSession && set.isBetweenRequests(s)
}

// isSilent reports whether the connection has sent nothing for one second and more since it was
// opened.
func (set *Set) isSilent(s *slot) bool {
	switch s.state {
	case slotFresh:
		return set.atRest(s) && set.isOld(s)
	case slotHello, slotAnnounced:
		return s.rec < 0 && set.isOld(s)
	}
	return false
}

// isHalfHello reports whether it has sent a part of its hello, or of the header before that, and
// had as much time for the rest.
func (set *Set) isHalfHello(s *slot) bool {
	switch {
	case s.rec < 0 || s.state != slotHello && s.state != slotAnnounced:
		return false
	case s.state == slotHello && set.records.at(s.rec).what.(*hello).waits:
		return false
	}
	return set.isOld(s)
}

// isOld reports whether one that has just been opened was so for one second and more.
func (set *Set) isOld(s *slot) bool {
	limit := set.firstByte(s)
	opened := s.die - limit - 1
	return limit > 0 && set.loop.Second()-opened >= 2
}

// firstByte is how many seconds a connection that has just been opened, or has its Layer, may say
// nothing; 0: any number.
func (set *Set) firstByte(s *slot) uint32 {
	switch s.state {
	case slotHello, slotAnnounced:
		return set.eng.lanes[s.lane].handshake
	}
	return set.eng.firstByte
}

// giveUp closes a batch of the connections for which may holds. Those of which half a request is
// there are no idle ones, nor are those that have sent something of which the loop has not heard
// yet.
func (set *Set) giveUp(may func(s *slot) bool) (n int) {
	visit := func(fd int32) bool {
		s := &set.slots[fd]
		if may(s) && !set.readable(s) && !set.unseen(fd) {
			set.killSlot(fd, s, transport.ErrGone)
			set.counts.GivenUp++
			n++
		}
		return n < giveUpBatch
	}
	set.wheel.inOrder(visit)
	for fd := range set.owned.all() {
		if n == giveUpBatch {
			break
		}
		if set.slots[fd].bucket == noBucket { // it never expires, so it is not on the wheel
			visit(fd)
		}
	}
	return n
}

// askOthers lets the other loops look for what they can give up.
func (set *Set) askOthers() {
	for _, o := range set.eng.sets {
		if o != set {
			o.loop.Post(o.relieve)
		}
	}
}

// relieve makes room and accepts: the loop that has asked has paused.
func (set *Set) relieve() {
	if set.phase != phaseServe || set.giveUpIdle() == 0 {
		return
	}
	for i, lane := range set.eng.lanes {
		set.accept(uint16(i), lane.fd, acceptBatch)
	}
}
