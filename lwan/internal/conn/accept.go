//go:build linux

package conn

import (
	"log/slog"
	"net/netip"
	"syscall"
	"time"
)

// Every loop watches every listener, unless its poller cannot share them (Poller.shares). Who
// accepts a connection need not be who owns it: the owner follows from the descriptor's number, and
// the acceptor adds it straight to the owner's poller.

const (
	acceptBatch = 64 // connections accepted before other events have their turn
	// after the process ran out of descriptors, unless one is closed before
	acceptPause = 100 * time.Millisecond

	acceptTries = 8 // errors of which none was for want of descriptors, in a row
	// the pause after them; each is twice as long as the one before,
	acceptFirst = 5 * time.Millisecond
	acceptLast  = time.Second // until one succeeds
)

// handleListener is for an event of a listener.
func (set *Set) handleListener(lane int) {
	if lanes := set.eng.lanes; lane < len(lanes) && set.phase == phaseServe {
		set.accept(uint16(lane), lanes[lane].fd, acceptBatch)
	}
}

// accept takes up to n of those who wait.
func (set *Set) accept(lane uint16, lfd, n int) {
	tries := 0
	for range n {
		fd, e := set.kernel.Accept(lfd, &set.from)
		switch e {
		case 0:
			tries, set.backoff = 0, 0
			if set.eng.lanes[lane].boundEach {
				boundUnsent(fd)
			}
			set.assign(fd, lane)
		case syscall.EAGAIN:
			return
		case syscall.EINTR, syscall.ECONNABORTED:
		case syscall.EMFILE, syscall.ENFILE:
			if set.giveUpIdle() == 0 {
				set.askOthers()
				set.backoff = 0
				set.pauseAccept(e, acceptPause)
				return
			}
		case syscall.ENOBUFS, syscall.ENOMEM:
			set.backoff = 0
			set.pauseAccept(e, acceptPause)
			return
		// a network error of the connection that was to come (accept(2)): the next one may be fine
		default:
			if tries++; tries == acceptTries {
				set.acceptFails(lane, e)
				return
			}
		}
	}
}

// acceptFails is for errors that do not end: the listener is left alone for a while, which grows.
// At the end of the engine nobody waits for it to recover.
func (set *Set) acceptFails(lane uint16, e syscall.Errno) {
	set.eng.repeats.Say(set.eng.log, "accept "+e.Error(), slog.LevelError, "conn: accept fails",
		"listener", lane, "err", e)
	if set.phase == phaseServe {
		set.backoff = min(max(2*set.backoff, acceptFirst), acceptLast)
		set.pauseAccept(e, set.backoff)
	}
}

// assign gives a new connection to its owner.
func (set *Set) assign(fd int, lane uint16) {
	eng := set.eng
	if fd >= len(set.slots) {
		set.reject(fd, "descriptor beyond the slot table")
		return
	}
	if eng.maxConns > 0 && eng.conns() >= int64(eng.maxConns) {
		set.refuse(fd, lane)
		return
	}
	gen := set.slots[fd].generation()
	eng.peers[fd].set(gen, &set.from)
	if eng.addrs != nil {
		peer, l := eng.peers[fd].addrPort(gen).Addr(), eng.lanes[lane]
		if l.announced != nil && l.announced(peer) {
			peer = netip.Addr{} // that of its client is counted, when that is known: arrive
		}
		if !eng.addrs.enter(fd, lane, peer) {
			set.refuse(fd, lane)
			return
		}
	}
	owner := eng.owner(fd)
	owner.conns.Add(1)
	if e := owner.poller.Add(fd, eventData(fd, lane, gen)); e != 0 {
		owner.conns.Add(-1)
		if eng.addrs != nil {
			eng.addrs.leave(fd)
		}
		set.reject(fd, "watch it: "+e.Error())
	}
}

// maxRefused is how many refused connections are waited for at a time. Beyond it they are closed at
// once: a flood must not hold descriptors that are needed.
const maxRefused = 128

// refuse answers a connection over a limit, and closes it so that the peer can read why, even if
// its request is on the way already. The loop that has accepted it owns it, so that nobody else has
// to be told.
func (set *Set) refuse(fd int, lane uint16) {
	// else its peer could not read what is in the clear
	if l := set.eng.lanes[lane]; l.security == nil && !l.bare {
		set.eng.protocol.Refuse(fd)
	}
	s := &set.slots[fd]
	gen := s.generation()
	if set.eng.refused.Add(1) > maxRefused || set.poller.Add(fd, eventData(fd, lane, gen)) != 0 {
		set.eng.refused.Add(-1)
		set.reject(fd, "")
		return
	}
	set.counts.Rejected++
	set.refused++
	set.own(int32(fd), s, lane, slotRefused)
	set.startLinger(int32(fd), s)
}

// reject closes a connection that nobody will serve.
func (set *Set) reject(fd int, why string) {
	set.counts.Rejected++
	if why != "" {
		set.eng.repeats.Say(set.eng.log, why, slog.LevelWarn, "conn: connection refused", "fd", fd,
			"why", why)
	}
	set.kernel.Close(fd)
}

// owner chooses the loop of a descriptor: neighbours in a cache line go to the same one. A loop
// that is stalled, or has clearly more connections than the least loaded, is passed over for that
// one.
func (e *Engine) owner(fd int) *Set {
	set := e.sets[((fd-1)/2)%len(e.sets)]
	if len(e.sets) == 1 {
		return set
	}
	least, low := set, int64(1<<62)
	for _, o := range e.sets {
		if n := o.conns.Load(); n < low && !o.loop.Stalled() {
			least, low = o, n
		}
	}
	if set.loop.Stalled() || set.conns.Load() > low+max(2, low*12/100) {
		return least
	}
	return set
}

// pauseAccept makes the poller forget the listeners: they are level-triggered, and without a free
// descriptor each poll would only tell again what cannot be helped. Connections that are open go
// on.
func (set *Set) pauseAccept(e syscall.Errno, d time.Duration) {
	if set.paused.Set() {
		return
	}
	set.eng.repeats.Say(set.eng.log, "paused", slog.LevelWarn,
		"conn: accepting is paused", "loop", set.id, "err", e)
	set.counts.Pauses++
	if set.phase == phaseServe {
		set.watchListeners(false)
	}
	set.paused.Fire = set.resumeAccept
	set.loop.Set(&set.paused, set.loop.At(d))
}

func (set *Set) resumeAccept() {
	set.loop.Stop(&set.paused)
	switch set.phase {
	case phaseServe:
		set.watchListeners(true)
	case phaseDrain:
		set.lastCall()
	}
}

// descriptorFreed lets the loop that closed one accept again at once, if that was what it waited
// for.
func (set *Set) descriptorFreed() {
	if set.paused.Set() && set.backoff == 0 {
		set.resumeAccept()
	}
}

// watchListeners makes the poller watch the listeners, or forget them. Where pollers cannot share
// them the first loop accepts for all.
func (set *Set) watchListeners(on bool) {
	if set.id > 0 && !set.poller.Shares() {
		return
	}
	for i, lane := range set.eng.lanes {
		var e syscall.Errno
		if on {
			e = set.poller.AddListener(lane.fd, eventData(i, laneInternal, 0))
		} else {
			e = set.poller.Remove(lane.fd)
		}
		if e != 0 && e != syscall.EEXIST && e != syscall.ENOENT {
			set.eng.log.Error("conn: watch a listener", "on", on, "err", e)
		}
	}
}
