//go:build linux && !golwan_nethttp

package h2

import (
	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/message"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// block is a field block that goes on in other frames.
type block struct {
	stream uint32 // 0: none
	end    bool   // its stream ends with it
	frames int
	bytes  []byte
	bad    h2frame.Error // of its first frame: it has to be decoded all the same
}

// headers takes a HEADERS frame.
func (s *session) headers(f *h2frame.Frame, bad h2frame.Error) verdict {
	if f.Stream&1 == 0 {
		return s.fail(h2frame.ProtocolError, "stream with an even number")
	}
	end := f.Is(h2frame.EndStream)
	if f.Is(h2frame.EndHeaders) {
		return s.fieldBlock(f.Stream, end, f.Payload, bad)
	}
	s.block = block{stream: f.Stream, end: end, bytes: append([]byte(nil), f.Payload...), bad: bad}
	return goOn
}

// continuation takes a CONTINUATION frame. Names and values in twice as many bytes as they may have
// are too many, however well they were packed.
func (s *session) continuation(f *h2frame.Frame) verdict {
	b := &s.block
	if b.stream == 0 || b.stream != f.Stream {
		return s.fail(h2frame.ProtocolError, "CONTINUATION of no field block")
	}
	b.frames++
	switch {
	case b.frames > s.p.Calm.Continuations, len(b.bytes)+len(f.Payload) > 2*s.p.Limits.Fields:
		return s.fail(h2frame.EnhanceYourCalm, "field block over the limit")
	case !f.Is(h2frame.EndHeaders):
		b.bytes = append(b.bytes, f.Payload...)
		return goOn
	}
	whole := *b
	s.block = block{}
	return s.fieldBlock(whole.stream, whole.end, append(whole.bytes, f.Payload...), whole.bad)
}

// fieldBlock takes a whole field block: a request, or trailers. Each is decoded, whatever becomes
// of it.
func (s *session) fieldBlock(id uint32, end bool, bytes []byte, bad h2frame.Error) verdict {
	if st := s.find(id); st != nil {
		return s.trailers(st, end, bytes, bad)
	}
	if id <= s.highest {
		return s.late(id, bytes)
	}
	if s.highest = id; s.phase == left {
		return s.skip(bytes)
	}
	s.last = id
	if !bad.Bad() && s.handlers >= s.p.Calm.Streams {
		bad = h2frame.Error{Code: h2frame.RefusedStream, Stream: id, Reason: "too many streams"}
	}
	if bad.Bad() {
		if v := s.skip(bytes); v != goOn {
			return v
		}
		return s.fault(bad)
	}
	return s.request(id, end, bytes)
}

// skip decodes a block that is of no interest.
func (s *session) skip(bytes []byte) verdict {
	if bad := s.fields.Skip(bytes); bad.Bad() {
		return s.fail(bad.Code, bad.Reason)
	}
	return s.useless()
}

// late is for a stream that has ended, or was passed over (RFC 9113 section 5.1.1).
func (s *session) late(id uint32, bytes []byte) verdict {
	if s.ignored(id) || s.resets.has(id) {
		return s.skip(bytes)
	}
	for _, closed := range s.closed {
		if closed == id {
			return s.fail(h2frame.StreamClosed, "HEADERS on a closed stream")
		}
	}
	return s.fail(h2frame.ProtocolError, "stream with a number that is too low")
}

// trailers takes the end of a request's content.
func (s *session) trailers(st *stream, end bool, bytes []byte, bad h2frame.Error) verdict {
	trailer, known := st.trailer[:0], st.ended || st.reset // then its handler may look at them
	wrong := s.fields.Trailers(bytes, st.id, func(name, value string) {
		if !known {
			trailer = append(trailer, transport.Field{Name: name, Value: value})
		}
	})
	switch {
	case wrong.Bad() && wrong.Stream == 0:
		return s.fail(wrong.Code, wrong.Reason)
	case st.byClient:
		s.refuse(st.id, h2frame.StreamClosed)
		return s.wasted()
	case st.reset:
		return s.useless()
	case st.ended:
		return s.fault(h2frame.Error{Code: h2frame.StreamClosed, Stream: st.id})
	case bad.Bad():
		return s.fault(bad)
	case wrong.Bad():
		return s.fault(wrong)
	case !end:
		return s.fault(h2frame.Error{Code: h2frame.ProtocolError, Stream: st.id})
	}
	st.trailer = trailer
	if code := st.finish(); code != h2frame.NoError {
		return s.fault(h2frame.Error{Code: code, Stream: st.id})
	}
	return goOn
}

// request begins a stream: its handler runs at once, in this worker.
func (s *session) request(id uint32, end bool, bytes []byte) verdict {
	r := s.runner()
	head, refused, bad := s.fields.Request(bytes, id, end, &r.head, r.buf[:0])
	r.buf = head
	switch {
	case bad.Bad() && bad.Stream == 0:
		return s.fail(bad.Code, bad.Reason)
	case bad.Bad():
		return s.fault(bad)
	}
	st := s.begin(id, end)
	if refused.Status != 0 {
		r.head = message.Head{Fields: r.head.Fields[:0], ContentLength: -1, Minor: 1, Major: 2}
	} else {
		st.left = r.head.ContentLength
		if v, ok := r.head.FindKnown(message.Priority); ok {
			st.urgency = h2frame.ParsePriority(v.Of(r.buf))
		}
	}
	if s.requests++; s.p.Requests > 0 && s.requests >= s.p.Requests {
		s.retire()
	}
	if v := s.lookAhead(st); v != goOn {
		s.drop(st)
		return v
	}
	if st.reset { // by what came behind it
		s.drop(st)
		return goOn
	}
	r.begin(s, st, refused)
	if !s.home.loop.Branch(r) {
		return apart
	}
	return s.goesOn()
}

// lookAhead takes content that has come along, so that its handler need not wait for it.
func (s *session) lookAhead(st *stream) verdict {
	for !st.ended && !st.reset {
		f, n, bad := h2frame.Parse(s.home.buf[s.pos:s.end])
		if n == 0 || bad.Bad() || f.Type != h2frame.Data || f.Stream != st.id {
			return goOn
		}
		s.pos += n
		if v := s.data(&f); v != goOn {
			return v
		}
	}
	return goOn
}

// runner is the one of the worker that runs the loop.
func (s *session) runner() *runner {
	w := s.home.loop.Current()
	r, ok := w.Branching.(*runner)
	if !ok {
		r = &runner{p: s.p, x: s.p.NewExchange(s.home.loop)}
		r.addField = r.appendField
		r.runBy(&w.Task)
		w.Branching = r
	}
	return r
}
