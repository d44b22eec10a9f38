//go:build linux

package conn

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// Set is the connections of one loop. It is what the loop turns for (loop.Driver): an event finds
// its slot, and the slot's state says whose it is.
type Set struct {
	// constant after Start
	eng    *Engine
	loop   *loop.Loop
	id     int // of the loop
	kernel Kernel
	poller loop.Poller
	slots  []slot // of all loops, by descriptor

	// owned by the loop's runner
	owned    bitset // the descriptors of its open connections
	records  records
	wheel    wheel
	counts   Counts
	busy     int        // connections under service
	expiring int        // half requests that are answered because their time is up
	refused  int        // connections that linger behind a refusal; they are no part of conns
	dialled  int        // connections that were opened from here; nor are they
	paused   loop.Timer // set while accepting is paused
	// of accepting, after errors that do not end; 0: the last one succeeded, or lacked descriptors
	backoff time.Duration
	phase   phase         // how far the shutdown is
	from    Sockaddr      // of the connection that was accepted last
	iov     [2]unix.Iovec // arguments of Writev and Sendfile: here they cost no allocation
	fileAt  int64
	cached  pageCache

	// of connections with a Layer: each buffer is used up before its user returns
	opens, seals, file []byte
	shaking            int      // connections whose handshake has not ended
	line               []uint64 // of those, who wait for its begin, by their tokens
	called             bool     // the line has its turn

	// atomic
	conns     atomic.Int64 // added to by whoever accepts, taken from by the owner
	starved   atomic.Bool  // the line waits for the end of a handshake, of whatever loop
	published publishedCounts
}

// Event implements loop.Driver: it does what one of the poller's events asks for.
func (set *Set) Event(w *loop.Worker, ev loop.Event) {
	fd, lane, gen := eventTarget(ev.Token)
	if lane == laneInternal {
		set.handleListener(fd)
		return
	}
	s := &set.slots[fd]
	if s.generation() != gen {
		return // of a connection that is closed by now
	}
	if s.state == slotFree {
		set.open(int32(fd), s, lane)
	}
	s.latch |= ev.Ready
	if s.latch&loop.Urgent != 0 {
		if s.lane != laneDialled {
			set.killSlot(int32(fd), s, transport.ErrGone)
			return
		}
		s.latch &^= loop.Urgent // what a backend marks as urgent is no reason to lose its answer
	}
	if ev.Ready&loop.Out != 0 && s.rec >= 0 {
		set.flush(int32(fd), s)
	}
	switch s.state {
	case slotFresh, slotIdle:
		if s.readable() && s.latch&latchTurn == 0 {
			set.serve(w, int32(fd), s, Readable)
		}
	case slotAnnounced:
		set.hear(w, int32(fd), s)
	case slotHello:
		set.greet(int32(fd), s)
	case slotBusy:
		set.openGates(s)
	case slotSession:
		set.tell(s)
	case slotLinger, slotRefused:
		set.linger(int32(fd), s)
	case slotHeld:
		set.openHeld(s)
	}
}

// Turn implements loop.Driver, for a connection that queue has put in line.
func (set *Set) Turn(w *loop.Worker, token uint64) {
	if token == lineToken {
		set.nextHandshake(w)
		return
	}
	fd, _, gen := eventTarget(token)
	s := &set.slots[fd]
	if s.generation() != gen {
		return
	}
	s.latch &^= latchTurn
	switch s.state {
	case slotFresh, slotIdle:
		set.serve(w, int32(fd), s, Readable)
	case slotExpired:
		set.serveExpired(w, int32(fd), s)
	case slotSession:
		set.turn(s)
	case slotLinger, slotRefused:
		set.linger(int32(fd), s)
	}
}

// queue gives the connection its next turn after the others. It stands in the queue once, whatever
// edges come.
func (set *Set) queue(fd int32, s *slot) {
	set.loop.MustOwn()
	if s.latch&latchTurn == 0 {
		s.latch |= latchTurn
		set.loop.Queue(s.token(fd))
	}
}

// own makes the loop the owner of a descriptor's slot.
func (set *Set) own(fd int32, s *slot, lane uint16, state slotState) {
	set.loop.MustOwn()
	s.state, s.latch, s.lane, s.owner = state, 0, lane, uint16(set.id)
	s.rec, s.bucket, s.count = -1, noBucket, 0
	set.owned.add(fd)
}

