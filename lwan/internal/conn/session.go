//go:build linux

package conn

import (
	"syscall"

	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// pipe is a connection as a transport.Pipe: an object that is made once for a session, so that its
// events allocate nothing.
type pipe struct{ Conn }

// Pipe is the connection for a session.
func (c Conn) Pipe() transport.Pipe { return &pipe{c} }

// Loop implements transport.Pipe.
func (p *pipe) Loop() transport.Loop { return p.set.loop }

// Gone implements transport.Pipe.
func (p *pipe) Gone() bool {
	s := p.slot()
	return s == nil || s.gone()
}

// Attach leaves the connection to ses, at once: a worker that serves it has nothing to do with it
// any more, whatever it still does, and its verdict does not count. Ready is called in a turn of
// its own.
func (c Conn) Attach(ses transport.Session) { (&pipe{c}).Attach(ses) }

// Attach implements transport.Pipe.
func (p *pipe) Attach(ses transport.Session) {
	s := p.slot()
	if s == nil {
		return
	}
	set, r := p.set, p.set.record(s)
	if s.state == slotBusy {
		t := &set.loop.Current().Task
		if r.at != nil { // else the worker has not waited yet, and runs
			t = r.at.task
		}
		seatOf(t).leave()
		set.busy--
	}
	s.state = slotSession
	set.wheel.disarm(p.fd) // that was a request's
	*r = record{what: ses, pipe: p, untold: true, layer: r.layer}
	set.queue(p.fd, s)
}

// tell gives the session its turn. If draining had begun before its first one it is told that too.
func (set *Set) tell(s *slot) {
	r := set.records.at(s.rec)
	ses, p, first := r.session(), r.pipe, r.untold
	r.untold = false
	ses.Ready(p)
	if first && set.phase == phaseDrain && p.has(ses) {
		ses.Draining(p)
	}
}

// turn gives the session the turn that it has waited for: because its time is up, or for another
// look.
func (set *Set) turn(s *slot) {
	r := set.records.at(s.rec)
	if ses, p := r.session(), r.pipe; r.expired && !r.untold {
		r.expired = false
		if ses.Expired(p); !p.has(ses) {
			return
		}
	}
	set.tell(s)
}

// has reports whether ses still drives the connection.
func (p *pipe) has(ses transport.Session) bool {
	s := p.slot()
	return s != nil && s.state == slotSession && p.set.records.at(s.rec).session() == ses
}

// endSession ends what a session has. The session is told first, as it may have something to do
// with it; and nothing after it.
func (set *Set) endSession(s *slot, cause error) {
	r := set.records.at(s.rec)
	ses, p := r.session(), r.pipe
	r.what = over{}
	ses.Ended(p, cause)
	p.End(transport.Close) // unless the session did
}

// over takes the place of a session that was told of the end.
type over struct{}

func (over) Ready(transport.Pipe)        {}
func (over) Expired(transport.Pipe)      {}
func (over) Draining(transport.Pipe)     {}
func (over) AtRest(transport.Pipe) bool  { return false }
func (over) Ended(transport.Pipe, error) {}

// Again gives the session of the connection another turn, after the others had theirs.
func (c Conn) Again() {
	if s := c.slot(); s != nil && s.state == slotSession {
		c.set.queue(c.fd, s)
	}
}

// End ends a connection that a session has, which is not told.
func (c Conn) End(how transport.Ending) {
	s := c.slot()
	if s == nil || s.state != slotSession {
		return
	}
	if how == transport.Linger && c.set.phase < phaseHard {
		c.set.startLinger(c.fd, s)
		return
	}
	c.set.part(c.fd, s)
}

// Abort is End at once, by which the peer sees a reset and not an end.
func (c Conn) Abort() {
	if s := c.slot(); s != nil && s.state == slotSession {
		c.set.reset(c.fd, s)
	}
}

// Discard throws away what the peer sends. It reports false when the peer has closed. When there is
// more than a fair share the session has another turn.
func (c Conn) Discard() bool {
	s := c.slot()
	if s == nil {
		return false
	}
	set, buf := c.set, c.set.loop.Scratch()
	if ly := set.layer(s); ly != nil {
		return c.discardLayer(s, ly, buf)
	}
	for share := fairShare; s.readable(); {
		if share <= 0 {
			set.queue(c.fd, s)
			return true
		}
		n, e := set.kernel.Read(int(c.fd), buf)
		share -= max(n, 0)
		switch {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			set.used(c.fd, s, loop.In)
			return true
		case e != 0 || n == 0:
			return false
		case n < len(buf) && !s.gone():
			set.used(c.fd, s, loop.In)
		}
	}
	return true
}

// discardLayer is Discard through a Layer, which may tell of the end.
func (c Conn) discardLayer(s *slot, ly *layered, buf []byte) bool {
	for share := fairShare; share > 0; {
		n, err := c.open(s, ly, buf)
		switch {
		case err == transport.ErrAgain:
			return true
		case err != nil || n == 0:
			return false
		}
		share -= n
	}
	c.set.queue(c.fd, s)
	return true
}

var _ transport.Pipe = (*pipe)(nil)
