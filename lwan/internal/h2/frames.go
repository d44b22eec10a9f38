//go:build linux && !golwan_nethttp

package h2

import (
	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// handle does what a frame asks for. A bad one is of its stream only.
func (s *session) handle(f *h2frame.Frame, bad h2frame.Error) verdict {
	switch {
	case s.block.stream != 0 && f.Type != h2frame.Continuation:
		return s.fail(h2frame.ProtocolError, "a frame inside of a field block")
	case s.calm.settled:
	case f.Type == h2frame.SettingsType && !f.Is(h2frame.Ack):
		s.calm.settled = true
	default:
		return s.fail(h2frame.ProtocolError, "the first frame is not SETTINGS")
	}
	if bad.Bad() && f.Type != h2frame.Headers {
		return s.fault(bad)
	}
	switch f.Type {
	case h2frame.Data:
		return s.data(f)
	case h2frame.Headers:
		return s.headers(f, bad)
	case h2frame.Continuation:
		return s.continuation(f)
	case h2frame.RstStream:
		return s.reset(f)
	case h2frame.SettingsType:
		return s.settings(f)
	case h2frame.Ping:
		return s.ping(f)
	case h2frame.WindowUpdate:
		return s.windowUpdate(f)
	case h2frame.PriorityUpdate:
		if st := s.find(f.Uint32()); st != nil {
			s.order.move(st, h2frame.ParsePriority(f.Payload[4:]))
		}
	}
	return s.useless() // PRIORITY, GOAWAY and what is not known, too
}

// fault ends a stream by an error of its client's.
func (s *session) fault(bad h2frame.Error) verdict {
	switch st := s.find(bad.Stream); {
	case s.idle(bad.Stream):
		return s.fail(bad.Code, bad.Reason)
	case s.ignored(bad.Stream):
		return s.useless()
	case st != nil:
		s.cut(st, bad.Code)
	default:
		s.refuse(bad.Stream, bad.Code)
	}
	return s.wasted()
}

// idle reports whether a stream has not begun, so that most frames must not name it (RFC 9113
// section 5.1).
func (s *session) idle(id uint32) bool { return id > s.highest || id&1 == 0 }

// ignored reports whether a stream was begun behind the last one that our GOAWAY has named: its
// client did not know yet, and asks elsewhere (RFC 9113 section 6.8).
func (s *session) ignored(id uint32) bool { return id > s.last }

// data takes content. What nobody reads counts as read at once.
func (s *session) data(f *h2frame.Frame) verdict {
	if s.idle(f.Stream) {
		return s.fail(h2frame.ProtocolError, "DATA on an idle stream")
	}
	if s.recvWindow -= int64(f.Length); s.recvWindow < 0 {
		return s.fail(h2frame.FlowControlError, "more than the window of the connection")
	}
	end := f.Is(h2frame.EndStream)
	if len(f.Payload) == 0 && !end && s.useless() != goOn {
		return ended
	}
	st := s.find(f.Stream)
	switch {
	case st == nil || st.reset:
		s.credit(f.Length)
		if st != nil && !st.byClient || s.ignored(f.Stream) || s.resets.has(f.Stream) {
			return goOn // it was on its way
		}
		s.refuse(f.Stream, h2frame.StreamClosed)
		return s.wasted()
	case st.ended:
		s.credit(f.Length)
		return s.fault(h2frame.Error{Code: h2frame.StreamClosed, Stream: f.Stream})
	}
	if bad := st.take(f.Payload, f.Length, end); bad != h2frame.NoError {
		s.credit(f.Length)
		return s.fault(h2frame.Error{Code: bad, Stream: f.Stream})
	}
	if padding := f.Length - len(f.Payload); padding > 0 { // nobody reads it
		st.took(padding)
	}
	return s.goesOn()
}

// reset ends a stream that its client does not want any more.
func (s *session) reset(f *h2frame.Frame) verdict {
	if s.idle(f.Stream) {
		return s.fail(h2frame.ProtocolError, "RST_STREAM on an idle stream")
	}
	st := s.find(f.Stream)
	if st == nil || st.reset {
		return s.useless()
	}
	st.byClient = true
	s.stop(st)
	return s.wasted()
}

// settings takes what the client says of itself.
func (s *session) settings(f *h2frame.Frame) verdict {
	if f.Is(h2frame.Ack) {
		return s.acknowledged()
	}
	before := s.peer.Window
	if bad := s.peer.Take(f.Payload); bad.Bad() {
		return s.fail(bad.Code, bad.Reason)
	}
	if by := s.peer.Window - before; by != 0 {
		for _, st := range s.streams {
			if st.send += by; st.send > h2frame.MaxWindow {
				return s.fail(h2frame.FlowControlError, "window over 2^31-1")
			}
		}
		s.eachStream((*stream).opened)
	}
	s.out = h2frame.AppendSettingsAck(s.buffer())
	return s.useless()
}

// acknowledged is for our own settings, which are sent once: what the client sends from now on
// keeps to them.
func (s *session) acknowledged() verdict {
	if s.calm.acknowledged {
		return s.useless()
	}
	s.calm.acknowledged = true
	by := int64(s.p.Calm.Window) - s.window
	s.window += by
	for _, st := range s.streams {
		st.recv += by
	}
	s.fields.SetTable(uint32(s.p.Calm.Table))
	return goOn
}

// ping answers, or has been answered.
func (s *session) ping(f *h2frame.Frame) verdict {
	if f.Is(h2frame.Ack) {
		if s.phase == leaving && string(f.Payload) == farewell {
			s.depart()
			return goOn
		}
		return s.useless()
	}
	s.out = h2frame.AppendPing(s.buffer(), h2frame.Ack, f.Payload)
	return s.useless()
}

// tinyUpdate is an increment that moves next to nothing.
const tinyUpdate = 256

// windowUpdate opens a window.
func (s *session) windowUpdate(f *h2frame.Frame) verdict {
	by := int64(f.Uint32())
	st := s.find(f.Stream)
	// of a stream that has ended: its client was still reading
	if by < tinyUpdate || f.Stream != 0 && st == nil {
		if s.calm.updates > 0 {
			s.calm.updates--
		} else if s.useless() != goOn {
			return ended
		}
	}
	if f.Stream == 0 {
		if s.sendWindow += by; s.sendWindow > h2frame.MaxWindow {
			return s.fail(h2frame.FlowControlError, "window over 2^31-1")
		}
		s.order.pump(s)
		return s.goesOn()
	}
	if s.idle(f.Stream) {
		return s.fail(h2frame.ProtocolError, "WINDOW_UPDATE on an idle stream")
	}
	if st == nil || st.reset {
		return goOn
	}
	if st.send += by; st.send > h2frame.MaxWindow {
		return s.fault(h2frame.Error{Code: h2frame.FlowControlError, Stream: f.Stream})
	}
	st.opened()
	return s.goesOn()
}

// goesOn is for what has called a guest, who may end the connection.
func (s *session) goesOn() verdict {
	if s.phase == over {
		return ended
	}
	return goOn
}

// eachStream visits the streams, of which do may end any.
func (s *session) eachStream(do func(*stream)) {
	for i := len(s.streams) - 1; i >= 0; i-- {
		if i < len(s.streams) {
			do(s.streams[i])
		}
	}
}

// credit lets the client send n bytes more, by and by.
func (s *session) credit(n int) {
	if s.recvCredit += int64(n); s.recvCredit < int64(s.p.Calm.ConnWindow)/2 || s.phase == over {
		return
	}
	s.out = h2frame.AppendWindowUpdate(s.buffer(), 0, uint32(s.recvCredit))
	s.recvWindow += s.recvCredit
	s.recvCredit = 0
	s.kick()
}

// refuse ends a stream that has no handler.
func (s *session) refuse(id uint32, code h2frame.Code) {
	s.out = h2frame.AppendRstStream(s.buffer(), id, code)
	s.resets.add(id, min(max(leastResets, 2*s.p.Calm.Streams), mostResets))
}

// cut ends a stream from here; its handler finds that out.
func (s *session) cut(st *stream, code h2frame.Code) {
	if st.reset || s.phase == over {
		return
	}
	s.refuse(st.id, code)
	s.kick()
	s.stop(st)
}

// stop is for a stream on which nothing more comes or goes: whoever works for it finds that out,
// and others have the turn that it has waited for, however long its handler goes on.
func (s *session) stop(st *stream) {
	st.reset = true
	s.order.forget(s, st)
	st.abandon(transport.ErrGone)
}

// recent are the streams that were reset last, of which frames may be on their way still.
type recent struct {
	ids  []uint32
	next int
}

// leastResets is how many are remembered; twice as many as there may be streams, if that is more:
// whoever has so many hears of one reset only after others have been.
const (
	leastResets = 256
	mostResets  = 4096
)

func (r *recent) add(id uint32, most int) {
	if len(r.ids) < most {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

func (r *recent) has(id uint32) bool {
	for _, known := range r.ids {
		if known == id {
			return true
		}
	}
	return false
}

// lost is for a connection that is broken.
func (s *session) lost() {
	if s.phase == over {
		return
	}
	s.c.End(transport.Close)
	s.conclude(transport.ErrGone)
}
