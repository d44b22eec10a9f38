package lwan

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Protocols is a set of versions of HTTP; see Endpoint.Protocols.
type Protocols uint8

const (
	HTTP1 Protocols = 1 << iota // HTTP/1.1 and 1.0

	// HTTP2 is chosen over TLS by ALPN, and in the clear by prior knowledge (RFC 9113 section 3.3);
	// never by "Upgrade: h2c", which RFC 9113 section 3.1 has removed.
	HTTP2
)

// Names of ALPN (RFC 7301, RFC 9113 section 3.1).
const (
	alpnHTTP1 = "http/1.1"
	alpnHTTP2 = "h2"
)

const (
	defaultHandshake  = 10 * time.Second // Server.HandshakeTimeout
	defaultHandshakes = 1024             // Server.MaxHandshakes
)

// security is what an endpoint needs for TLS.
type security struct {
	config    *tls.Config
	protocols Protocols
	bare      bool // no HTTP is spoken: ALPN is TLS.NextProtos' alone
	files     bool // config's GetCertificate is that of Endpoint.Certs

	// strict says that the name of the handshake decides who may do what: by a certificate that the
	// client shows, or by a configuration of its own for each name. A request for another host is
	// misdirected then (RFC 9110 section 15.5.20).
	strict bool

	// fit makes a configuration that the program has chosen for one client what the engine needs;
	// nil: it needs nothing.
	fit func(*tls.Config)
}

// encrypted reports whether the endpoint speaks TLS.
func (e Endpoint) encrypted() bool { return e.TLS != nil || e.Certs != nil }

// versions are the endpoint's protocols, with the default in place of zero: those that
// TLS.NextProtos names, or all over TLS, and HTTP/1 in the clear.
func (e Endpoint) versions() Protocols {
	if e.Protocols != 0 {
		return e.Protocols
	}
	if !e.encrypted() {
		return HTTP1
	}
	var named Protocols
	if e.TLS != nil {
		if slices.Contains(e.TLS.NextProtos, alpnHTTP1) {
			named |= HTTP1
		}
		if slices.Contains(e.TLS.NextProtos, alpnHTTP2) {
			named |= HTTP2
		}
	}
	if named != 0 {
		return named
	}
	return HTTP1 | HTTP2
}

var (
	errProtocols = errors.New("a bit of Protocols is neither HTTP1 nor HTTP2")
	errNoCert    = errors.New("no certificates: Certs is nil, and TLS has neither Certificates " +
		"nor a callback")
	errTwoSources = errors.New("both Certs and TLS have certificates; use one")
	errOldTLS     = errors.New("TLS.MinVersion or MaxVersion is below TLS 1.2 (RFC 8996)")
	errSuites     = errors.New("TLS.CipherSuites lacks what HTTP/2 needs, RFC 9113 section 9.2.2: " +
		"tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
)

// Check finds what a server would refuse of Protocols, TLS, Certs, Proxy and Conn when it starts.
// Files of certificates are not read.
func (e Endpoint) Check() error {
	if e.Protocols&^(HTTP1|HTTP2) != 0 {
		return errProtocols
	}
	if err := errors.Join(e.checkProxy(), e.checkConn()); err != nil {
		return err
	}
	if !e.encrypted() {
		return nil
	}
	cfg := e.TLS
	if cfg == nil {
		cfg = &tls.Config{}
	}
	own := len(cfg.Certificates) > 0 || cfg.GetCertificate != nil
	switch {
	case tooOld(cfg.MinVersion), tooOld(cfg.MaxVersion):
		return errOldTLS
	case e.Conn == nil && e.versions()&HTTP2 != 0 && !suitsHTTP2(cfg):
		return errSuites
	case e.Certs != nil && own:
		return errTwoSources
	case e.Certs == nil && !own && cfg.GetConfigForClient == nil:
		return errNoCert
	}
	return nil
}

// complete is the endpoint's configuration of TLS; nil: it has none. It reads the certificates.
func (e Endpoint) complete() (*security, error) {
	if err := e.Check(); err != nil || !e.encrypted() {
		return nil, err
	}
	cfg := &tls.Config{}
	if e.TLS != nil {
		cfg = e.TLS.Clone()
	}
	s := &security{config: cfg, protocols: e.versions(), bare: e.Conn != nil}
	s.strict = cfg.ClientAuth != tls.NoClientCert || cfg.GetConfigForClient != nil
	if e.Certs != nil {
		if err := e.Certs.Reload(); err != nil {
			return nil, err
		}
		cfg.GetCertificate, s.files = e.Certs.get, true
	}
	s.complete(cfg)
	if perClient := cfg.GetConfigForClient; perClient != nil {
		cfg.GetConfigForClient = s.each(perClient)
	}
	return s, nil
}

func tooOld(version uint16) bool { return version != 0 && version < tls.VersionTLS12 }

// suitsHTTP2 reports whether a client of HTTP/2 over TLS 1.2 finds a suite that it may use.
func suitsHTTP2(cfg *tls.Config) bool {
	return cfg.CipherSuites == nil || cfg.MinVersion >= tls.VersionTLS13 ||
		slices.Contains(cfg.CipherSuites, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) ||
		slices.Contains(cfg.CipherSuites, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)
}

// modernSuites are those of TLS 1.2 that clients may choose from unless the program says so: with
// forward secrecy and authenticated encryption, as TLS 1.3 has it, and none that encrypts block by
// block with a MAC behind (RFC 9325 section 4.2).
var modernSuites = [...]uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// complete sets what the program has left open, and what is the server's to choose.
func (s *security) complete(cfg *tls.Config) {
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	if cfg.CipherSuites == nil {
		cfg.CipherSuites = slices.Clone(modernSuites[:])
	}
	if s.bare {
		return
	}
	var names []string
	if s.protocols&HTTP2 != 0 {
		names = append(names, alpnHTTP2)
	}
	if s.protocols&HTTP1 != 0 {
		names = append(names, alpnHTTP1)
	}
	for _, other := range cfg.NextProtos { // as that of ACME, whose handshake is all there is
		if other != alpnHTTP1 && other != alpnHTTP2 {
			names = append(names, other)
		}
	}
	cfg.NextProtos = names
}

// each completes what the program gives for one client.
func (s *security) each(
	perClient func(*tls.ClientHelloInfo) (*tls.Config, error),
) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		its, err := perClient(hello)
		if its == nil || err != nil {
			return nil, err
		}
		its = its.Clone()
		its.GetConfigForClient = nil
		if its.Certificates == nil && its.GetCertificate == nil {
			its.Certificates, its.GetCertificate = s.config.Certificates, s.config.GetCertificate
		} else if s.fit != nil {
			s.fit(its)
		}
		s.complete(its)
		return its, nil
	}
}

