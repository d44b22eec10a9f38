package ws

import (
	"bytes"
	"errors"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Reading. Bytes are read into the loop's scratch buffer, and taken apart there. What is kept of
// them is an input: the beginning of a message, or what has come behind one that the owner has.

// input is what has come of the next messages.
type input struct {
	frames wsframe.Reader
	bytes  []byte // not taken yet
	short  bool   // bytes are a part of a frame's head, or of a control frame
}

const (
	// readShare is how much is read before others have a turn.
	readShare = 256 << 10
	// unsentRoom is how many bytes a client may leave in the way, in answers to its pings among
	// others, and be read on.
	unsentRoom = 64 << 10
)

func (s *Session) begin() *input {
	in := &input{}
	in.frames.Deflate, in.frames.MaxMessage = s.wants, s.cfg.MaxMessage
	return in
}

// drop forgets what has come.
func (s *Session) drop() {
	if s.in != nil {
		s.in.frames.Release()
		s.in = nil
	}
}

// read takes what has come, up to a message for the owner.
func (s *Session) read() {
	for share := readShare; s.reads(); {
		buf, read := s.fill()
		if buf == nil {
			return
		}
		s.take(buf, read == 0)
		s.flush()
		if share -= read; share <= 0 && s.reads() {
			s.pipe.Again()
			return
		}
	}
}

// reads reports whether something that comes now can be dealt with.
func (s *Session) reads() bool {
	return s.state != over && !s.paused && !s.seen && s.Owed() <= unsentRoom
}

// fill returns bytes to take: those that are kept, or as many of those as are short, with what
// comes behind them; and how many were read. nil: there is nothing.
func (s *Session) fill() (buf []byte, read int) {
	kept, scratch := 0, s.pipe.Loop().Scratch()
	if in := s.in; in != nil && len(in.bytes) > 0 {
		if !in.short {
			return in.bytes, 0
		}
		kept = copy(scratch, in.bytes)
	}
	n, err := s.pipe.TryRead(scratch[kept:])
	switch {
	case err == transport.ErrAgain:
		return nil, 0
	case err != nil || n == 0:
		s.fail(transport.ErrGone)
		return nil, 0
	}
	s.heard, s.asked = s.pipe.Loop().Now(), false
	return scratch[:kept+n], n
}

// take takes buf apart, up to a message for the owner, and keeps the rest; own: buf is the input's
// already.
func (s *Session) take(buf []byte, own bool) {
	in, short := s.in, false
	if in == nil {
		in = s.begin()
	}
	for s.reads() && !short {
		m, n, err := in.frames.Next(buf)
		buf = buf[n:]
		switch {
		case err != nil:
			s.violated(err)
		case m.Op == wsframe.Ping:
			s.queue(wsframe.Pong, m.Payload)
		case m.Op == wsframe.Close:
			s.closedBy(m.Payload)
		case m.Op == 0:
			short = true
		case m.Op.IsControl(), s.state != open:
		default:
			s.paused = true
			s.owner.Message(m.Op, bytes.Clone(m.Payload))
		}
	}
	in.frames.Release()
	if s.state == over || s.seen || len(buf) == 0 && in.frames.Between() {
		s.in = nil
		return
	}
	if !own {
		buf = bytes.Clone(buf)
	}
	in.bytes, in.short = buf, short
	s.in = in
}

// violated tells the client which rule it has broken. Nothing that it sends means anything now.
func (s *Session) violated(err error) {
	e, _ := errors.AsType[*wsframe.Error](err) // a Reader has no others
	s.seen = true
	s.leave(&Closed{e.Code, e.Reason}, e.Code, e.Reason)
}

// closedBy answers the client's close frame with one of the same code (RFC 6455 section 5.5.1).
func (s *Session) closedBy(payload []byte) {
	code, reason, _ := wsframe.ParseClose(payload) // the Reader has looked at it
	s.seen = true
	s.leave(&Closed{code, string(reason)}, code, "")
}
