package lwan

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/golwan/golwan/lwan/internal/transport"
)

// What a Blocking handler asks for: aside as its Stream and its Peer. All of it runs on goroutines
// of the program's.

var (
	_ transport.Stream = (*aside)(nil)
	_ transport.Peer   = (*peerCopy)(nil)
)

// Read implements transport.Stream.
func (a *aside) Read(_ transport.Task, p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.readBy = a.req.readBy
	for {
		switch {
		case a.over:
			return 0, ErrOver
		case a.inPos < len(a.in):
			n := copy(p, a.in[a.inPos:])
			if a.inPos += n; a.inPos == len(a.in) {
				a.in, a.inPos = a.in[:0], 0
				a.ringReader()
			}
			return n, nil
		case a.inErr != nil:
			return 0, a.inErr
		case a.deserted:
			return 0, a.failed
		case a.cause != nil && a.cause != ErrGone: // who has left may have sent more before
			a.halfRead = true
			return 0, a.cause
		}
		if !a.wanted {
			a.wanted = true
			a.limits = a.req.limits
			a.ring()
		}
		if !a.awaitBody() {
			a.halfRead = true
			return 0, ErrTimeout
		}
	}
}

// awaitBody waits until something has changed. It reports false when the handler's own deadline has
// passed; mu is held.
func (a *aside) awaitBody() bool {
	if a.readBy.IsZero() {
		a.news.Wait()
		return true
	}
	left := time.Until(a.readBy)
	if left <= 0 {
		return false
	}
	t := time.AfterFunc(left, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.news.Broadcast()
	})
	defer t.Stop()
	a.news.Wait()
	return true
}

// Unread implements transport.Stream: the end of the handler ends what others read.
func (a *aside) Unread() bool { return true }

// Trailer implements transport.Stream.
func (a *aside) Trailer() []transport.Field {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trailers
}

// Interim implements transport.Stream.
func (a *aside) Interim(answer *transport.Answer) error {
	if a.minor == 0 { // RFC 9110 section 15.2
		return nil
	}
	held := holdHead(answer)
	return a.tell(func() { a.interims = append(a.interims, held) })
}

// Head implements transport.Stream. That of a whole answer is sent, with its content, once the
// goroutine has ended.
func (a *aside) Head(answer *transport.Answer) error {
	if answer.Whole {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.whole = answer
		a.whole.Close = a.whole.Close || a.halfRead
		return nil
	}
	held := holdHead(answer)
	return a.tell(func() {
		a.head, a.dropped = held, !answer.Content
		held.answer.Close = held.answer.Close || a.halfRead
	})
}

// Write implements transport.Stream.
func (a *aside) Write(p []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.whole != nil: // the Response keeps it until it is sent
		a.content = p
		return nil
	case a.dropped:
		return nil
	}
	for {
		if err := a.refusal(); err != nil {
			return err
		}
		n := min(asideBuffer-len(a.out), len(p))
		if len(a.out)+n > cap(a.out) && len(a.out)+n > heldSmall/4 {
			a.out = a.core.large.grow(a.out, asideBuffer)
		}
		a.out = append(a.out, p[:n]...)
		if p = p[n:]; len(a.out) >= streamPiece {
			a.limits, a.writeBy = a.req.limits, a.req.writeBy
			a.ring()
		}
		if len(p) == 0 {
			return nil
		}
		a.news.Wait()
	}
}

// File implements transport.Stream: the goroutine reads the file, so that a slow disk holds no
// loop.
func (a *aside) File(f *os.File, off, n int64) error {
	if a.dropped {
		return nil
	}
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		m, err := f.ReadAt(buf[:min(n, int64(len(buf)))], off)
		if m > 0 {
			if err := a.Write(buf[:m]); err != nil {
				return err
			}
			off, n = off+int64(m), n-int64(m)
			continue
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// Flush implements transport.Stream. It does not wait until everything has gone: the next call
// returns what has gone wrong.
func (a *aside) Flush() error { return a.tell(func() { a.flushing = true }) }

// Close implements transport.Stream.
func (a *aside) Close(trailer []transport.Field) error {
	tail := slices.Clone(trailer)
	if a.whole != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.tail = tail
		return nil
	}
	return a.tell(func() { a.ending, a.tail = true, tail })
}

// Cut implements transport.Stream.
func (a *aside) Cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cutting = true
}

// Take implements transport.Stream. It is the worker that leaves a connection to a session, once
// the goroutine has ended.
func (a *aside) Take(*transport.Answer, []byte) (transport.Pipe, transport.Form, []byte, error) {
	return nil, 0, nil, transport.ErrNotHere
}

// Peer implements transport.Stream.
func (a *aside) Peer() transport.Peer { return &a.peer }

// peerCopy is what is known of the two ends of a connection, for those who may not ask it any more.
type peerCopy struct {
	addr     netip.AddrPort
	here     netip.AddrPort
	asked    *aside // finds here; nil: it is known, or never will be
	tls      *tls.ConnectionState
	endpoint int
}

// copyFrom copies what p knows; of our own address only if local is true, as it costs a system
// call.
func (c *peerCopy) copyFrom(p transport.Peer, local bool) {
	c.addr, c.tls, c.endpoint = p.Addr(), p.TLS(), p.Endpoint()
	if local {
		c.here = p.Local()
	}
}

// Addr implements transport.Peer.
func (c *peerCopy) Addr() netip.AddrPort { return c.addr }

// Local implements transport.Peer.
func (c *peerCopy) Local() netip.AddrPort {
	if c.here.IsValid() || c.asked == nil {
		return c.here
	}
	return c.asked.local()
}

// TLS implements transport.Peer.
func (c *peerCopy) TLS() *tls.ConnectionState { return c.tls }

// Endpoint implements transport.Peer.
func (c *peerCopy) Endpoint() int { return c.endpoint }

// local asks for our own address.
func (a *aside) local() (here netip.AddrPort) {
	// A connection that is gone has no address.
	_ = a.call(func() error { here = a.host.by.Peer().Local(); return nil })
	return here
}

// Hijack implements transport.Stream.
func (a *aside) Hijack() (conn net.Conn, rest []byte, err error) {
	err = a.call(func() (err error) {
		conn, rest, err = a.host.resp.takeConn()
		return err
	})
	if err != nil {
		if conn != nil { // the handler has returned meanwhile: it is nobody's
			_ = conn.Close()
		}
		return nil, nil, err
	}
	return conn, append(a.unread(), rest...), nil
}

// unread takes back what came along of a body that is not chunked.
func (a *aside) unread() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.in[a.inPos:]
	if len(b) == 0 {
		return nil
	}
	a.in, a.inPos = nil, 0 // b is not lent to others later
	return b[:len(b):len(b)]
}

// Raw implements transport.Stream.
func (a *aside) Raw(_ transport.Task, proto string, answer *transport.Answer) (
	net.Conn, []byte, error,
) {
	c := &asideConn{a: a, limited: true}
	err := a.call(func() (err error) {
		x := a.host
		c.Conn, c.rest, err = x.by.Raw(a, proto, answer)
		if err != nil {
			return err
		}
		if c.Conn == nil { // a stream, which the worker reads and writes
			c.Conn = a.become(x)
		}
		x.resp.take(answerTaken, switching)
		if !a.keepConn(c) {
			err = c.Conn.Close()
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return c, nil, nil
}