var errNoReturn = errors.New("a callback of the configuration has not returned")

// speaks reports whether the connection goes on with HTTP behind its handshake, as ALPN has it.
func (s *security) speaks(protocol string) bool {
	if s.bare {
		return true
	}
	switch protocol {
	case alpnHTTP2:
		return s.protocols&HTTP2 != 0
	case "", alpnHTTP1: // a client without ALPN knows HTTP/1 only
		return s.protocols&HTTP1 != 0
	}
	return false
}

// misdirected reports whether a request for that host must not come over a connection whose
// handshake named serverName. An address is never named in a handshake (RFC 6066 section 3).
func (s *security) misdirected(host, serverName string) bool {
	if !s.strict {
		return false
	}
	host = hostOnly(host)
	if serverName == "" {
		_, err := netip.ParseAddr(strings.Trim(host, "[]"))
		return err != nil
	}
	return !strings.EqualFold(strings.TrimSuffix(host, "."), strings.TrimSuffix(serverName, "."))
}

// plainRefusal is the answer to a request that comes in the clear where nothing else does.
const plainRefusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Length: 40\r\nConnection: close\r\n\r\n400 Bad Request: this port speaks HTTPS\n"

// plainHTTP reports whether a connection begins as a request of HTTP/1 does.
func plainHTTP(first []byte) bool { return len(first) > 0 && first[0] >= 'A' && first[0] <= 'Z' }

// hostOnly is an authority without its port.
func hostOnly(authority string) string {
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		return authority[:i]
	}
	return authority
}

// opened is an endpoint with all that is needed to serve it.
type opened struct {
	Endpoint
	number   int // among the server's
	table    *table
	security *security // nil: in the clear
}

// failed says which endpoint it was.
func (p opened) failed(err error) error {
	return fmt.Errorf("lwan: endpoint %d (%s): %w", p.number, p.where(), err)
}

// secure completes the configurations of all endpoints, and keeps certificates and keys of tickets
// up to date until the server has ended. An error names the endpoint.
func (s *Server) secure(places []opened, left *inheritance) (err error) {
	keys, files := newTicketKeys(), map[*CertFiles]bool{}
	for i := range places {
		p := &places[i]
		if p.security, err = p.complete(); err != nil {
			return p.failed(err)
		}
		if p.security == nil {
			continue
		}
		s.life.tickets = keys
		keys.use(p.Endpoint, p.security.config)
		if p.Certs != nil {
			files[p.Certs] = true
		}
	}
	if s.life.tickets == nil {
		return nil
	}
	if err := left.takeKeys(keys); err != nil {
		s.life.core.log.Warn("lwan: clients' sessions end with the process before", "err", err)
	}
	keys.start()
	s.watchCerts(files)
	return nil
}

// watchCerts ends with the server, and with the keys.
func (s *Server) watchCerts(files map[*CertFiles]bool) {
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	for f := range files {
		watching.Go(func() { f.watch(ctx, s.life.core.log) })
	}
	s.OnClose(func() error {
		s.life.tickets.stop()
		cancel()
		watching.Wait()
		return nil
	})
}
