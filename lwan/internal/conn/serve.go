//go:build linux

package conn

import (
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// seat is a worker's place at the connections: which one it serves. It implements loop.Seat.
type seat struct {
	set     *Set
	w       *loop.Worker
	conn    Conn // the one that is served; zero: none
	waits   waits
	expires bool // its time is up, and it gets the answer to half a request
	shakes  bool // it is in its handshake, and no handler runs

	// what it concludes, after others that have died of it
	deaths int
	state  any // the first one's
}

// maxDeaths bounds how many workers one conclusion may cost: each goes on behind where the one
// before has died, so there are few.
const maxDeaths = 64

// NewSeat implements loop.Driver.
func (set *Set) NewSeat(w *loop.Worker) loop.Seat {
	w.State = set.eng.protocol.NewState(w)
	return &seat{set: set, w: w, waits: waits{task: &w.Task}}
}

// seatOf is the place of a task's worker.
func seatOf(t *loop.Task) *seat { return t.Worker().Seat().(*seat) }

// serve lets w serve the connection, to the end of what it can do now. The worker may park in
// between.
func (set *Set) serve(w *loop.Worker, fd int32, s *slot, why Why) {
	if s.state == slotFresh {
		why = First
	}
	c := set.begin(w, fd, s)
	set.settle(w, set.eng.protocol.Serve(w, c, why))
}

// begin ties w to the connection.
func (set *Set) begin(w *loop.Worker, fd int32, s *slot) Conn {
	set.loop.MustOwn()
	c := set.connOf(fd, s)
	seatOf(&w.Task).conn = c
	s.state = slotBusy
	set.busy++
	return c
}

// maxExpiring bounds the answers to half requests that wait on a loop: whoever sends half requests
// must not hold as many workers.
const maxExpiring = 64

// serveExpired lets w answer a half request, unless too many of such answers wait.
func (set *Set) serveExpired(w *loop.Worker, fd int32, s *slot) {
	if set.expiring >= maxExpiring {
		set.close(fd, s)
		return
	}
	set.expiring++
	seatOf(&w.Task).expires = true
	set.serve(w, fd, s, Expired)
}

// leave cuts the tie between a worker and its connection, and returns the slot; nil: it was closed
// while its worker waited, and counted then, or a session has it.
func (st *seat) leave() (fd int32, s *slot) {
	st.set.loop.MustOwn()
	c := st.conn
	st.conn = Conn{}
	st.waits.open()
	if st.expires {
		st.expires = false
		st.set.expiring--
	}
	return c.fd, c.slot()
}

// settle does what Serve wants for the connection.
func (set *Set) settle(w *loop.Worker, v Verdict) {
	dead := w.Dead() != nil
	fd, s := seatOf(&w.Task).leave()
	w.Reset()
	if s == nil {
		return
	}
	set.busy--
	set.freeRecord(s)
	if dead || set.phase >= phaseHard {
		set.close(fd, s)
		return
	}
	switch v {
	case Linger:
		set.startLinger(fd, s)
	case Idle:
		set.rest(fd, s)
	case Again:
		s.state = slotIdle
		set.queue(fd, s)
	case greeted:
		set.welcome(fd, s)
	default:
		set.part(fd, s)
	}
}

// rest puts the connection to sleep until its next edge. One that may still have something to read
// was stopped short: it waits for its turn instead, because no edge will come for what is there
// already.
func (set *Set) rest(fd int32, s *slot) {
	s.state = slotIdle
	if set.readable(s) {
		set.queue(fd, s)
	} else if set.phase >= phaseDrain && set.atRest(s) {
		set.dismissIdle(fd, s)
	}
}

// Attach implements loop.Seat: events find the connection's task, and a peer that has left before
// anybody waited is told now.
func (st *seat) Attach() {
	s := st.conn.slot()
	if s == nil {
		return
	}
	st.set.record(s).at = &st.waits
	if st.set.left(s) {
		st.w.Cancel(0, transport.ErrGone)
	}
}

// Ended implements loop.Seat: another task that waits for the connection, as one that reads for the
// handler, finds its task ended.
func (st *seat) Ended(till transport.Till) {
	st.waits.in.Open()
	if till >= transport.Killed {
		st.waits.out.Open()
	}
}

// openGates wakes what waits for what has come.
func (set *Set) openGates(s *slot) {
	at := set.records.at(s.rec).at
	if s.readable() {
		at.in.Open()
	}
	if s.writable() {
		at.out.Open()
	}
	if set.left(s) {
		at.task.Cancel(0, transport.ErrGone)
		closeBehind(at.task, s)
	}
}

// closeBehind is for a connection that has been killed, or whose peer has closed its side. If its
// worker is stuck, or behind one that is, nobody can say when it will run: the connection is closed
// in its place. A peer that has half-closed may still get the answer of a stuck handler, and the
// rest of one that is being written, but of no other behind it.
func closeBehind(t *loop.Task, s *slot) {
	w := t.Worker()
	if w.Stuck() && (t.Dead() != nil || s.latch&loop.Hup != 0) || w.Behind() {
		seatOf(t).Behind()
	}
}

// Behind implements loop.Seat: it takes the connection away from a worker that cannot run, if
// nobody is at its other end any more. The worker finds what it waited for ended, whenever it runs,
// and by its generation a connection that is closed.
func (st *seat) Behind() {
	s := st.conn.slot()
	switch {
	case s == nil, st.w.Dead() == nil && st.w.Left() == nil:
		return
	case st.w.Dead() == nil && st.w.Writes() && s.latch&loop.Hup == 0:
		return // it may still read; if it does not, what the kernel sends it is answered by a reset
	}
	st.w.Kill(transport.ErrGone)
	st.set.busy--
	st.set.close(st.conn.fd, s)
}

// Died implements loop.Seat. What is left to do for the connection is done in another worker, which
// may wait. Until then it is busy with a dead task, and can be killed as any other. A second death
// ends the connection at once; what waits for the end of the request is told by a worker that has
// none.
func (st *seat) Died(value any, stack []byte) bool {
	c, state := st.conn, st.state
	if c.set == nil {
		return false
	}
	if st.shakes {
		st.failHandshake()
		return true
	}
	s := c.slot()
	switch {
	case st.deaths == 0:
		state = st.w.State
		if s != nil {
			st.set.record(s).at = &st.waits
		}
	case s != nil:
		st.set.busy--
		st.set.close(c.fd, s)
	}
	if st.deaths >= maxDeaths {
		st.leave()
		return false
	}
	st.set.loop.Run(func(w *loop.Worker) { st.set.conclude(w, st, c, state, value, stack) })
	return true
}

// failHandshake ends the connection of a worker that died in its handshake.
func (st *seat) failHandshake() {
	st.shakes = false
	st.set.shaking--
	st.set.counts.HandshakesFailed++
	if fd, s := st.leave(); s != nil {
		st.set.busy--
		st.set.close(fd, s)
	}
}

// conclude lets w do what is left of what a dead worker served.
func (set *Set) conclude(w *loop.Worker, dead *seat, c Conn, state, value any, stack []byte) {
	dead.leave()
	st := seatOf(&w.Task)
	st.conn, st.deaths, st.state = c, dead.deaths+1, state
	w.Inherit(&dead.w.Task)
	if s := c.slot(); s != nil {
		set.record(s).at = &st.waits
	}
	v := set.eng.protocol.Died(w, c, state, value, stack)
	st.deaths, st.state = 0, nil
	set.settle(w, v)
}

// Rests implements loop.Seat.
func (st *seat) Rests() { st.set.eng.protocol.Rests(st.w) }
