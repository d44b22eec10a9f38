//go:build !golwan_nethttp

package lwan

import (
	"errors"
	"fmt"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/tlslayer"
)

// loopSecurity makes the handshakes of an endpoint's connections on the loops. crypto/tls does it
// in a worker, which parks while the client has to answer.
type loopSecurity struct {
	eng *loopEngine
	sec *security
}

var _ conn.Security = (*loopSecurity)(nil)

// secure lets the connections of a lane begin with a handshake.
func (e *loopEngine) secure(lane *conn.Lane, sec *security) {
	l := &loopSecurity{eng: e, sec: sec}
	sec.fit = l.fit
	l.fit(sec.config)
	l.perClient(sec.config)
	lane.Secure(l, orPause(e.core.srv.HandshakeTimeout, defaultHandshake))
}

// Missing implements conn.Security.
func (l *loopSecurity) Missing(hello []byte) (int, error) { return tlslayer.Hello(hello) }

// Plain implements conn.Security.
func (l *loopSecurity) Plain(first []byte) []byte {
	if plainHTTP(first) {
		return []byte(plainRefusal)
	}
	return nil
}

// Handshake implements conn.Security.
func (l *loopSecurity) Handshake(over *conn.Handshake, hello []byte) (conn.Layer, error) {
	layer, err := (*tlslayer.Layer)(nil), errNoReturn
	shake := func() { layer, err = tlslayer.Server(over, hello, l.sec.config) }
	if l.sec.strict { // chains of clients take as long as they like: 0.1 s for 50 KB
		fail := over.Apart(shake)
		err = errors.Join(fail, err)
	} else {
		shake()
	}
	if err != nil {
		l.eng.core.log.Debug("lwan: no handshake", "remote", over.RemoteAddr(), "err", err)
		return nil, fmt.Errorf("handshake: %w", err)
	}
	if layer.State().DidResume {
		l.eng.resumed.Add(1)
	}
	return layer, nil
}

// Chosen implements conn.Security. It is the one place where ALPN chooses who speaks on a
// connection.
func (l *loopSecurity) Chosen(c conn.Conn) conn.Verdict {
	switch protocol := c.Layer().State().NegotiatedProtocol; {
	case !l.sec.speaks(protocol): // as that of ACME: nothing goes on behind its handshake
		return conn.Linger
	case protocol == alpnHTTP2:
		l.eng.h2.Start(c, nil)
		return conn.Hand
	default:
		return conn.Idle
	}
}
