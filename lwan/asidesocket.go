package lwan

import (
	"net"
	"os"
	"time"
)

// asideSocket is a WebSocket of HTTP/2 in a Blocking handler: what is under its asideConn, where
// HTTP/1 has a connection of package net. It has no descriptor: the worker sends what is written,
// and a second one reads ahead, as with any other stream. Goroutines may use it side by side.
type asideSocket struct {
	a      *aside
	peer   *peerCopy
	closed bool // guarded by the aside's mutex
}

var _ net.Conn = (*asideSocket)(nil)

// become makes the aside's stream one without a body, whose content is the handler's to read. It is
// called by the worker.
func (a *aside) become(x *exchange) *asideSocket {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inErr = nil // there was no body
	x.req.body.length = -1
	here := a.peer
	here.here, here.asked = x.by.Peer().Local(), nil
	return &asideSocket{a: a, peer: &here}
}

func (s *asideSocket) Read(p []byte) (int, error) {
	n, err := s.a.Read(nil, p)
	return n, errorOfNet(err)
}

// Write implements net.Conn: the worker takes it, as fast as the client does.
func (s *asideSocket) Write(p []byte) (int, error) {
	if s.isClosed() {
		return 0, net.ErrClosed
	}
	if err := s.a.Write(p); err != nil {
		return 0, errorOfNet(err)
	}
	if err := s.a.Flush(); err != nil {
		return len(p), errorOfNet(err)
	}
	return len(p), nil
}

// errorOfNet is an error as package net has it.
func errorOfNet(err error) error {
	switch err {
	case ErrTimeout:
		return os.ErrDeadlineExceeded
	case ErrOver:
		return net.ErrClosed
	}
	return err
}

func (s *asideSocket) isClosed() bool {
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	return s.closed
}

// Close sends the end of the stream, once.
func (s *asideSocket) Close() error {
	s.a.mu.Lock()
	was := s.closed
	s.closed = true
	s.a.mu.Unlock()
	if was {
		return nil
	}
	return errorOfNet(s.a.Close(nil))
}

// CloseWrite does the same.
func (s *asideSocket) CloseWrite() error { return s.Close() }

func (s *asideSocket) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(s.peer.here) }
func (s *asideSocket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.peer.addr) }

// SetDeadline implements net.Conn, as the next two do: the aside's mutex is held.
func (s *asideSocket) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

func (s *asideSocket) SetReadDeadline(t time.Time) error {
	s.a.req.readBy, s.a.readBy = t, t
	s.a.news.Broadcast() // who waits looks at it
	return nil
}

func (s *asideSocket) SetWriteDeadline(t time.Time) error {
	s.a.req.writeBy, s.a.writeBy = t, t
	return nil
}