// open takes possession of a connection that another loop has accepted for this one.
func (set *Set) open(fd int32, s *slot, lane uint16) {
	set.own(fd, s, lane, slotFresh)
	set.counts.Accepted++
	switch l := set.eng.lanes[lane]; {
	case l.announced != nil && l.announced(set.connOf(fd, s).Peer().Addr()):
		s.state = slotAnnounced
	case l.security != nil:
		set.expectHello(s)
	default:
		set.begun(fd, s)
	}
	if limit := set.firstByte(s); limit > 0 {
		set.wheel.arm(fd, set.secondAfter(limit))
	}
	switch set.phase {
	case phaseDrain:
		set.hurry(fd, s, newcomerSeconds)
	case phaseHard:
		set.close(fd, s)
	}
}

// close ends the connection. Everything of it is unlinked and the generation bumped before the
// descriptor is given back: from then on it may be somebody else's.
func (set *Set) close(fd int32, s *slot) {
	set.loop.MustOwn()
	set.missHello(s)
	set.wheel.disarm(fd)
	set.dropRecord(s)
	set.owned.remove(fd)
	switch {
	case s.state == slotRefused:
		set.refused--
		set.eng.refused.Add(-1)
	case s.lane == laneDialled:
		set.dialled--
	default:
		set.counts.Closed++
		set.conns.Add(-1)
	}
	if set.eng.addrs != nil {
		set.eng.addrs.leave(int(fd))
	}
	s.state, s.latch = slotFree, 0
	s.bumpGeneration()
	set.poller.Closing(int(fd))
	if e := set.kernel.Close(int(fd)); e != 0 && e != unix.EINTR {
		set.eng.log.Error("conn: close", "fd", fd, "err", e)
	}
	set.descriptorFreed()
}

// killSlot ends whatever the connection is doing.
func (set *Set) killSlot(fd int32, s *slot, cause error) {
	switch s.state {
	case slotBusy:
		t := set.records.at(s.rec).at.task
		t.Kill(cause)
		closeBehind(t, s)
	case slotSession:
		set.endSession(s, cause)
	case slotFresh, slotIdle:
		if set.atRest(s) {
			set.part(fd, s)
			return
		}
		set.close(fd, s)
	default:
		set.close(fd, s)
	}
}

// Sweep implements loop.Driver: it ends what has waited too long.
func (set *Set) Sweep() {
	set.wheel.sweep(set.loop.Second(), func(fd int32) {
		s := &set.slots[fd]
		switch s.state {
		case slotFresh, slotIdle:
			if set.phase >= phaseDrain && s.state == slotIdle && set.atRest(s) {
				set.retire(fd, s)
				return
			}
			set.expire(fd, s)
		case slotSession:
			set.records.at(s.rec).expired = true
			set.queue(fd, s)
		case slotHello, slotAnnounced:
			set.counts.Expired++
			set.close(fd, s)
		case slotLinger, slotRefused:
			set.close(fd, s)
		}
	})
}

// Sweeps implements loop.Driver.
func (set *Set) Sweeps() bool { return set.wheel.count > 0 }

// secondAfter is the first second of the expiry wheel in which n whole seconds are sure to have
// passed.
func (set *Set) secondAfter(n uint32) uint32 { return set.loop.Second() + n + 1 }

// expire ends a connection whose time is up. One of which half a request is there is owed an
// answer, and making that may park: so it gets a turn, and whatever comes until then is only
// latched. Others are closed at once.
func (set *Set) expire(fd int32, s *slot) {
	set.counts.Expired++
	if set.atRest(s) {
		set.part(fd, s)
		return
	}
	s.state = slotExpired
	set.queue(fd, s)
}

// Over implements loop.Driver: nothing is open, and nothing more comes. A connection that another
// loop has just assigned is not known here yet, but it is counted, and no loop accepts any more.
func (set *Set) Over() bool {
	return set.refused == 0 && set.dialled == 0 && set.eng.serving.Load() == 0 &&
		set.conns.Load() == 0
}

// Publish implements loop.Driver.
func (set *Set) Publish() { set.published.publish(set) }
