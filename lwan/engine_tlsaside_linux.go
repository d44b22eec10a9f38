//go:build !golwan_nethttp

package lwan

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/golwan/golwan/lwan/internal/conn"
	"github.com/golwan/golwan/lwan/internal/tlslayer"
)

// A handshake is 0.3 ms of a loop's time where it signs with ECDSA or Ed25519. What takes longer,
// or may, is done on a goroutine meanwhile, and its worker parks: signatures of other keys (RSA
// takes more than a millisecond, a key in another machine as long as it likes), and the callbacks
// of the program's tls.Config. crypto/tls holds mutexes of the connection then; but nobody else
// uses that before its handshake is done.
//
// Where clients show certificates, or may have to, all of the handshake is made on a goroutine: a
// client chooses how long its chain is, and of which keys.
//
// Three callbacks stay where they are, as crypto/tls holds a mutex of all connections around them,
// or asks all the time: KeyLogWriter, Rand and Time.

// below is the connection that a callback was called for.
func below(hello *tls.ClientHelloInfo) *conn.Handshake {
	return tlslayer.Below(hello.Conn).(*conn.Handshake)
}

// aside runs code of the program's on a goroutine. What ends it without a result is an error.
func (l *loopSecurity) aside(over *conn.Handshake, fn func()) error {
	err := errNoReturn
	fail := over.Offload(func() {
		defer func() {
			if v := recover(); v != nil {
				l.eng.core.log.Error("lwan: panic in a callback of tls.Config", "panic", v,
					"stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		fn()
		err = nil
	})
	return errors.Join(fail, err)
}

// fit makes a configuration choose certificates, and sign, without holding up the loop.
func (l *loopSecurity) fit(cfg *tls.Config) {
	cfg.DynamicRecordSizingDisabled = true // the Layer does it
	if keys := cfg.GetEncryptedClientHelloKeys; keys != nil {
		type list = []tls.EncryptedClientHelloKey
		cfg.GetEncryptedClientHelloKeys = func(hello *tls.ClientHelloInfo) (all list, err error) {
			fail := l.aside(below(hello), func() { all, err = keys(hello) })
			return all, errors.Join(fail, err)
		}
	}
	//lint:ignore SA1019 crypto/tls still asks the table of a program that has made one
	names := cfg.NameToCertificate
	s := &certSource{
		l: l, ours: l.sec.files && cfg == l.sec.config, certs: cfg.Certificates, names: names,
	}
	s.get = cfg.GetCertificate
	if s.get == nil && s.fast() {
		return
	}
	// crypto/tls asks the callback for every client that way
	cfg.Certificates, cfg.GetCertificate = nil, s.choose
	cfg.NameToCertificate = nil //lint:ignore SA1019 as above
}

// perClient makes a configuration ask the program what it would ask, off the loop.
func (l *loopSecurity) perClient(cfg *tls.Config) {
	ask := cfg.GetConfigForClient
	if ask == nil && !hasHooks(cfg) {
		return
	}
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (its *tls.Config, err error) {
		over := below(hello)
		if ask != nil {
			fail := l.aside(over, func() { its, err = ask(hello) })
			if err = errors.Join(fail, err); err != nil {
				return nil, err
			}
		}
		switch {
		case its == nil && hasHooks(cfg):
			its = cfg.Clone() // with its keys of tickets
			its.GetConfigForClient = nil
		case its == nil:
			return nil, nil
		}
		l.bindHooks(its, over)
		return its, nil
	}
}

// hasHooks reports whether there are callbacks that are not told whom they are called for.
func hasHooks(cfg *tls.Config) bool {
	return cfg.VerifyPeerCertificate != nil || cfg.VerifyConnection != nil ||
		cfg.WrapSession != nil || cfg.UnwrapSession != nil
}

// bindHooks makes them those of one connection. cfg is nobody else's.
func (l *loopSecurity) bindHooks(cfg *tls.Config, over *conn.Handshake) {
	if verify := cfg.VerifyPeerCertificate; verify != nil {
		cfg.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) (err error) {
			fail := l.aside(over, func() { err = verify(raw, chains) })
			return errors.Join(fail, err)
		}
	}
	if verify := cfg.VerifyConnection; verify != nil {
		cfg.VerifyConnection = func(state tls.ConnectionState) (err error) {
			fail := l.aside(over, func() { err = verify(state) })
			return errors.Join(fail, err)
		}
	}
	type session = *tls.SessionState
	if wrap := cfg.WrapSession; wrap != nil {
		cfg.WrapSession = func(state tls.ConnectionState, s session) (ticket []byte, err error) {
			fail := l.aside(over, func() { ticket, err = wrap(state, s) })
			return ticket, errors.Join(fail, err)
		}
	}
	if unwrap := cfg.UnwrapSession; unwrap != nil {
		cfg.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (s session, err error) {
			fail := l.aside(over, func() { s, err = unwrap(ticket, state) })
			return s, errors.Join(fail, err)
		}
	}
}

// certSource is where the certificates of a configuration come from, in the order of crypto/tls.
type certSource struct {
	l     *loopSecurity
	ours  bool // get is that of Endpoint.Certs, which never waits
	get   func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	certs []tls.Certificate
	names map[string]*tls.Certificate // deprecated, but still looked at
}

// fast reports whether every key may sign on the loop.
func (s *certSource) fast() bool {
	for i := range s.certs {
		if !fastKey(s.certs[i].PrivateKey) {
			return false
		}
	}
	for _, c := range s.names {
		if !fastKey(c.PrivateKey) {
			return false
		}
	}
	return true
}

func fastKey(key crypto.PrivateKey) bool {
	switch key.(type) {
	case *ecdsa.PrivateKey, ed25519.PrivateKey:
		return true
	}
	return false
}

// choose is for tls.Config.GetCertificate.
func (s *certSource) choose(hello *tls.ClientHelloInfo) (cert *tls.Certificate, err error) {
	over := below(hello)
	if s.get != nil && (len(s.certs) == 0 || hello.ServerName != "") {
		if s.ours {
			cert, err = s.get(hello)
		} else {
			fail := s.l.aside(over, func() { cert, err = s.get(hello) })
			err = errors.Join(fail, err)
		}
		if err != nil {
			return nil, err
		}
	}
	if cert == nil {
		cert = s.static(hello)
	}
	return s.l.bind(cert, over), nil
}

// static is the certificate of a list for a client; nil: there is none.
func (s *certSource) static(hello *tls.ClientHelloInfo) *tls.Certificate {
	switch len(s.certs) {
	case 0:
		return nil
	case 1:
		return &s.certs[0]
	}
	if name := strings.ToLower(hello.ServerName); s.names != nil && name != "" {
		_, domain, _ := strings.Cut(name, ".")
		for _, name := range []string{name, "*." + domain} {
			if cert := s.names[name]; cert != nil {
				return cert
			}
		}
	}
	for i := range s.certs {
		if hello.SupportsCertificate(&s.certs[i]) == nil {
			return &s.certs[i]
		}
	}
	return &s.certs[0]
}

// bind makes the key of a certificate sign off the loop.
func (l *loopSecurity) bind(cert *tls.Certificate, over *conn.Handshake) *tls.Certificate {
	if cert == nil || fastKey(cert.PrivateKey) {
		return cert
	}
	signer, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return cert
	}
	bound := *cert
	key := asideKey{signer, l, over}
	if _, decrypts := signer.(crypto.Decrypter); decrypts {
		bound.PrivateKey = asideDecrypter{key}
	} else {
		bound.PrivateKey = key
	}
	return &bound
}

// asideKey signs for one connection.
type asideKey struct {
	crypto.Signer
	l    *loopSecurity
	over *conn.Handshake
}

var _ crypto.MessageSigner = asideKey{}

// signing holds one for each RSA key that is at work: half of the processors are left to the loops,
// which would stand in line behind all who sign.
var signing = make(chan struct{}, max(runtime.GOMAXPROCS(0)/2, 1))

// do uses the key.
func (k asideKey) do(use func() ([]byte, error)) (out []byte, err error) {
	fail := k.l.aside(k.over, func() {
		if _, ok := k.Signer.(*rsa.PrivateKey); ok {
			signing <- struct{}{}
			defer func() { <-signing }()
		}
		out, err = use()
	})
	return out, errors.Join(fail, err)
}

// Sign implements crypto.Signer.
func (k asideKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.do(func() ([]byte, error) { return k.Signer.Sign(rand, digest, opts) })
}

// SignMessage implements crypto.MessageSigner.
func (k asideKey) SignMessage(rand io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.do(func() ([]byte, error) { return crypto.SignMessage(k.Signer, rand, msg, opts) })
}

// asideDecrypter is an asideKey of suites that send a secret to the server's key.
type asideDecrypter struct{ asideKey }

// Decrypt implements crypto.Decrypter.
func (k asideDecrypter) Decrypt(
	rand io.Reader, msg []byte, opts crypto.DecrypterOpts,
) ([]byte, error) {
	return k.do(func() ([]byte, error) {
		return k.Signer.(crypto.Decrypter).Decrypt(rand, msg, opts)
	})
}
