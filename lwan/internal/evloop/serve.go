//go:build linux

package evloop

import "golang.org/x/sys/unix"

// handle does what one of the poller's events asks for.
func (l *Loop) handle(w *Worker, ready uint8, token uint64) {
	fd, lane, gen := eventTarget(token)
	if lane == laneInternal {
		l.handleListener(fd)
		return
	}
	s := &l.slots[fd]
	if s.generation() != gen {
		return // of a connection that is closed by now
	}
	if s.state == slotFree {
		l.open(int32(fd), s, lane)
	}
	s.latch |= ready
	if s.latch&latchUrgent != 0 {
		l.killSlot(w, int32(fd), s, ErrGone)
		return
	}
	switch s.state {
	case slotIdle:
		if s.readable() && s.latch&latchTurn == 0 {
			l.serve(w, int32(fd), s)
		}
	case slotBusy:
		l.openGates(s)
	case slotLinger, slotRefused:
		l.linger(int32(fd), s)
	case slotGuest:
		l.records.at(s.rec).guest.Ready(l.handleOf(int32(fd), s))
	}
}

// own makes the loop the owner of a descriptor's slot.
func (l *Loop) own(fd int32, s *slot, lane uint16, state uint8) {
	s.state, s.latch, s.lane, s.owner = state, 0, lane, uint16(l.id)
	s.rec, s.bucket, s.served = -1, noBucket, 0
	l.owned.add(fd)
}

// open takes possession of a connection that another loop has accepted for this one.
func (l *Loop) open(fd int32, s *slot, lane uint16) {
	l.own(fd, s, lane, slotIdle)
	l.counts.Accepted++
	if l.eng.firstByte > 0 {
		l.wheel.arm(fd, l.secondAfter(l.eng.firstByte))
	}
	switch l.phase {
	case phaseDrain:
		l.hurry(fd, s, newcomerSeconds)
	case phaseHard:
		l.close(fd, s)
	}
}

// openGates wakes what waits for what has come.
func (l *Loop) openGates(s *slot) {
	c := l.records.at(s.rec).conn
	if s.readable() {
		l.wake(c.reader)
	}
	if s.latch&(latchOut|latchHup) != 0 {
		l.wake(c.writer)
	}
	c.NoticeHangup()
	l.closeBehind(c)
}

// serve lets w serve the connection, to the end of what it can do now. The worker may park in between.
func (l *Loop) serve(w *Worker, fd int32, s *slot) {
	w.Conn.bind(l, fd, s)
	s.state = slotBusy
	l.busy++
	s.served = max(s.served, 1)
	verdict := w.server.Serve(&w.Conn)
	l.settle(w, verdict)
}

func (c *Conn) bind(l *Loop, fd int32, s *slot) {
	c.loop, c.fd, c.slot, c.gen, c.lane = l, fd, s, s.gen, s.lane
	c.hungUp, c.deaf = false, false
}

// release cuts the tie between worker and connection.
func (c *Conn) release() {
	c.slot, c.fd = nil, -1
	c.cause, c.dead = nil, nil
	c.ReadTimeout, c.WriteTimeout = 0, 0
}

// settle does what Serve wants for the connection.
func (l *Loop) settle(w *Worker, v Verdict) {
	c := &w.Conn
	fd, s := c.fd, c.slot
	if c.dead != nil {
		v = Close
	}
	open := c.open()
	c.release()
	if w.expires {
		w.expires = false
		l.expiring--
	}
	if !open { // it was closed while its worker waited, and counted then
		return
	}
	l.busy--
	if s.rec >= 0 {
		l.records.at(s.rec).conn = nil
	}
	if l.phase >= phaseHard {
		v = Close
	}
	switch v {
	case Close:
		l.close(fd, s)
	case Linger:
		l.startLinger(fd, s)
	case Hand:
		l.handOver(fd, s)
	case Idle:
		l.rest(w, fd, s)
	case Again:
		s.state = slotIdle
		l.queue(fd, s)
	}
}

// handOver leaves the connection to its guest. One that comes while draining is told as the others were.
func (l *Loop) handOver(fd int32, s *slot) {
	s.state = slotGuest
	h, g := l.handleOf(fd, s), l.records.at(s.rec).guest
	g.Ready(h)
	if l.phase == phaseDrain && h.slot() != nil {
		g.Draining(h)
	}
}

// queue gives the connection its next turn after the others. It stands in the queue once, whatever edges come.
func (l *Loop) queue(fd int32, s *slot) {
	if s.latch&latchTurn == 0 {
		s.latch |= latchTurn
		l.ready.push(readyItem{fd: fd, gen: s.gen})
	}
}

