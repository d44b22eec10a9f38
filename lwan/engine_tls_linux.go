//go:build !golwan_nethttp

package lwan

import (
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/h2frame"
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
	if !l.sec.bare && plainHTTP(first) {
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
	state := c.Layer().State()
	switch protocol := state.NegotiatedProtocol; {
	case l.sec.bare:
		return conn.Idle
	case !l.sec.speaks(protocol): // as that of ACME: nothing goes on behind its handshake
		return conn.Linger
	case protocol == alpnHTTP2 && prohibited(state):
		l.eng.h2.Refuse(c, h2frame.InadequateSecurity, tls.CipherSuiteName(state.CipherSuite))
		return conn.Hand
	case protocol == alpnHTTP2:
		l.eng.h2.Start(c, nil)
		return conn.Hand
	default:
		return conn.Idle
	}
}

// prohibited reports whether HTTP/2 must not be spoken over what a handshake has agreed on (RFC 9113
// section 9.2.2): of what crypto/tls has of TLS 1.2, all but the suites of forward secrecy with an
// AEAD.
func prohibited(state *tls.ConnectionState) bool {
	if state.Version >= tls.VersionTLS13 {
		return false
	}
	switch state.CipherSuite {
	case tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
		return false
	}
	return true
}
