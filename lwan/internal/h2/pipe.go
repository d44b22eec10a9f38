//go:build linux && !golwan_nethttp

package h2

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/golwan/golwan/lwan/internal/h2frame"
	"github.com/golwan/golwan/lwan/internal/loop"
	"github.com/golwan/golwan/lwan/internal/transport"
)

// pipe is a stream without a handler: a session drives it, the guest. It belongs to its stream, and
// ends with it.
type pipe struct {
	st     *stream
	guest  transport.Session // nil: it has ended
	untold bool              // the guest waits for its first turn
	due    bool              // it is to have one
	whole  bool              // the request had ended before: its end says nothing
	late   bool              // its time is up
	told   bool              // it was told of draining
	timer  loop.Timer        // of Expire
}

var _ transport.Pipe = (*pipe)(nil)

// Take implements transport.Stream.
func (r *runner) Take(a *transport.Answer, first []byte) (
	transport.Pipe, transport.Form, []byte, error,
) {
	if r.phase != held {
		return nil, 0, nil, transport.ErrOver
	}
	err := r.switchTo(a)
	if err == nil {
		err = r.Write(first)
	}
	if err == nil { // others were given their turn just now, and one of them may have ended it all
		err = r.gone()
	}
	if err != nil {
		r.Cut()
		return nil, 0, nil, err
	}
	st := r.st
	p := &pipe{st: st, whole: st.ended && !r.head.WebSocket}
	st.r, st.pipe = nil, p
	r.s.count(0, 1)
	r.st, r.phase = nil, handed
	r.s.kick()
	return p, transport.Plain, nil, nil
}

// Attach implements transport.Pipe.
func (p *pipe) Attach(guest transport.Session) {
	p.guest, p.untold = guest, true
	p.Again()
}

// Again implements transport.Pipe.
func (p *pipe) Again() {
	if s := p.st.s; !p.due && p.live() {
		p.due = true
		s.due++
		s.c.Again()
	}
}

// Expire implements transport.Pipe.
func (p *pipe) Expire(seconds uint32) {
	l := p.st.s.home.loop
	p.late = false
	switch {
	case seconds > 0 && p.live():
		p.timer.Fire = func() {
			p.late = true
			p.Again()
		}
		l.Set(&p.timer, l.At(time.Duration(seconds)*time.Second))
	case p.timer.Set():
		l.Stop(&p.timer)
	}
}

// Gone implements transport.Pipe.
func (p *pipe) Gone() bool {
	return !p.live() || p.st.reset || p.st.s.eof || p.st.ended && !p.whole
}

// live reports whether the stream can still be used by the guest.
func (p *pipe) live() bool { return p.st.pipe == p && p.st.s.phase != over }

// runGuests gives those their turn that have asked for it.
func (s *session) runGuests() {
	if s.due == 0 {
		return
	}
	s.eachStream(func(st *stream) {
		p := st.pipe
		if p == nil || !p.due {
			return
		}
		p.due = false
		s.due--
		p.turn()
	})
}

// turn is one of the guest's, who may end the stream in each call.
func (p *pipe) turn() {
	if p.st.s.eof { // its client has left before it was here
		p.end(transport.ErrGone)
		return
	}
	first := p.untold
	p.untold = false
	if p.late && p.guest != nil {
		p.late = false
		p.guest.Expired(p)
	}
	if p.guest != nil {
		p.guest.Ready(p)
	}
	if first && p.guest != nil && p.st.s.drained {
		p.drain()
	}
}

// ready tells the guest that there is something to read, or room.
func (p *pipe) ready() {
	if p.guest != nil && !p.untold {
		p.guest.Ready(p)
	}
}

// drain tells it that draining has begun; before its first turn it is told then.
func (p *pipe) drain() {
	if p.guest != nil && !p.untold && !p.told {
		p.told = true
		p.guest.Draining(p)
	}
}

