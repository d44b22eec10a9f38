//go:build linux && !golwan_nethttp

package h2

import (
	"math/bits"

	"github.com/golwan/golwan/lwan/internal/h2frame"
)

// order is who writes next, of the streams that wait for room on the connection: in its window, or
// in out. Those that wait for a window of their own are not in it. There is a list for each urgency
// (RFC 9218 section 10), and one of them has its turn at a time.
//
//	writing ──no room, or others wait──▶ listed ──pump──▶ turn ──quantum | send returns──▶ writing
type order struct {
	lists [8]struct{ head, tail *stream }
	mask  uint8   // bit u: somebody is in lists[u]
	turn  *stream // was told to go on, and has not yet; nil: nobody
}

// What a stream writes before others of its urgency have a turn: an incremental answer is of use
// piece by piece, another one only as a whole.
const (
	quantumIncremental = 16 << 10
	quantumWhole       = 256 << 10
)

func (st *stream) newQuantum() {
	if st.quantum = quantumWhole; st.urgency.Incremental {
		st.quantum = quantumIncremental
	}
}

// add puts st at the end of its list; at its beginning, if it has the turn, and only lacks room.
func (o *order) add(st *stream) {
	first := o.turn == st
	if first {
		o.turn = nil
	}
	if st.listed {
		return
	}
	st.listed, st.next, st.level = true, nil, st.urgency.Level&7
	l := &o.lists[st.level]
	switch {
	case l.tail == nil:
		l.head, l.tail = st, st
	case first:
		st.next, l.head = l.head, st
	default:
		l.tail.next, l.tail = st, st
	}
	o.mask |= 1 << st.level
}

// remove takes st out of its list.
func (o *order) remove(st *stream) {
	if !st.listed {
		return
	}
	l := &o.lists[st.level]
	var before *stream
	for at := l.head; at != st; at = at.next {
		before = at
	}
	if before == nil {
		l.head = st.next
	} else {
		before.next = st.next
	}
	if l.tail == st {
		l.tail = before
	}
	if l.head == nil {
		o.mask &^= 1 << st.level
	}
	st.listed, st.next = false, nil
}

// move changes how urgent st is.
func (o *order) move(st *stream, to h2frame.Urgency) {
	listed := st.listed
	o.remove(st)
	if st.urgency = to; listed {
		o.add(st)
	}
}

// forget takes st out of everything.
func (o *order) forget(s *session, st *stream) {
	o.remove(st)
	o.pass(s, st)
}

// pass ends the turn of st, if it has it.
func (o *order) pass(s *session, st *stream) {
	if o.turn == st {
		o.turn = nil
		o.pump(s)
	}
}

// taken reports whether somebody has the turn who can use it: a worker behind a stuck thread
// cannot, and asks again when it can.
func (o *order) taken() bool {
	if o.turn != nil && o.turn.r != nil && o.turn.r.t.Worker().Behind() {
		o.turn = nil
	}
	return o.turn != nil
}

// mayWrite reports whether it is the turn of st: nobody waits who is as urgent.
func (o *order) mayWrite(st *stream) bool {
	if o.turn == st {
		if st.quantum > 0 || !o.waits(st) {
			return true
		}
		o.turn = nil
		return false
	}
	return !o.taken() && !o.waits(st)
}

// waits reports whether somebody waits who is as urgent as st.
func (o *order) waits(st *stream) bool {
	return o.mask != 0 && uint8(bits.TrailingZeros8(o.mask)) <= st.urgency.Level
}

// pump gives the next one its turn, if there is room.
func (o *order) pump(s *session) {
	for o.mask != 0 && s.phase != over && !s.full() && !o.taken() {
		st := o.lists[bits.TrailingZeros8(o.mask)].head
		if s.sendWindow < st.least {
			return
		}
		if o.remove(st); st.quantum <= 0 {
			st.newQuantum()
		}
		switch {
		case st.pipe != nil:
			o.turn = st
			st.pipe.ready()
			if o.turn == st {
				o.turn = nil
			}
		case st.wide():
			o.turn = st
			st.room.Open()
		} // else it waits for its own window
	}
}

// leastPiece is what a window has to be open for, if there is as much: a client that tells of each
// small piece that it has read would be sent smaller and smaller ones.
const leastPiece = 1 << 10

// wide reports whether the stream's own window is open wide enough. One that is small by settings
// need not be open for more than half of that.
func (st *stream) wide() bool { return st.send >= max(min(st.least, st.s.peer.Window/2), 1) }

// room is how much of st may be framed at once, of want bytes; 0: nothing.
func (s *session) room(st *stream, want int) int {
	st.least = int64(min(want, leastPiece))
	if s.full() || s.sendWindow < st.least || !st.wide() {
		return 0
	}
	return min(int(min(st.send, s.sendWindow, h2frame.MaxFrame)), want)
}

// frame appends a DATA frame. There is room for it; whole says that it is not that which makes it
// as small as it is. A client may then tell, in as small updates, that it has read it.
func (s *session) frame(st *stream, p []byte, whole, end bool) {
	if whole || len(p) >= tinyUpdate {
		s.calm.updates = min(s.calm.updates+2, maxUpdates)
	}
	flags := uint8(0)
	if end {
		flags = h2frame.EndStream
		st.sent = true
	}
	s.out = append(h2frame.AppendHeader(s.buffer(), h2frame.Data, flags, st.id, len(p)), p...)
	st.send -= int64(len(p))
	s.sendWindow -= int64(len(p))
	s.sent += uint64(len(p))
	st.quantum -= len(p)
}
