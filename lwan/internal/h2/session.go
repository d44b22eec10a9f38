//go:build linux && !golwan_nethttp

package h2

import (
	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// session is one connection.
//
//	greeting ──preface──▶ settling ──SETTINGS──▶ open
//	open ──Draining | Requests | Answer.Close──▶ leaving ──PING answered | 1 s──▶ left
//	left ──no stream, all written──▶ over        any ──fail | lost | Ended──▶ over
//
//	greeting  nothing but the beginning of the preface has come
//	settling  the client's SETTINGS have not
//	leaving   GOAWAY 2^31-1 is out: what is on its way still counts
//	left      GOAWAY with the last stream is out: later ones are not looked at
//	over      c is not to be used; handlers may still run, and find that out
type session struct {
	p    *Protocol
	home *home
	c    conn.Conn
	lane int

	phase phase
	begun bool // the preface has come
	eof   bool // the client has closed its side
	// the server drains; else it may be leaving by itself, and its guests stay
	drained bool

	// reading
	reading  bool // in the worker that runs the loop: home.buf[pos:end] is this connection's
	pos, end int
	part     []byte // what was read and not looked at, while nobody reads
	fields   *h2frame.Fields
	block    block
	hurried  bool // the time for what is incomplete runs

	// writing
	out        []byte // frames that are not written yet
	writes     uint64 // how often something of it was
	peer       h2frame.Settings
	sendWindow int64
	sent       uint64 // bytes of content
	order      order
	space      loop.Gate // for heads, when out is full

	// of content that comes
	window     int64 // that each stream begins with: the client has acknowledged it
	recvWindow int64 // what the client may send
	recvCredit int64 // what it is not told of yet that it may send again

	streams  []*stream // by number
	handlers int       // of streams that have not ended, guests among them: see count
	guests   int       // of those
	due      int       // guests that are to have a turn
	last     uint32    // the highest stream that is looked at
	highest  uint32    // and that the client has begun: once left, it is ignored if higher
	resets   recent    // streams that were reset from here: more of them may be on its way
	closed   [4]uint32 // that have ended otherwise, the last ones
	requests uint32
	calm     calm
	leaver   loop.Timer // of leaving
}

type phase uint8

const (
	open phase = iota
	leaving
	left
	over
)

var _ transport.Session = (*session)(nil)

// Ready implements transport.Session: a turn of the connection.
func (s *session) Ready(transport.Pipe) {
	if s.phase == over || s.reading {
		return
	}
	s.flush()
	s.runGuests()
	if s.phase == over || !s.read() {
		return
	}
	s.rest()
}

// rest ends a turn: what has gathered is written, and time runs for what the client owes.
func (s *session) rest() {
	if s.flush(); s.phase == over {
		return
	}
	s.order.pump(s)
	if s.phase == over || s.leaveWhenDone() {
		return
	}
	switch {
	case s.handlers > 0:
		s.c.Expire(0)
		s.hurried = false
	case s.calm.settled && len(s.part) == 0 && s.block.stream == 0:
		s.c.Expire(s.p.Idle)
		s.hurried = false
	case !s.hurried: // for the whole of it: what comes later does not move it
		s.c.Expire(s.p.Header)
		s.hurried = true
	}
}

// turnBytes is how much of one connection is read before others have a turn.
const turnBytes = 256 << 10

// read reads frames until there are no more, others shall have a turn, or nothing more can be
// written. It reports false when somebody else goes on, or the connection is over.
func (s *session) read() bool {
	if s.full() {
		return true
	}
	h := s.home
	s.reading = true
	s.pos, s.end = 0, copy(h.buf, s.part)
	s.part = s.part[:0]
	turn := turn{requests: s.p.Turn, bytes: turnBytes}
	for {
		switch s.parse(&turn) {
		case stopped: // there is more, or it cannot be answered now
			s.keep()
			if !s.full() {
				s.c.Again()
			}
			return true
		case apart, ended:
			return false
		}
		n, err := s.fill()
		switch {
		case err == transport.ErrAgain:
			s.keep()
			return true
		case err != nil:
			s.lost()
			return false
		case n == 0:
			s.keep()
			s.halfClosed()
			return s.phase != over
		}
		turn.bytes -= n
	}
}

// fill reads behind what is there of a frame.
func (s *session) fill() (int, error) {
	h := s.home
	if s.pos > 0 {
		s.end = copy(h.buf, h.buf[s.pos:s.end])
		s.pos = 0
	}
	n, err := s.c.TryRead(h.buf[s.end:])
	s.end += max(n, 0)
	return n, err
}

// turn is what is left of one.
type turn struct{ requests, bytes int }

// verdict is how reading goes on.
type verdict uint8

const (
	goOn    verdict = iota // with more bytes
	stopped                // in another turn
	apart                  // in another worker: nothing may be touched
	ended                  // not at all
)

// parse looks at the frames that are there.
func (s *session) parse(t *turn) verdict {
	if !s.begun {
		if v := s.greeted(); !s.begun {
			return v
		}
	}
	for {
		if s.full() {
			if s.flush(); s.phase == over {
				return ended
			}
			if s.full() {
				return stopped
			}
		}
		if t.requests <= 0 || t.bytes <= 0 {
			return stopped
		}
		f, n, bad := h2frame.Parse(s.home.buf[s.pos:s.end])
		switch {
		case bad.Bad() && bad.Stream == 0:
			return s.fail(bad.Code, bad.Reason)
		case n == 0:
			return goOn
		}
		s.pos += n
		before := s.last
		if v := s.handle(&f, bad); v != goOn {
			return v
		}
		if s.last != before {
			t.requests--
		}
	}
}

// greeted takes the preface.
func (s *session) greeted() verdict {
	b := s.home.buf[s.pos:s.end]
	n := min(len(b), len(h2frame.Preface))
	switch {
	case string(b[:n]) != h2frame.Preface[:n]:
		return s.fail(h2frame.ProtocolError, "no preface of HTTP/2")
	case n == len(h2frame.Preface):
		s.begun = true
		s.pos += n
	}
	return goOn
}

// keep takes what was read and not looked at out of the buffer that other connections use.
func (s *session) keep() {
	s.reading = false
	left := s.home.buf[s.pos:s.end]
	if len(left) == 0 {
		s.part = nil
		return
	}
	s.part = append(s.part[:0], left...)
}

// hand lets whoever runs the loop next go on with the connection.
func (s *session) hand() {
	if s.reading {
		s.keep()
	}
	s.c.Again()
}

// kick has written what is to leave soon: with all that others write in this turn.
func (s *session) kick() {
	if !s.reading && s.phase != over {
		s.c.Again()
	}
}

// full reports whether so much is not written yet that nothing more is looked at: whatever the
// client sends, what it is sent for that is bounded.
func (s *session) full() bool { return len(s.out) >= outSize }

// flush writes what the kernel takes.
func (s *session) flush() {
	for len(s.out) > 0 && s.phase != over {
		n, err := s.c.TryWrite(s.out)
		if n > 0 {
			s.writes++
			s.out = s.out[:copy(s.out, s.out[n:])]
		}
		switch {
		case err == transport.ErrAgain:
			s.tellSpace()
			return
		case err != nil:
			s.lost()
			return
		}
	}
	s.tellSpace()
	if s.out != nil && len(s.out) == 0 {
		s.home.giveOut(s.out)
		s.out = nil
	}
}

// tellSpace lets heads go on that wait for room in out.
func (s *session) tellSpace() {
	if !s.full() {
		s.space.Open()
	}
}

// buffer is out, to append to.
func (s *session) buffer() []byte {
	if s.out == nil {
		s.out = s.home.takeOut()
	}
	return s.out
}

// count changes how many streams there are, how many of them guests have, and what the loop counts.
func (s *session) count(streams, guests int) {
	n := s.home.loop.Counts()
	add := func(by int64) {
		if s.handlers > 0 {
			n[transport.CountBusy] += by
		}
		if s.handlers > s.guests {
			n[transport.CountActive] += by
		}
	}
	add(-1)
	s.handlers += streams
	s.guests += guests
	add(1)
	n[transport.CountGuests] += int64(guests)
}

// find returns a stream that has not ended.
func (s *session) find(id uint32) *stream {
	low, high := 0, len(s.streams)
	for low < high {
		if middle := (low + high) / 2; s.streams[middle].id < id {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < len(s.streams) && s.streams[low].id == id {
		return s.streams[low]
	}
	return nil
}