// end ends the stream from outside.
func (p *pipe) end(cause error) {
	st, guest := p.st, p.guest
	p.guest = nil
	if guest != nil {
		guest.Ended(p, cause)
	}
	p.drop(st)
}

// drop takes the stream out of its connection, once.
func (p *pipe) drop(st *stream) {
	if st.pipe != p {
		return
	}
	if p.due {
		p.due = false
		st.s.due--
	}
	if p.timer.Set() {
		st.s.home.loop.Stop(&p.timer)
	}
	st.s.finish(st)
}

// End implements transport.Pipe.
func (p *pipe) End(how transport.Ending) {
	st := p.st
	if p.guest = nil; !p.live() {
		return
	}
	s := st.s
	switch {
	case st.reset, st.sent && st.ended:
	case how == transport.Linger:
		if !st.sent {
			s.out = h2frame.AppendHeader(s.buffer(), h2frame.Data, h2frame.EndStream, st.id, 0)
		}
	default:
		st.reset = true
		s.refuse(st.id, h2frame.Cancel)
	}
	p.drop(st)
}

// CloseWrite implements relay.Pipe: the client may go on sending.
func (p *pipe) CloseWrite() error {
	st := p.st
	if !p.live() || st.reset {
		return transport.ErrOver
	}
	if s := st.s; !st.sent {
		st.sent = true
		s.out = h2frame.AppendHeader(s.buffer(), h2frame.Data, h2frame.EndStream, st.id, 0)
		s.kick()
	}
	return nil
}

// Abort implements relay.Pipe.
func (p *pipe) Abort() { p.End(transport.Close) }

// TryRead implements transport.Pipe. The end of a request that came before it was taken does not
// mean that its client has left.
func (p *pipe) TryRead(b []byte) (int, error) {
	if !p.live() {
		return 0, transport.ErrOver
	}
	n, err := p.st.readSome(b)
	switch {
	case err == io.EOF && p.whole:
		return 0, transport.ErrAgain
	case err == io.EOF:
		return 0, nil
	case err == nil, err == transport.ErrAgain:
		return n, err
	}
	return 0, transport.ErrOver
}

// TryWrite implements transport.Pipe.
func (p *pipe) TryWrite(b []byte) (done int, err error) {
	st := p.st
	s := st.s
	if !p.live() || st.reset || st.sent {
		return 0, transport.ErrOver
	}
	for done < len(b) {
		n := s.room(st, len(b)-done)
		if n == 0 || !s.order.mayWrite(st) {
			if st.wide() {
				s.order.add(st)
			}
			break
		}
		s.frame(st, b[done:done+n], done+n == len(b), false)
		done += n
	}
	if s.kick(); done == 0 && len(b) > 0 {
		return 0, transport.ErrAgain
	}
	return done, nil
}

// Loop implements transport.Pipe.
func (p *pipe) Loop() transport.Loop { return p.st.s.home.loop }

// Hijack implements transport.Stream: the connection is not this stream's.
func (r *runner) Hijack() (net.Conn, []byte, error) {
	return nil, nil, fmt.Errorf("%w: other streams use it, too", transport.ErrNotHere)
}

var (
	_ transport.Stream = (*runner)(nil)
	_ transport.Peer   = (*runner)(nil)
)

// Peer implements transport.Stream.
func (r *runner) Peer() transport.Peer { return r }

// Addr implements transport.Peer.
func (r *runner) Addr() netip.AddrPort {
	if r.s == nil {
		return netip.AddrPort{}
	}
	return r.s.c.Peer()
}

// Local implements transport.Peer.
func (r *runner) Local() netip.AddrPort {
	if r.s == nil {
		return netip.AddrPort{}
	}
	return r.s.c.Local()
}

// TLS implements transport.Peer.
func (r *runner) TLS() *tls.ConnectionState {
	if r.s == nil {
		return nil
	}
	return r.s.c.TLS()
}

// Endpoint implements transport.Peer.
func (r *runner) Endpoint() int {
	if r.s == nil {
		return 0
	}
	return r.s.lane
}
