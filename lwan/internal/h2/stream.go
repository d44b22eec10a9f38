//go:build linux && !golwan_nethttp

package h2

import (
	"io"

	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// stream is one stream, from its head until its handler, or the session that has taken it, has
// ended. What the client has done to it meanwhile says:
//
//	open ──END_STREAM──▶ ended     open, ended ──RST_STREAM of either side──▶ reset
//
//	ended  nothing more comes; the answer goes on
//	reset  nothing more comes, and nothing is sent
type stream struct {
	s    *session
	id   uint32
	r    *runner // of its handler; nil: a guest has it
	pipe *pipe   // of the guest

	ended, reset bool
	byClient     bool // it was reset by its client, who sends nothing for it any more
	over         bool // it is in no session any more

	// content that comes
	recv    int64 // what the client may send
	credit  int64 // what it is not told of yet that it may send again
	left    int64 // of the Content-Length; -1: there is none
	body    []byte
	pos     int // body[pos:] is to be read
	trailer []transport.Field
	in      loop.Gate
	read    bool // something was: the client does not wait for 100 (Continue)
	readers int  // that wait for it, or are about to go on: until then it is not used again

	// the answer
	send    int64
	least   int64 // that the windows have to be open for
	sent    bool  // END_STREAM was
	urgency h2frame.Urgency
	room    loop.Gate
	listed  bool // in order
	level   uint8
	quantum int
	next    *stream // in order, or in home.free
}

// begin makes a stream.
func (s *session) begin(id uint32, end bool) *stream {
	st := s.home.free
	if st == nil {
		st = new(stream)
	} else {
		s.home.free = st.next
	}
	*st = stream{
		s: s, id: id, ended: end, recv: s.window, left: -1, send: s.peer.Window,
		urgency: h2frame.DefaultUrgency(), body: st.body[:0], trailer: st.trailer[:0],
	}
	s.streams = append(s.streams, st)
	s.count(1, 0)
	return st
}

// drop takes a stream out that is over. It is used again, unless somebody still reads it.
func (s *session) drop(st *stream) {
	s.order.forget(s, st)
	for i, other := range s.streams {
		if other == st {
			s.streams = append(s.streams[:i], s.streams[i+1:]...)
			break
		}
	}
	if st.pipe != nil {
		s.count(-1, -1)
	} else {
		s.count(-1, 0)
	}
	if !st.reset || st.byClient {
		copy(s.closed[1:], s.closed[:])
		s.closed[0] = st.id
	}
	s.credit(len(st.body) - st.pos)
	st.over, st.r, st.pipe = true, nil, nil
	if st.in.Open(); st.readers > 0 {
		return
	}
	if cap(st.body) > keptHead {
		st.body = nil
	}
	clear(st.trailer)
	st.next, s.home.free = s.home.free, st
}

// take takes content: length bytes as flow control counts them.
func (st *stream) take(p []byte, length int, end bool) h2frame.Code {
	if st.recv -= int64(length); st.recv < 0 {
		return h2frame.FlowControlError
	}
	if st.left >= 0 {
		st.left -= int64(len(p))
		if st.left < 0 || end && st.left > 0 { // RFC 9113 section 8.1.1
			return h2frame.ProtocolError
		}
	}
	if len(p) > 0 {
		st.append(p)
	}
	if end {
		return st.finish()
	}
	st.arrived()
	return h2frame.NoError
}

// append keeps content until it is read: at most the window of it.
func (st *stream) append(p []byte) {
	switch {
	case st.pos == len(st.body):
		st.body, st.pos = st.body[:0], 0
	case st.pos > 0 && len(st.body)+len(p) > cap(st.body):
		st.body = st.body[:copy(st.body, st.body[st.pos:])]
		st.pos = 0
	}
	st.body = append(st.body, p...)
	st.read = true
}

// finish is the end of the content.
func (st *stream) finish() h2frame.Code {
	if st.left > 0 { // RFC 9113 section 8.1.1
		return h2frame.ProtocolError
	}
	st.ended = true
	st.arrived()
	return h2frame.NoError
}

// arrived tells who waits for content.
func (st *stream) arrived() {
	if st.pipe != nil {
		st.pipe.ready()
		return
	}
	st.in.Open()
}

// opened tells who waits for the stream's own window.
func (st *stream) opened() {
	switch {
	case !st.wide():
	case st.pipe != nil:
		st.pipe.ready()
	case !st.listed:
		st.room.Open()
	}
}

// abandon ends what its handler waits for: nobody is there for whom it works.
func (st *stream) abandon(cause error) {
	switch {
	case st.pipe != nil:
		st.pipe.end(cause)
	case st.r != nil:
		st.in.Open()
		st.r.t.Kill(cause)
	}
}

// readSome reads what is there. ErrAgain: nothing is; with an empty p something can be told.
func (st *stream) readSome(p []byte) (int, error) {
	if st.pos < len(st.body) {
		n := copy(p, st.body[st.pos:])
		st.pos += n
		st.took(n)
		return n, nil
	}
	switch {
	case st.over:
		return 0, transport.ErrOver
	case st.reset:
		return 0, transport.ErrGone
	case st.ended:
		return 0, io.EOF
	case st.s.eof:
		return 0, io.ErrUnexpectedEOF
	}
	return 0, transport.ErrAgain
}

// took lets the client send what was read once more, when it is worth a frame. What it may send,
// what is unread and what it is not told of are the window together: so it never waits for nothing.
func (st *stream) took(n int) {
	s := st.s
	s.credit(n)
	if st.credit += int64(n); st.ended || st.reset || s.phase == over ||
		st.credit == 0 || st.credit < s.window/2 {
		return
	}
	s.out = h2frame.AppendWindowUpdate(s.buffer(), st.id, uint32(st.credit))
	st.recv += st.credit
	st.credit = 0
	s.kick()
}
