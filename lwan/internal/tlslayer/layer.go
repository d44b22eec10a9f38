package tlslayer

import (
	"crypto/tls"
	"errors"
	"net"
)

// Layer is the state of TLS of one connection.
//
//	Server ──handshake done──▶ codec ──Release──▶ released, over a net.Conn
//	                             │ ▲
//	                             └─┘ Open, Seal, Close, Rest
type Layer struct {
	tls  *tls.Conn
	c    codec
	sent int // bytes since the last rest, until there are so many that it does not matter
	more bool
}

// Records are small at first, so that a client can use the first bytes of an answer before a whole
// segment of 16 KiB has come over a slow line; and large once much was sent, which costs less.
const (
	smallRecord = 4 << 10
	largeRecord = 16 << 10 // RFC 8446 section 5.1
	largeAfter  = 64 << 10
)

// maxUnsent bounds what waits for the next Seal: answers to key updates (RFC 8446 section 4.6.3),
// of 27 bytes each. One is due after 2^24 records; a peer that asks for hundreds while it is
// answered nothing wants to fill the memory.
const maxUnsent = 4 << 10

var errKeyUpdates = errors.New("tls: too many key updates")

// Server does the handshake of a server over a connection, whose calls may wait and have their own
// deadlines. first is what was read of it already. cfg should have DynamicRecordSizingDisabled: the
// Layer sizes records itself. After an error the client has been sent an alert, if there is one for
// it, and over is still open.
func Server(over net.Conn, first []byte, cfg *tls.Config) (*Layer, error) {
	l := &Layer{c: codec{over: over, buf: make([]byte, handshakeBuffer)}}
	l.c.give(first)
	l.tls = tls.Server(&l.c, cfg)
	if err := l.tls.Handshake(); err != nil {
		return nil, err
	}
	l.c.over, l.c.buf = nil, nil
	l.c.keep()
	// The client's first request may have come with its Finished message. crypto/tls has nothing of
	// it: it was given one record after the other.
	l.more = len(l.c.in) > 0
	return l, nil
}

// Open takes all of in, which came from the peer, and decrypts into p. It returns how many bytes of
// p it has filled: as many as there are, or all of them. 0 and nil: no whole record has come.
// io.EOF: the peer has said that nothing follows; a connection that ends without it was cut off, by
// anybody (RFC 8446 section 6.1). n may be positive together with an error.
//
// After an error Close still has something to say. A len(p) of 0 is no way to ask for anything.
func (l *Layer) Open(p, in []byte) (n int, err error) {
	l.c.give(in)
	for n < len(p) && err == nil {
		var got int
		got, err = l.tls.Read(p[n:])
		n += got
	}
	l.c.keep()
	l.more = err == nil
	if err == errAgain {
		err = nil
	}
	if err == nil && len(l.c.out) > maxUnsent {
		err = errKeyUpdates
	}
	return n, err
}

// Pending reports whether Open may have something without more from the peer: as long as p was
// filled.
func (l *Layer) Pending() bool { return l.more }

// Seal appends to out what sends p, and before it what the peer has to be told. p may be empty.
func (l *Layer) Seal(out, p []byte) ([]byte, error) {
	l.c.out = append(out, l.c.out...)
	var err error
	for len(p) > 0 && err == nil {
		n := min(len(p), l.record())
		_, err = l.tls.Write(p[:n])
		l.sent, p = l.sent+n, p[n:]
	}
	return l.c.take(), err
}

// record is how much the next record takes.
func (l *Layer) record() int {
	if l.sent < largeAfter {
		return smallRecord
	}
	return largeRecord
}

// Close appends to out what says that nothing follows (close_notify), and before it an alert if
// something was wrong. Nothing can be sealed after it; Open goes on.
func (l *Layer) Close(out []byte) []byte {
	l.c.out = append(out, l.c.out...)
	_ = l.tls.CloseWrite() // it fails for a connection that has nothing to say any more
	return l.c.take()
}

// Rest is called when nothing has come or gone for some time: records begin small again.
func (l *Layer) Rest() { l.sent = 0 }

// State is what the handshake has found out.
func (l *Layer) State() *tls.ConnectionState {
	s := l.tls.ConnectionState()
	return &s
}

// Kernel reports false: the system has no part in it.
func (l *Layer) Kernel() bool { return false }

// Release gives the connection away: to is the same connection with a socket of package net, and
// what comes back is TLS over it, which goes on where the Layer was. Only what it returns may be
// used afterwards. It has the methods of a *tls.Conn, and a Write that may be continued after its
// deadline.
func (l *Layer) Release(to net.Conn) net.Conn {
	l.c.over, l.c.free = to, true
	return &released{Conn: l.tls, l: l}
}
