//go:build linux

package evloop

// When the process has no descriptor left for a new connection, idle ones are given up for it: a client knows that a
// connection may be closed between two requests, and opens another one (RFC 9112 section 9.5). Those come first whose
// time comes first. Where there are none, the ones that were opened long enough ago and have never said anything; then those
// that linger, whose last answer has left and may have been read.

// giveUpBatch is how many are given up at a time: some, so that not each accept has to look for one.
const giveUpBatch = 16

// giveUpIdle closes some of the loop's idle connections, and returns how many.
func (l *Loop) giveUpIdle() int {
	if n := l.giveUp(isBetweenRequests); n > 0 {
		return n
	}
	if n := l.giveUp(l.isSilent); n > 0 {
		return n
	}
	return l.giveUp(func(s *slot) bool { return s.state == slotLinger })
}

func isBetweenRequests(s *slot) bool { return s.state == slotIdle && s.served > 0 }

// isSilent reports whether the connection has sent nothing for one second and more since it was opened.
func (l *Loop) isSilent(s *slot) bool {
	opened := s.die - l.eng.firstByte - 1
	return l.eng.firstByte > 0 && s.state == slotIdle && s.served == 0 && l.sec-opened >= 2
}

// giveUp closes a batch of the connections for which may holds. Those of which half a request is there are no idle ones,
// nor are those that have sent something of which the loop has not heard yet.
func (l *Loop) giveUp(may func(s *slot) bool) (n int) {
	visit := func(fd int32) bool {
		if s := &l.slots[fd]; may(s) && s.rec < 0 && !s.readable() && !l.unseen(fd) {
			l.close(fd, s)
			l.counts.GivenUp++
			n++
		}
		return n < giveUpBatch
	}
	l.wheel.inOrder(visit)
	for fd := range l.owned.all() {
		if n == giveUpBatch {
			break
		}
		if l.slots[fd].bucket == noBucket { // it never expires, so it is not on the wheel
			visit(fd)
		}
	}
	return n
}

// askOthers lets the other loops look for what they can give up.
func (l *Loop) askOthers() {
	for _, o := range l.eng.loops {
		if o != l {
			o.Do(o.relieve)
		}
	}
}

// relieve makes room and accepts: the loop that has asked has paused.
func (l *Loop) relieve() {
	if l.phase != phaseServe || l.giveUpIdle() == 0 {
		return
	}
	for i, lane := range l.eng.lanes {
		l.accept(uint16(i), lane.fd, acceptBatch)
	}
}
