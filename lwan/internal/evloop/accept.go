//go:build linux

package evloop

import (
	"log/slog"
	"syscall"
	"time"
)

// Every loop watches every listener, unless its poller cannot share them (Poller.shares). Who accepts a connection need not
// be who owns it: the owner follows from the descriptor's number, and the acceptor adds it straight to the owner's poller.

const (
	acceptBatch = 64                     // connections accepted before other events have their turn
	acceptPause = 100 * time.Millisecond // after the process ran out of descriptors, unless one is closed before

	acceptTries = 8                    // errors of which none was for want of descriptors, in a row
	acceptFirst = 5 * time.Millisecond // the pause after them; each is twice as long as the one before,
	acceptLast  = time.Second          // until one succeeds
)

// handleListener is for an event of a listener.
func (l *Loop) handleListener(lane int) {
	if lanes := l.eng.lanes; lane < len(lanes) && l.phase == phaseServe {
		l.accept(uint16(lane), lanes[lane].fd, acceptBatch)
	}
}

// accept takes up to n of those who wait.
func (l *Loop) accept(lane uint16, lfd, n int) {
	tries := 0
	for range n {
		fd, e := l.kernel.accept(lfd, &l.from)
		switch e {
		case 0:
			tries, l.backoff = 0, 0
			if l.eng.lanes[lane].boundEach {
				boundUnsent(fd)
			}
			l.assign(fd, lane)
		case syscall.EAGAIN:
			return
		case syscall.EINTR, syscall.ECONNABORTED:
		case syscall.EMFILE, syscall.ENFILE:
			if l.giveUpIdle() == 0 {
				l.askOthers()
				l.backoff = 0
				l.pauseAccept(e, acceptPause)
				return
			}
		case syscall.ENOBUFS, syscall.ENOMEM:
			l.backoff = 0
			l.pauseAccept(e, acceptPause)
			return
		default: // a network error of the connection that was to come (accept(2)): the next one may be fine
			if tries++; tries == acceptTries {
				l.acceptFails(lane, e)
				return
			}
		}
	}
}

// acceptFails is for errors that do not end: the listener is left alone for a while, which grows. At the end of the engine
// nobody waits for it to recover.
func (l *Loop) acceptFails(lane uint16, e syscall.Errno) {
	l.eng.repeats.Say(l.eng.log, "accept "+e.Error(), slog.LevelError, "evloop: accept fails", "listener", lane, "err", e)
	if l.phase == phaseServe {
		l.backoff = min(max(2*l.backoff, acceptFirst), acceptLast)
		l.pauseAccept(e, l.backoff)
	}
}

// assign gives a new connection to its owner.
func (l *Loop) assign(fd int, lane uint16) {
	eng := l.eng
	if fd >= len(l.slots) {
		l.reject(fd, "descriptor beyond the slot table")
		return
	}
	if eng.maxConns > 0 && eng.conns() >= int64(eng.maxConns) {
		l.refuse(fd, lane)
		return
	}
	gen := l.slots[fd].generation()
	eng.peers[fd].set(gen, &l.from)
	if eng.addrs != nil && !eng.addrs.enter(fd, eng.peers[fd].addrPort(gen).Addr()) {
		l.refuse(fd, lane)
		return
	}
	owner := eng.owner(fd)
	owner.conns.Add(1)
	if e := owner.poller.add(fd, eventData(fd, lane, gen)); e != 0 {
		owner.conns.Add(-1)
		if eng.addrs != nil {
			eng.addrs.leave(fd)
		}
		l.reject(fd, "watch it: "+e.Error())
	}
}

// maxRefused is how many refused connections are waited for at a time. Beyond it they are closed at once: a flood must not
// hold descriptors that are needed.
const maxRefused = 128

// refuse answers a connection over a limit, and closes it so that the peer can read why, even if its request is on the
// way already. The loop that has accepted it owns it, so that nobody else has to be told.
func (l *Loop) refuse(fd int, lane uint16) {
	l.eng.protocol.Refuse(fd)
	s := &l.slots[fd]
	gen := s.generation()
	if l.eng.refused.Add(1) > maxRefused || l.poller.add(fd, eventData(fd, lane, gen)) != 0 {
		l.eng.refused.Add(-1)
		l.reject(fd, "")
		return
	}
	l.counts.Rejected++
	l.refused++
	l.own(int32(fd), s, lane, slotRefused)
	l.startLinger(int32(fd), s)
}

// reject closes a connection that nobody will serve.
func (l *Loop) reject(fd int, why string) {
	l.counts.Rejected++
	if why != "" {
		l.eng.repeats.Say(l.eng.log, why, slog.LevelWarn, "evloop: connection refused", "fd", fd, "why", why)
	}
	l.kernel.close(fd)
}

// owner chooses the loop of a descriptor: neighbours in a cache line go to the same one. A loop that is stalled, or has
// clearly more connections than the least loaded, is passed over for that one.
func (e *Engine) owner(fd int) *Loop {
	l := e.loops[((fd-1)/2)%len(e.loops)]
	if len(e.loops) == 1 {
		return l
	}
	least, low := l, int64(1<<62)
	for _, o := range e.loops {
		if n := o.conns.Load(); n < low && !o.stalled.Load() {
			least, low = o, n
		}
	}
	if l.stalled.Load() || l.conns.Load() > low+max(2, low*12/100) {
		return least
	}
	return l
}

// pauseAccept makes the poller forget the listeners: they are level-triggered, and without a free descriptor each
// poll would only tell again what cannot be helped. Connections that are open go on.
func (l *Loop) pauseAccept(e syscall.Errno, d time.Duration) {
	if l.paused.Set() {
		return
	}
	l.eng.repeats.Say(l.eng.log, "paused", slog.LevelWarn, "evloop: accepting is paused", "loop", l.id, "err", e)
	l.counts.Pauses++
	if l.phase == phaseServe {
		l.watchListeners(false)
	}
	l.paused.Fire = l.resumeAccept
	l.timers.add(&l.paused, l.clock()+int64(d))
}

func (l *Loop) resumeAccept() {
	l.timers.remove(&l.paused)
	switch l.phase {
	case phaseServe:
		l.watchListeners(true)
	case phaseDrain:
		l.lastCall()
	}
}

// descriptorFreed lets the loop that closed one accept again at once, if that was what it waited for.
func (l *Loop) descriptorFreed() {
	if l.paused.Set() && l.backoff == 0 {
		l.resumeAccept()
	}
}

// watchListeners makes the poller watch the listeners, or forget them. Where pollers cannot share them the first loop
// accepts for all.
func (l *Loop) watchListeners(on bool) {
	if l.id > 0 && !l.poller.shares() {
		return
	}
	for i, lane := range l.eng.lanes {
		var e syscall.Errno
		if on {
			e = l.poller.addListener(lane.fd, eventData(i, laneInternal, 0))
		} else {
			e = l.poller.remove(lane.fd)
		}
		if e != 0 && e != syscall.EEXIST && e != syscall.ENOENT {
			l.eng.log.Error("evloop: watch a listener", "on", on, "err", e)
		}
	}
}
