package ws

import (
	"sync"

	"github.com/golwan/golwan/lwan/internal/transport"
	"github.com/golwan/golwan/lwan/internal/wsframe"
)

// Writing. Frames are appended to out, from anywhere; the loop takes all of out as part, and writes
// that. So control frames stand between messages, and never in one.

// compressFrom is the length of the shortest message that is compressed.
const compressFrom = 128

// Push queues a message, and lets the loop send it. ErrFull: the client owes too much, and the
// message was not taken; ErrOver: nothing can be sent any more. It may be called from anywhere.
func (s *Session) Push(op wsframe.Opcode, msg []byte) error {
	head := wsframe.Head{Fin: true, Op: op}
	if s.window > 0 && len(msg) >= compressFrom {
		d := deflations.Get().(*deflation)
		defer d.put()
		d.b = wsframe.AppendDeflated(d.b[:0], msg, int(s.window))
		if len(d.b) < len(msg) {
			msg, head.Reserved = d.b, wsframe.RSV1
		}
	}
	head.Length = int64(len(msg))
	var room [wsframe.MaxHead]byte
	b := wsframe.AppendHead(room[:0], head)
	s.mu.Lock()
	switch {
	case s.last:
		s.mu.Unlock()
		return transport.ErrOver
	case s.owed > 0 && s.owed+len(b)+len(msg) > s.cfg.Backlog:
		s.mu.Unlock()
		return ErrFull
	}
	s.owed += len(b) + len(msg)
	s.out = append(append(s.out, b...), msg...)
	s.callAndUnlock()
	return nil
}

// Close begins the closing handshake behind what was pushed, unless it has begun. It may be called
// from anywhere.
func (s *Session) Close(code int, reason string) {
	s.mu.Lock()
	if s.last {
		s.mu.Unlock()
		return
	}
	s.last = true
	s.append(wsframe.Close, wsframe.AppendClose(nil, code, reason))
	s.close = &Closed{code, reason}
	s.callAndUnlock()
}

// callAndUnlock sends the loop a letter, unless there is one on its way.
func (s *Session) callAndUnlock() {
	call := !s.told
	s.told = true
	s.mu.Unlock()
	if call {
		s.pipe.Loop().Post(s.called)
	}
}

// called is the letter.
func (s *Session) called() {
	s.mu.Lock()
	s.told = false
	c := s.close
	s.close = nil
	s.mu.Unlock()
	switch {
	case s.state == over:
		return
	case c != nil:
		s.beginClosing(c)
	}
	s.flush()
	s.read()
	s.arm()
}

// queue appends a control frame, on the loop.
func (s *Session) queue(op wsframe.Opcode, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last {
		s.append(op, payload)
	}
}

// append appends a frame to out; mu is held.
func (s *Session) append(op wsframe.Opcode, payload []byte) {
	n := len(s.out)
	s.out = wsframe.AppendFrame(s.out, op, payload)
	s.owed += len(s.out) - n
}

// Owed is how many bytes the client owes.
func (s *Session) Owed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owed
}

// flush writes what the kernel takes.
func (s *Session) flush() {
	for s.state != over {
		if len(s.part) == 0 && !s.takeOut() {
			break
		}
		n, err := s.pipe.TryWrite(s.part)
		s.wrote(n)
		switch {
		case err == transport.ErrAgain:
			if s.stuck == 0 {
				s.stuck = max(s.pipe.Loop().Now(), 1)
			}
			return
		case err != nil:
			s.fail(transport.ErrGone)
			return
		}
	}
	s.sent()
}

// takeOut makes part what is in out. It reports false if there is nothing. If the close frame of
// Close is in it, it may leave before the loop's letter is read: nothing follows it all the same.
func (s *Session) takeOut() bool {
	s.mu.Lock()
	s.part, s.out = s.out, nil
	c := s.close
	s.close = nil
	s.mu.Unlock()
	if c != nil {
		s.beginClosing(c)
	}
	return len(s.part) > 0
}

// wrote notes that so much of part has left.
func (s *Session) wrote(n int) {
	if n <= 0 {
		return
	}
	s.stuck = 0
	s.gone += int64(n)
	if s.part = s.part[n:]; len(s.part) == 0 {
		s.part = nil
	}
	s.mu.Lock()
	s.owed -= n
	s.mu.Unlock()
}

// sent is called when everything has left.
func (s *Session) sent() {
	switch {
	case s.state == over:
	case s.state == closing:
		if s.seen { // a client that is still sending can read why
			s.end(transport.Linger)
		}
	default:
		s.owner.Room()
	}
}

// TryFrame writes a frame that others share, unless frames are on their way: then ErrAgain, and
// Room tells. What the kernel does not take of it is kept.
func (s *Session) TryFrame(frame []byte) error {
	switch {
	case s.state != open:
		return transport.ErrOver
	case len(s.part) > 0 || s.Owed() > 0:
		return transport.ErrAgain
	}
	n, err := s.pipe.TryWrite(frame)
	s.gone += int64(max(n, 0))
	if err != nil && err != transport.ErrAgain {
		s.fail(transport.ErrGone)
		return transport.ErrOver
	}
	if left := frame[max(n, 0):]; len(left) > 0 {
		s.part = append(s.part, left...)
		s.mu.Lock()
		s.owed += len(left)
		s.mu.Unlock()
		if s.stuck == 0 {
			s.stuck = max(s.pipe.Loop().Now(), 1)
		}
		s.arm()
	}
	return nil
}

// deflation is memory for a compressed message.
type deflation struct{ b []byte }

var deflations = sync.Pool{New: func() any { return new(deflation) }}

// keptDeflation is how large such memory may be that is lent again.
const keptDeflation = 1 << 20

func (d *deflation) put() {
	if cap(d.b) <= keptDeflation {
		deflations.Put(d)
	}
}
