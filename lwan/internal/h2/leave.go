//go:build linux && !golwan_nethttp

package h2

import (
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// greet is what the server sends first.
func (s *session) greet() {
	c := &s.p.Calm
	s.out = h2frame.AppendSettings(s.buffer(),
		uint32(h2frame.HeaderTableSize), uint32(c.Table),
		uint32(h2frame.MaxConcurrentStreams), uint32(c.Streams),
		uint32(h2frame.InitialWindowSize), uint32(c.Window),
		uint32(h2frame.MaxHeaderListSize), uint32(s.p.Limits.Fields),
		uint32(h2frame.EnableConnect), 1,
		uint32(h2frame.NoRFC7540Priorities), 1)
	if more := c.ConnWindow - h2frame.DefaultWindow; more > 0 {
		s.out = h2frame.AppendWindowUpdate(s.out, 0, uint32(more))
	}
}

// fail ends the connection by an error of its client's (RFC 9113 section 5.4.1).
func (s *session) fail(code h2frame.Code, reason string) verdict {
	if s.phase != over {
		s.out = h2frame.AppendGoAway(s.buffer(), s.last, code, reason)
		s.lastWords()
		s.c.End(transport.Linger)
		s.conclude(transport.ErrGone)
	}
	return ended
}

// lastWords writes what the kernel takes. The rest is lost: whoever does not read what it was sent
// before does not learn why it ends, either.
func (s *session) lastWords() {
	for len(s.out) > 0 {
		n, err := s.c.TryWrite(s.out)
		if err != nil {
			return
		}
		s.out = s.out[:copy(s.out, s.out[n:])]
	}
}

// conclude is the end of the session: its handlers and guests are told the cause.
func (s *session) conclude(cause error) {
	s.phase = over
	if s.leaver.Set() {
		s.home.loop.Stop(&s.leaver)
	}
	if s.out != nil {
		s.home.giveOut(s.out)
		s.out = nil
	}
	s.part, s.block = nil, block{}
	s.eachStream(func(st *stream) { st.abandon(cause) })
	s.space.Open()
}

// Ended implements transport.Session: the connection is about to be closed.
func (s *session) Ended(_ transport.Pipe, cause error) {
	if s.phase == over {
		return
	}
	s.out = h2frame.AppendGoAway(s.buffer(), s.last, h2frame.NoError, "")
	s.lastWords()
	s.conclude(cause)
}

// Expired implements transport.Session: the client has asked for nothing for too long, or owes the
// rest of something.
func (s *session) Expired(transport.Pipe) {
	if s.phase != over && s.handlers == 0 {
		s.fail(h2frame.NoError, "")
	}
}

// AtRest implements transport.Session.
func (s *session) AtRest(transport.Pipe) bool {
	return s.calm.settled && s.handlers == 0 && len(s.part) == 0 && s.block.stream == 0 &&
		len(s.out) == 0
}

// farewell is what the PING says that shows how far the client has heard us.
const farewell = "farewell"

// farewellTime is how long its answer is waited for.
const farewellTime = time.Second

// retire begins to leave (RFC 9113 section 6.8): streams that are on their way still count.
func (s *session) retire() {
	if s.phase != open {
		return
	}
	s.phase = leaving
	s.out = h2frame.AppendGoAway(s.buffer(), h2frame.MaxWindow, h2frame.NoError, "")
	s.out = h2frame.AppendPing(s.out, 0, []byte(farewell))
	s.leaver.Fire = s.depart
	s.home.loop.Set(&s.leaver, s.home.loop.At(farewellTime))
	s.kick()
}

// depart says which stream was the last one.
func (s *session) depart() {
	if s.phase != leaving {
		return
	}
	s.phase = left
	if s.leaver.Set() {
		s.home.loop.Stop(&s.leaver)
	}
	s.out = h2frame.AppendGoAway(s.buffer(), s.last, h2frame.NoError, "")
	s.kick()
}

// leaveWhenDone ends the connection when nothing is left of it.
func (s *session) leaveWhenDone() bool {
	if s.phase != left && !s.eof || s.handlers > 0 || len(s.out) > 0 {
		return false
	}
	s.c.End(transport.Linger)
	s.conclude(transport.ErrGone)
	return true
}

// Draining implements transport.Session.
func (s *session) Draining(transport.Pipe) {
	if s.phase == over {
		return
	}
	s.drained = true
	s.retire()
	s.eachStream(func(st *stream) {
		switch {
		case st.pipe != nil:
			st.pipe.drain()
		case st.r != nil:
			st.r.t.Drain()
		}
	})
}

// halfClosed is for a client that has closed its side: it may still read. Its handlers are told
// that it has left, and what they write goes on.
func (s *session) halfClosed() {
	if s.eof {
		return
	}
	s.eof = true
	s.eachStream(func(st *stream) {
		switch {
		case st.pipe != nil:
			st.pipe.end(transport.ErrGone)
		case st.r != nil:
			st.in.Open()
			st.r.t.Cancel(0, transport.ErrGone)
		}
	})
}