// rest puts the connection to sleep until its next edge. One that may still have something to read was stopped short:
// it waits for its turn instead, because no edge will come for what is there already.
func (l *Loop) rest(w *Worker, fd int32, s *slot) {
	s.state = slotIdle
	if s.rec >= 0 && l.records.at(s.rec).kept == nil {
		l.dropRecord(s)
	}
	if s.readable() {
		l.queue(fd, s)
	} else if l.phase >= phaseDrain && s.rec < 0 {
		l.dismissIdle(fd, s)
	}
}

// settleDead cleans up after a worker that died while it served.
func (l *Loop) settleDead(w *Worker, v Verdict) {
	if w.Conn.open() {
		l.settle(w, v)
	}
}

// resumeReady gives a connection or worker that was stopped by a cap its next turn.
func (l *Loop) resumeReady(w *Worker, it readyItem) {
	if it.wt.w != nil {
		l.wake(it.wt)
		return
	}
	s := &l.slots[it.fd]
	if s.generation() != it.gen {
		return
	}
	s.latch &^= latchTurn
	switch s.state {
	case slotIdle:
		l.serve(w, it.fd, s)
	case slotExpired:
		l.serveExpired(w, it.fd, s)
	case slotLinger, slotRefused:
		l.linger(it.fd, s)
	case slotGuest:
		l.records.at(s.rec).guest.Ready(l.handleOf(it.fd, s))
	}
}

// close ends the connection. Everything of it is unlinked and the generation bumped before the descriptor is given
// back: from then on it may be somebody else's.
func (l *Loop) close(fd int32, s *slot) {
	l.wheel.disarm(fd)
	l.dropRecord(s)
	l.owned.remove(fd)
	if s.state == slotRefused {
		l.refused--
		l.eng.refused.Add(-1)
	} else {
		l.counts.Closed++
		l.conns.Add(-1)
	}
	if l.eng.addrs != nil {
		l.eng.addrs.leave(int(fd))
	}
	s.state, s.latch = slotFree, 0
	s.bumpGeneration()
	l.poller.closing(int(fd))
	if e := l.kernel.close(int(fd)); e != 0 && e != unix.EINTR {
		l.eng.log.Error("evloop: close", "fd", fd, "err", e)
	}
	l.descriptorFreed()
}

// killSlot ends whatever the connection is doing.
func (l *Loop) killSlot(w *Worker, fd int32, s *slot, cause error) {
	switch s.state {
	case slotBusy:
		c := l.records.at(s.rec).conn
		c.w.server.Killed(c, cause)
		c.Kill(cause)
		l.closeBehind(c)
	case slotGuest:
		h := l.handleOf(fd, s)
		l.records.at(s.rec).guest.Closed(h, cause)
		h.Close() // unless the guest did
	case slotIdle, slotExpired, slotLinger, slotRefused:
		l.close(fd, s)
	}
}

// sweep closes what has waited too long.
func (l *Loop) sweep(w *Worker) {
	l.wheel.sweep(l.sec, func(fd int32) {
		s := &l.slots[fd]
		switch s.state {
		case slotIdle:
			if l.phase >= phaseDrain && s.served > 0 && s.rec < 0 {
				l.retire(fd, s)
				return
			}
			l.expire(fd, s)
		case slotLinger, slotRefused:
			l.close(fd, s)
		}
	})
	w.runner.pool.trim(l)
}

// expire ends a connection whose time is up. One of which half a request is there is owed an answer, and making that may
// park: so it gets a turn, and whatever comes until then is only latched. Others are closed at once.
func (l *Loop) expire(fd int32, s *slot) {
	l.counts.Expired++
	if s.rec < 0 || l.records.at(s.rec).kept == nil {
		l.close(fd, s)
		return
	}
	s.state = slotExpired
	l.queue(fd, s)
}

// maxExpiring bounds the answers to half requests that wait on a loop: whoever sends half requests must not hold as many
// workers.
const maxExpiring = 64

// serveExpired lets w answer a half request, unless too many of such answers wait.
func (l *Loop) serveExpired(w *Worker, fd int32, s *slot) {
	if l.expiring >= maxExpiring {
		l.close(fd, s)
		return
	}
	w.Conn.bind(l, fd, s)
	s.state = slotBusy
	l.busy++
	l.expiring++
	w.expires = true
	l.settle(w, w.server.Expire(&w.Conn))
}
